"""Read one HTTP/1.x answer from bytes as they arrive, within bounds that hold for any input. Pure.

Only these headers are read, all others are skipped: Content-Length, Transfer-Encoding and Content-Encoding say where
the body ends and that it is plain; Retry-After and Date say when to come again. A caller may name more. Choices where
RFC 9112 leaves one, or servers differ:

- A line ends with LF, with or without CR before it; a folded line belongs to the header before it. The case of a name
does not matter. A header that occurs more than once is the list of its values.
- A length that is not a number, two different lengths, or a length together with a transfer coding leave the end of the
body unknown: the answer is refused. So is any transfer coding except `chunked`, and any content encoding except
`identity`.
- A close ends the headers, and a body without a length: the reader of the body sees whether it is complete.
- 1xx is skipped; 204 and 3xx end with their headers, even if these announce a body. Location is ignored.
- Bytes after the answer are ignored.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable

MAX_EXCHANGE_BYTES = 262_144
MAX_BODY_BYTES = 65_536
MAX_LINE_BYTES = 16_384
# Header and trailer lines, counted over all answers of an exchange.
MAX_LINES = 256
MAX_CHUNKS = 1024
MAX_INTERIM_ANSWERS = 8
_MAX_SHOWN = 80

_HEADERS = frozenset({b"content-length", b"transfer-encoding", b"content-encoding", b"retry-after", b"date"})
_VERSION = b"HTTP/1."
_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9]{2})(?: ([^\r\0]*))?")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?", re.DOTALL)
_LENGTH = re.compile(rb"[0-9]{1,64}")


class InvalidAnswer(Exception):
    """Say what is wrong with an answer: a clause that follows "the server answered".

    `said` is the beginning of an answer that is not HTTP, as it came.
    """

    def __init__(self, problem: str, said: bytes = b"") -> None:
        super().__init__(problem)
        self.said = said


class AnswerCutOff(Exception):
    """The connection ended before the answer did."""


class _Part(enum.Enum):
    """Name what the next bytes belong to."""

    STATUS = enum.auto()
    HEADERS = enum.auto()
    BODY = enum.auto()
    CHUNK_SIZE = enum.auto()
    CHUNK = enum.auto()
    CHUNK_END = enum.auto()
    TRAILERS = enum.auto()


class AnswerReader:
    """Take the bytes of a connection until `complete`; then `status`, `reason` and `body` are those of the answer.

    `head_only` is for answers without a body: to HEAD and CONNECT. `more_headers` are further headers to read, in small
    letters. `reason` and the result of `header` are raw bytes of the server.
    """

    def __init__(self, *, head_only: bool = False, more_headers: Iterable[bytes] = ()) -> None:
        self.status = 0
        self.reason = b""
        self.body = b""
        self.complete = False
        self._head_only = head_only
        self._wanted = _HEADERS | frozenset(more_headers)
        self._headers: dict[bytes, bytes] = {}
        self._last_name = b""
        self._part = _Part.STATUS
        # The bytes that are still to come of the body or the chunk; `None` if the close ends them.
        self._left: int | None = None
        self._buffer = bytearray()
        self._searched_to = 0
        self._pieces = bytearray()
        self._taken = self._lines = self._chunks = self._interim = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes, no bytes for the close; raise `InvalidAnswer` or `AnswerCutOff`."""
        if not data:
            self._close()
            return
        self._taken += len(data)
        if self._taken > MAX_EXCHANGE_BYTES:
            raise InvalidAnswer(f"more than {MAX_EXCHANGE_BYTES // 1024} kB in all")
        self._buffer += data
        while not self.complete and self._advance():
            pass

    def header(self, name: bytes) -> bytes | None:
        """Return the value of a header that is read, `None` if the answer does not have it."""
        return self._headers.get(name)

    def _advance(self) -> bool:
        """Read one part; return whether another part may be read without more bytes."""
        if self._part in {_Part.BODY, _Part.CHUNK}:
            return self._take_data()
        if self._part is _Part.STATUS and not _may_be_http(self._buffer):
            raise InvalidAnswer("with something that is not HTTP", bytes(self._buffer[:_MAX_SHOWN]))
        line = self._take_line()
        if line is None:
            return False
        match self._part:
            case _Part.STATUS:
                self._read_status(line)
            case _Part.HEADERS if line:
                self._read_header(line)
            case _Part.HEADERS:
                self._end_headers()
            case _Part.CHUNK_SIZE:
                self._read_chunk_size(line)
            case _Part.CHUNK_END if line:
                raise InvalidAnswer("with a chunk that is longer than its stated size")
            case _Part.CHUNK_END:
                self._part = _Part.CHUNK_SIZE
            case _ if not line:
                self._end_body()
        return True

    def _take_line(self) -> bytes | None:
        """Return the next line without its end, `None` while it is incomplete."""
        end = self._buffer.find(b"\n", self._searched_to)
        if (len(self._buffer) if end < 0 else end) > MAX_LINE_BYTES:
            raise InvalidAnswer(f"with a line of more than {MAX_LINE_BYTES // 1024} kB")
        if end < 0:
            self._searched_to = len(self._buffer)
            return None
        self._searched_to = 0
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if self._part not in {_Part.CHUNK_SIZE, _Part.CHUNK_END}:
            self._lines += 1
        if self._lines > MAX_LINES:
            raise InvalidAnswer(f"with more than {MAX_LINES} lines of headers")
        return line.removesuffix(b"\r")

    def _read_status(self, line: bytes) -> None:
        found = _STATUS_LINE.fullmatch(line)
        if found is None:
            raise InvalidAnswer("with something that is not HTTP", line[:_MAX_SHOWN])
        self.status, self.reason = int(found[1]), found[2] or b""
        self._headers, self._last_name = {}, b""
        self._part = _Part.HEADERS

    def _read_header(self, line: bytes) -> None:
        if line[:1] in {b" ", b"\t"}:
            # A folded line, as in mail (RFC 9112, 5.2): if the header is skipped, its folded lines are skipped too.
            if self._last_name in self._headers:
                self._headers[self._last_name] = (self._headers[self._last_name] + b" " + line.strip(b" \t")).strip()
            return
        name, colon, value = line.partition(b":")
        self._last_name = name.rstrip(b" \t").lower()
        if colon and self._last_name in self._wanted:
            before, value = self._headers.get(self._last_name), value.strip(b" \t")
            self._headers[self._last_name] = value if before is None else before + b"," + value

    def _end_headers(self) -> None:
        """Decide where the answer ends."""
        if self.status == 101:
            raise InvalidAnswer("with another protocol that was not requested")
        if self.status < 200:
            self._interim += 1
            if self._interim > MAX_INTERIM_ANSWERS:
                raise InvalidAnswer("again and again with an interim answer")
            self._part = _Part.STATUS
        elif self._head_only or self.status == 204 or 300 <= self.status < 400:
            self.complete = True
        else:
            self._begin_body()

    def _begin_body(self) -> None:
        if not self._tokens(b"content-encoding") <= {b"", b"identity"}:
            raise InvalidAnswer("with a compressed body that was not requested")
        lengths, coded = self._tokens(b"content-length"), b"transfer-encoding" in self._headers
        if coded and (self._tokens(b"transfer-encoding") != {b"chunked"} or lengths):
            raise InvalidAnswer("with a body without a defined end")
        if coded:
            self._part = _Part.CHUNK_SIZE
            return
        self._part = _Part.BODY
        if lengths:
            length = lengths.pop()
            if lengths or not _LENGTH.fullmatch(length):
                raise InvalidAnswer("with a body of invalid length")
            self._expect(int(length))

    def _tokens(self, name: bytes) -> set[bytes]:
        """Return the different values of a list, in small letters; an empty set if the header is missing."""
        value = self._headers.get(name)
        return set() if value is None else {token.strip(b" \t").lower() for token in value.split(b",")}

    def _expect(self, length: int) -> None:
        if length > MAX_BODY_BYTES - len(self._pieces):
            raise InvalidAnswer(f"more than {MAX_BODY_BYTES // 1024} kB")
        self._left = length
        if self._part is _Part.BODY and not length:
            self._end_body()

    def _read_chunk_size(self, line: bytes) -> None:
        found = _CHUNK_SIZE.fullmatch(line)
        if found is None:
            raise InvalidAnswer("with a body without a defined end")
        self._chunks += 1
        if self._chunks > MAX_CHUNKS:
            raise InvalidAnswer(f"in more than {MAX_CHUNKS} pieces")
        size = int(found[1], 16)
        self._part = _Part.CHUNK if size else _Part.TRAILERS
        self._expect(size)

    def _take_data(self) -> bool:
        """Move what belongs to the body out of the buffer."""
        taken = len(self._buffer) if self._left is None else min(self._left, len(self._buffer))
        if len(self._pieces) + taken > MAX_BODY_BYTES:
            raise InvalidAnswer(f"more than {MAX_BODY_BYTES // 1024} kB")
        self._pieces += self._buffer[:taken]
        del self._buffer[:taken]
        if self._left is None:
            return False
        self._left -= taken
        if self._left:
            return False
        if self._part is _Part.CHUNK:
            self._part = _Part.CHUNK_END
        else:
            self._end_body()
        return True

    def _end_body(self) -> None:
        self.body, self.complete = bytes(self._pieces), True

    def _close(self) -> None:
        if self._part is _Part.HEADERS:
            self._end_headers()
        if self._part is _Part.BODY and self._left is None:
            self._end_body()
        if not self.complete:
            raise AnswerCutOff


def _may_be_http(data: bytearray) -> bool:
    """Say whether this may be the beginning of a status line: another protocol may never send a line end."""
    return data.startswith(_VERSION) or _VERSION.startswith(data)
