"""Put a thread where SIGKILL does not reach it, as one that waits for a dying disk: the freezer of cgroup v1."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_FREEZER = Path("/sys/fs/cgroup/freezer")


def why_no_freezer() -> str | None:
    """Say why no thread can be frozen here, or None."""
    if not (_FREEZER / "cgroup.procs").exists():
        return "no freezer of cgroup version 1 here"
    return None if os.access(_FREEZER, os.W_OK) else "freezing needs root"


@contextlib.contextmanager
def frozen(*threads: int) -> Iterator[None]:
    """Freeze these threads, and let them go at the end."""
    group = _FREEZER / f"test-{os.getpid()}-{threads[0]}"
    group.mkdir()
    try:
        for thread in threads:
            (group / "tasks").write_text(str(thread))
        (group / "freezer.state").write_text("FROZEN")
        yield
    finally:
        (group / "freezer.state").write_text("THAWED")
        # Threads that were waited for in vain end now; what lives on goes back to where it came from.
        for left in (group / "tasks").read_text().split():
            with contextlib.suppress(OSError):
                (_FREEZER / "tasks").write_text(left)
        with contextlib.suppress(OSError):
            group.rmdir()


def waiting_for_a_pipe(parent: int) -> list[int]:
    """Return the threads, in the children of a process, that open a named pipe which nobody opens for writing."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    tasks = (task for child in children for task in Path(f"/proc/{child}/task").glob("*"))
    return [int(task.name) for task in tasks if _waits_for_a_pipe(task)]


def _waits_for_a_pipe(task: Path) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return (task / "wchan").read_text() == "wait_for_partner"
    return False
