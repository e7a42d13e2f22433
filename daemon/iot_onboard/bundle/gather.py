"""Collect the parts of the bundle in parallel, and continue without those that hang."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..core.tracebacks import innermost_frame

T = TypeVar("T")


class PartOmitted(Exception):
    """Say why a part has no content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected(Generic[T]):
    """Hold the result for one part: a value, or why there is none."""

    value: T | None = None
    why_not: str = ""


def gather(jobs: Mapping[str, Callable[[], T]], *, limit_s: float) -> dict[str, Collected[T]]:
    """Return the result of each job within the limit, in the order of the jobs; each has a daemon thread of its own."""
    done: queue.SimpleQueue[tuple[str, Collected[T]]] = queue.SimpleQueue()

    def work(name: str, job: Callable[[], T]) -> None:
        done.put((name, _outcome(job)))

    for name, job in jobs.items():
        try:
            threading.Thread(target=work, args=(name, job), name=name, daemon=True).start()
        except (RuntimeError, MemoryError):
            done.put((name, Collected(why_not="this machine has no free thread")))
    ends_at = time.monotonic() + limit_s
    found: dict[str, Collected[T]] = {}
    try:
        while len(found) < len(jobs):
            name, collected = done.get(timeout=max(0.0, ends_at - time.monotonic()))
            found[name] = collected
    except queue.Empty:
        pass
    late: Collected[T] = Collected(why_not=f"did not end within {limit_s:.0f} s")
    return {name: found.get(name, late) for name in jobs}


def _outcome(job: Callable[[], T]) -> Collected[T]:
    try:
        return Collected(value=job())
    except PartOmitted as reason:
        return Collected(why_not=str(reason))
    except OSError as error:
        return Collected(why_not=f"cannot be read: {error.strerror or error}")
    except BaseException as error:
        # The message of an exception may quote data: its kind and place do not.
        return Collected(why_not=f"internal error: {type(error).__name__} at {innermost_frame(error)}")
