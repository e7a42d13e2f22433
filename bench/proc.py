"""What the kernel counts of a process: time, wake-ups, memory, writes, bytes on the wire."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_HEADER_BYTES = 52  # IPv4 and TCP with time stamps


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Hold what grows while a process lives."""

    cpu_s: float
    wakeups: int
    written_bytes: int
    wire_bytes: int


def counts(pid: int) -> Counts:
    """Read the counters of a process, all its threads together."""
    return Counts(
        cpu_s=sum(int(task.joinpath("schedstat").read_text().split()[0]) for task in _tasks(pid)) / 1e9,
        wakeups=sum(_field(task / "status", "voluntary_ctxt_switches") for task in _tasks(pid)),
        written_bytes=_field(Path(f"/proc/{pid}/io"), "write_bytes"),
        wire_bytes=wire_bytes(pid),
    )


def pss_kb(pid: int) -> int:
    """Return the memory of a process, with its share of what it has in common with others."""
    return _field(Path(f"/proc/{pid}/smaps_rollup"), "Pss")


def private_kb(pid: int) -> int:
    """Return the memory that would be free without the process."""
    rollup = Path(f"/proc/{pid}/smaps_rollup")
    return _field(rollup, "Private_Clean") + _field(rollup, "Private_Dirty")


def threads(pid: int) -> int:
    """Return how many threads a process has."""
    return len(_tasks(pid))


def open_files(pid: int) -> int:
    """Return how many descriptors a process holds."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def wire_bytes(pid: int) -> int:
    """Return the bytes that the TCP connections of a process have carried both ways, with their IP and TCP headers."""
    listing = subprocess.run(["ss", "-tinpHO"], capture_output=True, text=True, check=True).stdout
    total = 0
    for line in listing.splitlines():
        if f"pid={pid}," in line:
            found = {name: int(value) for name, value in re.findall(r"\b(\w+):(\d+)\b", line)}
            total += found.get("bytes_sent", 0) + found.get("bytes_received", 0)
            total += _HEADER_BYTES * (found.get("segs_out", 0) + found.get("segs_in", 0))
    return total


def _tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def _field(path: Path, name: str) -> int:
    return sum(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(f"{name}:"))
