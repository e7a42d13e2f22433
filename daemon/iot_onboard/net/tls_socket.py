"""A TLS socket whose calls always return: OpenSSL gets a bounded piece of the stream at a time.

With a descriptor OpenSSL reads on until there is data for us. Records without data (session tickets, key updates, a
renegotiation) keep such a call from returning as long as the peer sends them, also in non-blocking mode: the loop
around it handles no signal and sends no watchdog message.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import socket
import ssl
import time
from collections.abc import Callable

from ..fast_start.typing_names import Any

# 4 kB of the smallest records take about 10 ms of processor time.
_PIECE_BYTES = 4096
_PIECES_A_CALL = 2
_RECORD_BYTES = 16_384
# The limit for TLS's own answers (key updates) to a peer that does not read.
_MAX_UNSENT_BYTES = 65_536


class MeteredSocket(ssl.SSLSocket):
    """A socket that reads a few pieces of the stream per call if it does not block, and else until its time limit.

    Created by an `SSLContext` that has it as its `sslsocket_class`. Time limits are those of `settimeout`. If data
    could not be sent yet, it raises `SSLWantWriteError` as OpenSSL does; the caller sends the same data again. For a
    peer that makes TLS answer and does not read, it raises an `OSError` with EPROTO.
    """

    _incoming: ssl.MemoryBIO
    _outgoing: ssl.MemoryBIO
    _unsent: bytearray
    _accepted = 0

    def do_handshake(self, block: bool = False) -> None:  # noqa: ARG002 - of the standard library
        """Do the handshake within the time limit."""
        deadline = _deadline(self.gettimeout())
        self._incoming, self._outgoing, self._unsent = ssl.MemoryBIO(), ssl.MemoryBIO(), bytearray()
        # As bytes: for text Python loads the tables of international names.
        name = (self.server_hostname or "").encode("ascii")
        wrapped: Any = self.context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_hostname=name,
            session=self._session,  # type: ignore[attr-defined]  # what `wrap_socket` was given
        )
        # Replaces the object that uses the descriptor. A private name, the same in Python 3.11 to 3.13.
        self._sslobj = wrapped._sslobj
        self._finish(wrapped.do_handshake, deadline)

    def read(self, *args: Any) -> Any:
        """Return the data that is there, for `recv` and `recv_into`."""
        deadline = _deadline(self.gettimeout())
        for piece in itertools.count():
            try:
                return super().read(*args)
            except ssl.SSLWantReadError:
                # Where the peer has closed, what it sent before is still to be read.
                with contextlib.suppress(ConnectionError):
                    self._flush()
                if deadline is None and piece == _PIECES_A_CALL:
                    raise
            if len(self._unsent) > _MAX_UNSENT_BYTES:
                raise OSError(errno.EPROTO, "the server does not read the answers of TLS")
            self._fill(deadline)
        raise AssertionError("unreachable")

    def send(self, data: Any, flags: int = 0) -> int:
        """Send the first piece, and return its length."""
        if not self._accepted:
            self._accepted = super().send(memoryview(data)[:_RECORD_BYTES], flags)
        self._flush()
        if self._unsent:
            raise ssl.SSLWantWriteError
        accepted, self._accepted = self._accepted, 0
        return accepted

    def unwrap(self) -> socket.socket:
        """End TLS in both directions, and return the socket; a peer that closes the connection ends TLS too."""
        sslobj: Any = self._sslobj
        with contextlib.suppress(ssl.SSLEOFError):
            self._finish(sslobj.shutdown, _deadline(self.gettimeout()))
        self._sslobj = None
        return self

    def _finish(self, step: Callable[[], object], deadline: float | None) -> None:
        """Repeat a step until TLS has all the data that it needs."""
        while not self._finished(step):
            self._fill(deadline)

    def _finished(self, step: Callable[[], object]) -> bool:
        done = False
        try:
            step()
            done = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            # An alert is sent. If the connection is closed by then, the first error is the one to report.
            with contextlib.suppress(OSError):
                self._flush()
            raise
        self._flush()
        return done

    def _fill(self, deadline: float | None) -> None:
        """Give TLS the next piece of received data, or the end of the stream."""
        if deadline is not None and time.monotonic() > deadline:
            raise TimeoutError("timed out")
        try:
            data = socket.socket.recv(self, _PIECE_BYTES)
        except BlockingIOError:
            raise ssl.SSLWantReadError from None
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _flush(self) -> None:
        self._unsent += self._outgoing.read()
        while self._unsent:
            try:
                del self._unsent[: socket.socket.send(self, self._unsent)]
            except BlockingIOError:
                return


def _deadline(timeout_s: float | None) -> float | None:
    """Return when a call has to end, or `None` if the socket does not block."""
    if timeout_s is None:
        return float("inf")
    return time.monotonic() + timeout_s if timeout_s > 0 else None
