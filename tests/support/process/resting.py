"""How often a process wakes up."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path


def wakeups(pid: int) -> int:
    """Return how often the threads of a process that are alive have gone to sleep, whatever woke them."""
    found = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        # A worker's thread may end meanwhile, with its job.
        with suppress(FileNotFoundError, ProcessLookupError):
            status = task.joinpath("status").read_text()
            found += sum(int(count) for count in re.findall(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.MULTILINE))
    return found
