"""A service manager's end of sd_notify(3): it takes every message, so that no sender has to wait."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Self

import pytest


class ServiceManager:
    """Give this process a NOTIFY_SOCKET, and hold what came of it."""

    def __init__(self, directory: Path, watchdog_s: float | None = None) -> None:
        self.heard: list[str] = []
        self._environment = pytest.MonkeyPatch()
        self._environment.setenv("NOTIFY_SOCKET", str(directory / "notify"))
        if watchdog_s is not None:
            self._environment.setenv("WATCHDOG_USEC", str(round(watchdog_s * 1_000_000)))
            self._environment.setenv("WATCHDOG_PID", str(os.getpid()))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(directory / "notify"))
        self._thread = threading.Thread(target=self._take, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._environment.undo()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join(5)
        self._socket.close()

    def _take(self) -> None:
        while message := self._socket.recv(4096):
            self.heard.append(message.decode())
