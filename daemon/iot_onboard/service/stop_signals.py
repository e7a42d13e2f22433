"""Handle SIGTERM and SIGINT in the loop."""

from __future__ import annotations

import signal
import socket
from types import TracebackType


class StopSignals:
    """Turn SIGTERM and SIGINT into a readable file descriptor: a handler that did more could dead-lock with Paho."""

    def __enter__(self) -> StopSignals:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._old_fd = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._old = {number: signal.signal(number, _ignore) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        signal.set_wakeup_fd(self._old_fd)
        for number, handler in self._old.items():
            signal.signal(number, handler)
        self._reader.close()
        self._writer.close()

    def fileno(self) -> int:
        """Return the descriptor that is readable when a signal came."""
        return self._reader.fileno()


def _ignore(_: int, __: object) -> None:
    """Do nothing: the wake-up descriptor reports the signal."""
