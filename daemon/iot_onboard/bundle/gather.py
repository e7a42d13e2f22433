"""Run what brings the parts of the bundle, all at once, and go on without what hangs."""

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
    """Say why there is nothing to put in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought(Generic[T]):
    """Hold what came of one part: a value, or why there is none."""

    value: T | None = None
    why_not: str = ""


def gather(jobs: Mapping[str, Callable[[], T]], *, limit_s: float) -> dict[str, Brought[T]]:
    """Return what each job brings within the limit, in the order of the jobs; each has a daemon thread of its own."""
    done: queue.SimpleQueue[tuple[str, Brought[T]]] = queue.SimpleQueue()

    def work(name: str, job: Callable[[], T]) -> None:
        done.put((name, _outcome(job)))

    for name, job in jobs.items():
        try:
            threading.Thread(target=work, args=(name, job), name=name, daemon=True).start()
        except (RuntimeError, MemoryError):
            done.put((name, Brought(why_not="no thread is to be had on this machine")))
    ends_at = time.monotonic() + limit_s
    found: dict[str, Brought[T]] = {}
    try:
        while len(found) < len(jobs):
            name, brought = done.get(timeout=max(0.0, ends_at - time.monotonic()))
            found[name] = brought
    except queue.Empty:
        pass
    late: Brought[T] = Brought(why_not=f"did not end within {limit_s:.0f} s")
    return {name: found.get(name, late) for name in jobs}


def _outcome(job: Callable[[], T]) -> Brought[T]:
    try:
        return Brought(value=job())
    except PartOmitted as reason:
        return Brought(why_not=str(reason))
    except OSError as error:
        return Brought(why_not=f"cannot be read: {error.strerror or error}")
    except BaseException as error:
        # The message of an exception may quote data: its kind and place do not.
        return Brought(why_not=f"broke: {type(error).__name__} at {innermost_frame(error)}")
