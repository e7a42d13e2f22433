"""Measure the phases of an exchange, with one reading of the clock each."""

from __future__ import annotations

import time

from ..core.timings import Timings
from ..fast_start.typing_names import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal

    Part = Literal["dns", "tcp", "tls", "answer"]


class PhaseTimer:
    """Record how long each phase took, counted from the end of the one before."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._ms: dict[Part, int] = {}

    def start(self) -> None:
        """Start the first phase now."""
        self._began_s = time.monotonic()

    def finish(self, part: Part) -> None:
        """End a phase, and start the next one."""
        now_s = time.monotonic()
        self._ms[part] = round((now_s - self._began_s) * 1000)
        self._began_s = now_s

    def timings(self) -> Timings:
        """Return the measured times."""
        return Timings(**{f"{part}_ms": ms for part, ms in self._ms.items()})
