"""A program under measurement."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Hold what a span of a process's life took: on the clock, and of the processor."""

    wall_s: float
    cpu_s: float


class Running:
    """Start a program, listen to what it prints, and end it."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            bufsize=0,
        )
        self._ended = False
        self.said = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._ended:
            self.kill()

    @property
    def pid(self) -> int:
        """Return its number."""
        return self._process.pid

    def heard(self, word: bytes, timeout_s: float) -> bool:
        """Listen for a while; say whether it has said a word."""
        assert self._process.stdout is not None
        if word not in self.said and select.select([self._process.stdout], [], [], timeout_s)[0]:
            heard = os.read(self._process.stdout.fileno(), 65536)
            if not heard:
                raise AssertionError(f"it ended before {word!r}: {self.said.decode(errors='replace')}")
            self.said += heard
        return word in self.said

    def wait_for(self, word: bytes, timeout_s: float) -> float:
        """Wait until it has said a word; return the seconds since its start."""
        deadline = time.monotonic() + timeout_s
        while not self.heard(word, max(0.0, deadline - time.monotonic())):
            if time.monotonic() > deadline:
                raise AssertionError(f"no {word!r} within {timeout_s:.0f} s: {self.said.decode(errors='replace')}")
        return time.monotonic() - self._began

    def kill(self) -> Spent:
        """End it at once; return what its whole life took."""
        return self.end(signal.SIGKILL)

    def end(self, number: signal.Signals) -> Spent:
        """Send a signal; return how long it took to end, and what processor its whole life took."""
        asked = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
        _, status, used = os.wait4(self.pid, 0)
        wall_s = time.monotonic() - asked
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._ended = True
        assert self._process.stdout is not None
        self._process.stdout.close()
        return Spent(wall_s=wall_s, cpu_s=used.ru_utime + used.ru_stime)
