"""Share work out among processes without threads; what is killed from outside in a long run is done again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, TypeVar

T = TypeVar("T")
_TRIES = 4
PART = 100


def alone(work: Callable[..., T], *arguments: Any) -> T:
    """Do one piece of work in a process of its own."""
    for tries in range(1, _TRIES + 1):
        try:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                return pool.submit(work, *arguments).result()
        except BrokenProcessPool:
            if tries == _TRIES:
                raise
    raise AssertionError("unreachable")


def shared(jobs: int, work: Callable[..., T], pieces: Sequence[tuple[Any, ...]]) -> list[T]:
    """Do all pieces, so many at a time; return what came of them in their order."""
    with ThreadPoolExecutor(jobs) as threads:
        return list(threads.map(lambda arguments: alone(work, *arguments), pieces))


def parts_of(items: Sequence[T], jobs: int) -> list[list[T]]:
    """Deal items out into parts of at most `PART`, at least one for each job."""
    count = max(min(jobs, len(items)), -(-len(items) // PART))
    return [list(items[part::count]) for part in range(count)]
