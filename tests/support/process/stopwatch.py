"""Measure what a process takes, not what its neighbours on the machine take from it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def kept_waiting_s(pid: int | str) -> float:
    """Return how long a process was ready to run and got no processor, since its start."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0  # This kernel does not count: the plain time has to do.


class Stopwatch:
    """Count from here on, less what this thread is kept waiting for a processor."""

    def __init__(self) -> None:
        self._began = self._read()

    def duration_s(self) -> float:
        return self._read() - self._began

    @staticmethod
    def _read() -> float:
        return time.monotonic() - kept_waiting_s("thread-self")


def time_to_end_s(process: subprocess.Popen[Any], order: Callable[[], object]) -> float:
    """Order a process to end, and return how long it took, less what it or we were kept waiting for a processor."""
    watch, waited = Stopwatch(), kept_waiting_s(process.pid)
    order()
    # Not collected yet, so that its count can still be read.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    return watch.duration_s() - (kept_waiting_s(process.pid) - waited)
