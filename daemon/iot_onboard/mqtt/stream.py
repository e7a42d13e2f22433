"""The bytes of one connection, over a socket that does not block: TLS, TCP or Unix."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Callable

from ..net.tls import SESSIONS_ARE_FREED, BoundedContext, is_close, resumable, tls_reason
from .model import ConnectionLost

_CLOSED = "the server closed the connection"
_CHUNK_BYTES = 16_384
_MAX_WRITES_A_CALL = 16
# A server hangs up one round trip after DISCONNECT; the whole end of the process has half a second.
DISCONNECT_LINGER_S = 0.2


class Stream:
    """Send and receive a bounded piece a call; no call waits, but `close_after_sending`."""

    def __init__(self, sock: socket.socket, now: Callable[[], float]) -> None:
        self._sock = sock
        self._now = now
        sock.setblocking(False)
        self.sent_bytes = 0
        # Why nothing can be sent any more. What the server sent before it closed may still be there to be read.
        self.send_failure: ConnectionLost | None = None

    def fileno(self) -> int:
        """Return the socket's descriptor, -1 once it is closed."""
        return self._sock.fileno()

    def resumable(self) -> BoundedContext | None:
        """Return the TLS context with the session of the server; `None` without one, or if it would leak."""
        return resumable(self._sock) if SESSIONS_ARE_FREED and isinstance(self._sock, ssl.SSLSocket) else None

    def receive(self) -> bytes | ConnectionLost | None:
        """Return what came, `None` if nothing did, or how the connection ended."""
        try:
            data = self._sock.recv(_CHUNK_BYTES)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return None
        except (OSError, ValueError) as error:
            return _lost(error)
        return data or self.send_failure or _lost(ConnectionResetError())

    def send(self, unsent: bytearray) -> bool:
        """Send from the beginning, and delete what was sent; say whether any was."""
        before = self.sent_bytes
        try:
            for _ in range(_MAX_WRITES_A_CALL):
                if not unsent or self.send_failure is not None:
                    break
                sent = self._sock.send(unsent[:_CHUNK_BYTES])
                del unsent[:sent]
                self.sent_bytes += sent
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            pass
        except (OSError, ValueError) as error:
            self.send_failure = _lost(error)
        return self.sent_bytes > before

    def close(self) -> None:
        """Close at once."""
        self._sock.close()

    def close_after_sending(self) -> None:
        """Close once the server has; takes `DISCONNECT_LINGER_S` at the most."""
        if self._sock.fileno() < 0:
            return
        # Closed with bytes unread, a socket sends a reset, which can overtake what was sent: through a second
        # descriptor it is read to its end.
        end = self._now() + DISCONNECT_LINGER_S
        # Without a free descriptor it is only closed.
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._sock.fileno())) as rest:
            self._sock.close()
            rest.shutdown(socket.SHUT_WR)
            while (left_s := end - self._now()) > 0:
                rest.settimeout(left_s)
                if not rest.recv(65536):
                    return
        self._sock.close()


def _lost(error: Exception) -> ConnectionLost:
    is_refused = isinstance(error, OSError) and error.errno == errno.EPROTO
    broken = is_refused or (isinstance(error, ssl.SSLError) and not is_close(error))
    by_peer = is_close(error) or isinstance(error, ConnectionError)
    return ConnectionLost(by_server=broken or by_peer, detail=_describe(error), violation=broken)


def _describe(error: Exception) -> str:
    # In the words of OpenSSL a close is an "EOF occurred in violation of protocol (_ssl.c:2393)".
    if is_close(error) or isinstance(error, ConnectionError):
        return _CLOSED
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {tls_reason(error)}"
    return (isinstance(error, OSError) and error.strerror) or f"the socket failed ({type(error).__name__})"
