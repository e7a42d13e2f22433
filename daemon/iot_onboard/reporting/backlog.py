"""The lines that wait while the journal takes none: bounded, in order; lost lines are counted. Pure."""

from __future__ import annotations

from collections import deque
from datetime import datetime

from ..fast_start.fast_dataclasses import dataclass, replace

MAX_LINES = 128
MAX_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Count the lost lines, with the times of the first and the last of them."""

    lines: int
    first_at: datetime
    last_at: datetime

    def __str__(self) -> str:
        return f"{self.lines} between {self.first_at:%H:%M:%S} and {self.last_at:%H:%M:%S}"


class Backlog:
    """Keep the first lines, which show how it began, and the last ones, which show the present state.

    Each get half of the space. If a line does not fit, the oldest of the last lines is dropped.
    """

    def __init__(self, max_lines: int = MAX_LINES, max_bytes: int = MAX_BYTES) -> None:
        self._max_lines, self._max_bytes = max_lines // 2, max_bytes // 2
        self._first: deque[tuple[bytes, datetime]] = deque()
        self._last: deque[tuple[bytes, datetime]] = deque()
        self._first_bytes = self._last_bytes = 0
        self._lost: Lost | None = None

    def __len__(self) -> int:
        return len(self._first) + len(self._last)

    @property
    def size(self) -> int:
        """Return the number of waiting bytes."""
        return self._first_bytes + self._last_bytes

    def add(self, data: bytes, at: datetime) -> None:
        """Add a line at the end."""
        has_room = len(self._first) < self._max_lines and self._first_bytes + len(data) <= self._max_bytes
        if has_room and not self._last:
            self._first.append((data, at))
            self._first_bytes += len(data)
            return
        self._last.append((data, at))
        self._last_bytes += len(data)
        while len(self._last) > self._max_lines or self._last_bytes > self._max_bytes:
            dropped, dropped_at = self._last.popleft()
            self._last_bytes -= len(dropped)
            self.count_lost(dropped_at)

    def head(self) -> bytes | None:
        """Return the oldest line, or the unsent rest of it."""
        lines = self._first or self._last
        return lines[0][0] if lines else None

    def mark_sent(self, count: int) -> None:
        """Remove the sent bytes of the oldest line."""
        lines = self._first or self._last
        data, at = lines.popleft()
        if lines is self._first:
            self._first_bytes -= count
        else:
            self._last_bytes -= count
        if count < len(data):
            lines.appendleft((data[count:], at))

    def drop_head(self) -> None:
        """Drop the oldest line: it can never be sent."""
        lines = self._first or self._last
        data, at = lines[0]
        self.mark_sent(len(data))
        self.count_lost(at)

    def count_lost(self, at: datetime) -> None:
        """Count a line of that time as lost."""
        if self._lost is None:
            self._lost = Lost(lines=1, first_at=at, last_at=at)
        else:
            self._lost = replace(self._lost, lines=self._lost.lines + 1, last_at=at)

    def has_lost(self) -> bool:
        """Say whether lines were lost."""
        return self._lost is not None

    def take_lost(self) -> Lost | None:
        """Return the count of lost lines, once, when no line waits any more."""
        if len(self):
            return None
        lost, self._lost = self._lost, None
        return lost
