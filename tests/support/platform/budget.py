"""The connect budget, by what the platform saw."""

from __future__ import annotations

from collections.abc import Iterable

CONNECTS, WINDOW_S = 5, 60.0
# What a CONNECT may take on its way longer than another: the daemon leaves half a second of its own time for that.
_JITTER_S = 0.1


def window_at(*, speed: float) -> float:
    """Return the window where clocks run so much faster, and what a packet takes does not."""
    return WINDOW_S - _JITTER_S * speed


def assert_within_budget(connects_at: Iterable[float], window_s: float = WINDOW_S) -> None:
    """Fail where there were more than five CONNECTs in any window; the times are of one clock, in seconds."""
    times = sorted(connects_at)
    for first, sixth in zip(times, times[CONNECTS:], strict=False):
        assert sixth - first >= window_s, f"{CONNECTS + 1} CONNECTs within {sixth - first:.1f} s"
