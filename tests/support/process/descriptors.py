"""What a process has open, and processes that can open nothing more."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path


def descriptors() -> set[str]:
    """Return each open file or socket by its own name, such as `socket:[1234]`, not by its number.

    To be compared by `<=`: those of an earlier test may still be ending, and whatever is new is a leak all the same.
    """
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        try:
            found.add(str(path.readlink()))
        except FileNotFoundError:
            # By this one the list was read.
            continue
    return found


@contextlib.contextmanager
def none_left_for(pid: int) -> Iterator[None]:
    """Let every open of an online gateway fail with EMFILE, also after it has closed its connection.

    The limit is the lowest number that is free or of the connection, the last that was opened. A lower limit would not
    be a lack of descriptors: poll(2) refuses to wait for more of them than the limit.
    """
    numbers = {int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()}
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    lowest_free = min(set(range(max(numbers) + 1)) - numbers | {max(numbers)})
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def none_left() -> Iterator[None]:
    """Let every open fail with EMFILE, as in a process that has used up its descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
