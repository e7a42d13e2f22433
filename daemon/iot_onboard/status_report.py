"""Say in one record and one line how the daemon is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .events import Context, span
from .lifecycle.model import Phase, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Hold the headline for `systemctl status`, and the times for the status file."""

    headline: str
    next_try_at: str | None


def report(state: State, context: Context, last_error: str | None, now_s: float, utc_now: datetime) -> Report:
    """Return how the daemon is; the next try is a wall-clock time, for another process reads it."""
    waits = state.phase in {Phase.WAITING, Phase.BLOCKED} and state.wake_at is not None
    left_s = max(0.0, (state.wake_at or now_s) - now_s)
    words = state.phase.value
    if waits:
        goal = state.goal.value if state.goal is not None else "retry"
        words = f"{words} to {goal}, attempt {state.failures + 1} in {span(left_s)}"
        words += f": {last_error}" if last_error else ""
    elif state.phase is Phase.ONLINE:
        words = f"online at {context.endpoint}"
    at = (utc_now + timedelta(seconds=left_s)).isoformat(timespec="seconds") if waits else None
    return Report(headline=words, next_try_at=at)
