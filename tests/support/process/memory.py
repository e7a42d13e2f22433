"""What a process has of memory for itself."""

from __future__ import annotations

import re
from pathlib import Path


def own_memory_kb(process: int | str = "self") -> int:
    """Return what would be free again if it ended."""
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    return sum(int(size) for size in re.findall(r"^Private_(?:Clean|Dirty): +(\d+)", rollup, re.MULTILINE))
