"""Blocking work on a thread of its own: results come back through a readable file descriptor."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable

from ..core.failures import Failure, OnboardError
from ..core.tracebacks import innermost_frame
from ..fast_start.fast_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Hold how a job ended: with a value, with a failure, or with a crash (a defect: where, never what)."""

    ticket: int
    value: object = None
    failure: Failure | None = None
    crash: str | None = None


class Worker:
    """Run one job at a time, each on a daemon thread: one that hangs never keeps the process from ending.

    The thread ends with its job: a gateway that is online has none that waits.
    """

    def __init__(self) -> None:
        self._done: deque[Result] = deque()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._busy = False

    def fileno(self) -> int:
        """Return the descriptor that is readable when a result waits."""
        return self._reader.fileno()

    def submit(self, ticket: int, job: Callable[[], object]) -> None:
        """Start a job; raise `RuntimeError` while another one runs."""
        if self._busy:
            raise RuntimeError("the worker does one thing at a time")
        self._busy = True
        threading.Thread(target=self._work, args=(ticket, job), name="worker", daemon=True).start()

    def results(self) -> list[Result]:
        """Return what has ended since the last call."""
        with contextlib.suppress(BlockingIOError):
            self._reader.recv(64)
        found: list[Result] = []
        while self._done:
            found.append(self._done.popleft())
            self._busy = False
        return found

    def _work(self, ticket: int, job: Callable[[], object]) -> None:
        self._done.append(_outcome(ticket, job))
        with contextlib.suppress(OSError):
            self._writer.send(b"\0")


def _outcome(ticket: int, job: Callable[[], object]) -> Result:
    try:
        return Result(ticket=ticket, value=job())
    except OnboardError as error:
        return Result(ticket=ticket, failure=error.failure)
    except BaseException as error:
        # The message of an exception may quote a secret: its kind and place do not.
        return Result(ticket=ticket, crash=f"{type(error).__name__} at {innermost_frame(error)}")
