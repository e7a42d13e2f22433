"""The one worker thread: blocking work goes in, results come back through a readable file descriptor."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

from .errors import Failure, OnboardError
from .place import place_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Hold how a job ended: with a value, with a failure, or with a crash (a defect: where, never what)."""

    ticket: int
    value: object = None
    failure: Failure | None = None
    crash: str | None = None


class Worker:
    """Run one job at a time on a daemon thread: a job that hangs never keeps the process from ending."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[int, Callable[[], object]] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._thread: threading.Thread | None = None
        self._busy = False

    def fileno(self) -> int:
        """Return the descriptor that is readable when a result waits."""
        return self._reader.fileno()

    def submit(self, ticket: int, job: Callable[[], object]) -> None:
        """Start a job; raise `RuntimeError` while another one runs."""
        if self._busy:
            raise RuntimeError("the worker does one thing at a time")
        self._busy = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="worker", daemon=True)
            self._thread.start()
        self._jobs.put((ticket, job))

    def results(self) -> list[Result]:
        """Return what has ended since the last call."""
        with contextlib.suppress(BlockingIOError):
            self._reader.recv(64)
        found: list[Result] = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._done.get_nowait())
                self._busy = False
        return found

    def close(self) -> None:
        """Let the thread end when its job does; never wait for it."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            ticket, job = item
            self._done.put(_outcome(ticket, job))
            with contextlib.suppress(OSError):
                self._writer.send(b"\0")


def _outcome(ticket: int, job: Callable[[], object]) -> Result:
    try:
        return Result(ticket=ticket, value=job())
    except OnboardError as error:
        return Result(ticket=ticket, failure=error.failure)
    except BaseException as error:
        # The message of an exception may quote a secret: its kind and place do not.
        return Result(ticket=ticket, crash=f"{type(error).__name__} at {place_of(error)}")
