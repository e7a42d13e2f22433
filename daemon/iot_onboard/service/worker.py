"""Blocking work on a thread of its own: results come back through a readable file descriptor."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable

from ..core import tracebacks
from ..core.failures import Failure, OnboardError, is_temporary, local_fault
from ..fast_start.fast_dataclasses import dataclass
from .loop import Loop, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Hold how a job ended: with a value, with a failure, or with a crash (a defect: where, never what)."""

    value: object = None
    failure: Failure | None = None
    crash: str | None = None


class Worker:
    """Run one job at a time, each on a daemon thread: one that hangs never keeps the process from ending.

    Each state machine has its own worker: a job never waits for the job of another machine. The thread ends with its
    job, so an online gateway has no waiting thread. The state machine starts a job only after the previous one has
    ended, and it has a deadline for each job. `name` is the name of the threads.
    """

    def __init__(self, loop: Loop, name: str) -> None:
        self._name = name
        self._result: Result | None = None
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._on_result: Callable[[Result], None] | None = None
        loop.add(Source(fileno=self._reader.fileno, on_ready=self._take_result))

    def submit(self, job: Callable[[], object], on_result: Callable[[Result], None]) -> None:
        """Start a job; raise `RuntimeError` while another one runs. The loop hands its result on.

        Where no thread is to be had, that is the result, and the job has not begun.
        """
        if self._on_result is not None:
            raise RuntimeError("the worker does one thing at a time")
        self._on_result = on_result
        try:
            threading.Thread(target=self._work, args=(job,), name=self._name, daemon=True).start()
        except (RuntimeError, MemoryError) as error:
            self._hand_over(Result(failure=local_fault("the work could not be started", error).failure))

    def _take_result(self, _: int) -> None:
        """Hand on the result that waits; whoever takes it may submit the next job."""
        with contextlib.suppress(BlockingIOError):
            self._reader.recv(64)
        result, on_result = self._result, self._on_result
        if result is not None and on_result is not None:
            self._result = self._on_result = None
            on_result(result)

    def _work(self, job: Callable[[], object]) -> None:
        self._hand_over(_outcome(job))

    def _hand_over(self, result: Result) -> None:
        self._result = result
        with contextlib.suppress(OSError):
            self._writer.send(b"\0")


def _outcome(job: Callable[[], object]) -> Result:
    try:
        return Result(value=job())
    except OnboardError as error:
        return Result(failure=error.failure)
    except BaseException as error:
        if is_temporary(error):
            return Result(failure=local_fault("this gateway lacks a resource", error).failure)
        tracebacks.on_damaged_code(error)
        if (failure := _failure_of_code(error)) is not None:
            return Result(failure=failure)
        # The message of an exception may quote a secret; its type and place do not.
        return Result(crash=f"{type(error).__name__} at {tracebacks.innermost_frame(error)}")


def _failure_of_code(error: BaseException) -> Failure | None:
    """Return the failure if a module could not be loaded, and make the next try load it again."""
    try:
        from ..core.broken_code import OURS, broken_code, software_fault
    except Exception:
        return None
    broken = broken_code(error)
    if broken is None:
        return None
    top = broken.module.partition(".")[0]
    if top != OURS and top not in sys.stdlib_module_names:
        for name in [name for name in sys.modules if name.partition(".")[0] == top]:
            del sys.modules[name]
    # Its cache of directories may be from before the repair.
    sys.path_importer_cache.clear()
    return software_fault(broken).failure
