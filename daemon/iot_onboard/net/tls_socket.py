"""A TLS socket whose calls end, whatever the peer sends: OpenSSL is given a bounded piece of it at a time.

Over a descriptor OpenSSL reads on until there is data for us. Records that hold none (session tickets, new keys, a
renegotiation) keep such a call inside for as long as the peer sends them, in non-blocking mode too: a loop around it
hears no signal and feeds no watchdog.
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

# 4 kB of the cheapest records take a processor some 10 ms.
_PIECE_BYTES = 4096
_PIECES_A_CALL = 2
_RECORD_BYTES = 16_384
# What TLS itself answers (new keys) to a peer that reads nothing.
_MAX_UNSENT_BYTES = 65_536


class MeteredSocket(ssl.SSLSocket):
    """Read a few pieces of the stream a call where the socket does not block, and else until its time limit.

    Made by an `SSLContext` with this as its `sslsocket_class`. Time limits are those of `settimeout`; what was sent and
    could not go out yet is told as OpenSSL does: `SSLWantWriteError`, after which the same data is sent again. A peer
    that has TLS answer and takes no answer ends in an `OSError` with EPROTO.
    """

    _incoming: ssl.MemoryBIO
    _outgoing: ssl.MemoryBIO
    _unsent: bytearray
    _accepted = 0

    def do_handshake(self, block: bool = False) -> None:  # noqa: ARG002 - of the standard library
        """Shake hands within the time limit."""
        deadline = _deadline(self.gettimeout())
        self._incoming, self._outgoing, self._unsent = ssl.MemoryBIO(), ssl.MemoryBIO(), bytearray()
        # As bytes: for text the tables of international names are loaded.
        name = (self.server_hostname or "").encode("ascii")
        wrapped: Any = self.context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_hostname=name,
            session=self._session,  # type: ignore[attr-defined]  # what `wrap_socket` was given
        )
        # In the place of one over the descriptor. A private name, the same in Python 3.11 to 3.13.
        self._sslobj = wrapped._sslobj
        self._finish(wrapped.do_handshake, deadline)

    def read(self, *args: Any) -> Any:
        """Return what there is, as `recv` and `recv_into` want it."""
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
                raise OSError(errno.EPROTO, "the server takes nothing of what TLS answers")
            self._fill(deadline)
        raise AssertionError("unreachable")

    def send(self, data: Any, flags: int = 0) -> int:
        """Send the first piece, and return how long it was."""
        if not self._accepted:
            self._accepted = super().send(memoryview(data)[:_RECORD_BYTES], flags)
        self._flush()
        if self._unsent:
            raise ssl.SSLWantWriteError
        accepted, self._accepted = self._accepted, 0
        return accepted

    def unwrap(self) -> socket.socket:
        """End TLS on both sides, and return the socket without it; a peer that closes has ended it as well."""
        sslobj: Any = self._sslobj
        with contextlib.suppress(ssl.SSLEOFError):
            self._finish(sslobj.shutdown, _deadline(self.gettimeout()))
        self._sslobj = None
        return self

    def _finish(self, step: Callable[[], object], deadline: float | None) -> None:
        """Take a step again and again until TLS has all that it wants."""
        while not self._finished(step):
            self._fill(deadline)

    def _finished(self, step: Callable[[], object]) -> bool:
        try:
            step()
        except ssl.SSLWantReadError:
            return False
        finally:
            # An alert, too, where it failed.
            self._flush()
        return True

    def _fill(self, deadline: float | None) -> None:
        """Give TLS the next piece of what came, or its end."""
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
    """Return when a call has to end, or `None` where the socket does not block."""
    if timeout_s is None:
        return float("inf")
    return time.monotonic() + timeout_s if timeout_s > 0 else None
