"""What was measured: for each row and contender its values, of which the median counts."""

from __future__ import annotations

from collections import defaultdict
from statistics import median


class Figures:
    """Collect values by row and contender."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], list[float]] = defaultdict(list)

    def add(self, row: str, contender: str, value: float) -> None:
        """Note one value."""
        self._values[row, contender].append(value)

    def median(self, row: str, contender: str) -> float | None:
        """Return the median, or `None` where nothing was measured."""
        values = self._values.get((row, contender))
        return median(values) if values else None

    def values(self, row: str, contender: str) -> list[float]:
        """Return all values, in their order."""
        return self._values.get((row, contender), [])

    def ratio(self, row: str, contender: str, base: str) -> float | None:
        """Return the median of the ratios of values that were measured next to each other."""
        pairs = zip(self.values(row, contender), self.values(row, base), strict=False)
        ratios = [value / other for value, other in pairs if other]
        return median(ratios) if ratios else None
