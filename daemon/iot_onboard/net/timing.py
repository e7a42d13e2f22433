"""Measure the parts of an exchange as they end, for the price of a look at the clock."""

from __future__ import annotations

import time

from ..core.timings import Timings
from ..fast_start.typing_names import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal

    Part = Literal["dns", "tcp", "tls", "answer"]


class PhaseTimer:
    """Note how long each part took since the one before it."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._ms: dict[Part, int] = {}

    def start(self) -> None:
        """Count from here: what was before belongs to no part."""
        self._began_s = time.monotonic()

    def finish(self, part: Part) -> None:
        """Say that a part is over, and the next one begins."""
        now_s = time.monotonic()
        self._ms[part] = round((now_s - self._began_s) * 1000)
        self._began_s = now_s

    def timings(self) -> Timings:
        """Return what was measured."""
        return Timings(**{f"{part}_ms": ms for part, ms in self._ms.items()})
