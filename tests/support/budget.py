"""The connect budget, by what the platform saw."""

from __future__ import annotations

from collections.abc import Iterable

CONNECTS, WINDOW_S = 5, 60.0


def assert_within_budget(connects_at: Iterable[float], window_s: float = WINDOW_S) -> None:
    """Fail where there were more than five CONNECTs in any window; the times are of one clock, in seconds."""
    times = sorted(connects_at)
    for first, sixth in zip(times, times[CONNECTS:], strict=False):
        assert sixth - first >= window_s, f"{CONNECTS + 1} CONNECTs within {sixth - first:.1f} s"
