"""Handle SIGTERM and SIGINT in the loop."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable
from types import TracebackType

from .loop import Loop, Source


class StopSignals:
    """Call `on_stop` from the loop after SIGTERM or SIGINT: a handler that did more could dead-lock with Paho."""

    def __init__(self, loop: Loop, on_stop: Callable[[], None]) -> None:
        self._loop = loop
        self._on_stop = on_stop

    def __enter__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._old_fd = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._old = {number: signal.signal(number, _ignore) for number in (signal.SIGTERM, signal.SIGINT)}
        self._source = self._loop.add(Source(fileno=self._reader.fileno, on_ready=self._on_ready))

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._loop.remove(self._source)
        signal.set_wakeup_fd(self._old_fd)
        for number, handler in self._old.items():
            signal.signal(number, handler)
        self._reader.close()
        self._writer.close()

    def _on_ready(self, _: int) -> None:
        # Many signals are one stop. Unread bytes would keep the loop busy if the stop takes more than one turn.
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(4096):
                pass
        self._on_stop()


def _ignore(_: int, __: object) -> None:
    """Leave it to the wake-up descriptor."""
