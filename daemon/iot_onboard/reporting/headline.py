"""Describe the state of the daemon in one record and one line. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..events.format import what_happened
from ..events.model import Context, Details, Event
from ..events.table import TABLE
from ..fast_start.fast_dataclasses import dataclass
from ..lifecycle.model import Phase
from ..lifecycle.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Hold the last fault, as a sentence of the event table, with its time (ISO 8601, UTC)."""

    what: str
    at: str
    cause: str
    cure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Hold the headline for `systemctl status`, and the time of the next try by both clocks for the status file."""

    headline: str
    next_try_at: datetime | None
    next_try_monotonic_s: float | None


def trouble(event: Event, details: Details, context: Context, at: str) -> Trouble:
    """Return the fault, with the cure of this occurrence if it has one, else with the cure of the event."""
    entry = TABLE[event]
    return Trouble(
        what=what_happened(entry, details, context),
        at=at,
        cause=details.cause or event.value,
        cure=details.cure or entry.remedy,
    )


def report(state: State, context: Context, last: Trouble | None, now_s: float, now: datetime) -> Report:
    """Return the state of the daemon; `now` is the wall clock's time in the reader's time zone."""
    at = next_try_at(state)
    if at is None:
        words = f"online at {context.endpoint}" if state.phase is Phase.ONLINE else state.phase.value
        return Report(headline=words, next_try_at=None, next_try_monotonic_s=None)
    next_try = now + timedelta(seconds=max(0.0, at - now_s))
    goal = state.goal.value if state.goal is not None else "retry"
    # A time of day, not a span: systemd shows the line for as long as it holds.
    words = f"{state.phase.value} to {goal}" if state.phase is Phase.WAITING else f"{state.phase.value} (next: {goal})"
    words += f", attempt {state.failures + 1} at {next_try:%H:%M:%S}"
    if last is not None:
        words += f": {last.what}"
        words += f" To do: {last.cure.rstrip('.')}." if state.phase is Phase.BLOCKED else ""
    return Report(headline=words, next_try_at=next_try, next_try_monotonic_s=at)


def next_try_at(state: State) -> float | None:
    """Return when a wait ends, in monotonic seconds, or `None` if there is no wait."""
    return state.wake_at if state.phase in {Phase.WAITING, Phase.BLOCKED} else None


def secret_words(state: State) -> str:
    """Return where the device secret is, as the status names it: none, in memory, on disk, or given by hand."""
    if state.credentials is None:
        return "none"
    if not state.policy.can_register:
        return "given by hand"
    return "on disk" if state.durable else "in memory"
