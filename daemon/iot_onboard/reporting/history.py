"""The history that survives a restart of the service: sessions by the hour, and the last registration. Pure."""

from __future__ import annotations

import math

from ..fast_start.fast_dataclasses import dataclass, replace

_HOUR_S = 3600.0
DAY_HOURS = 24
_TEXT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """Count the sessions in one hour of the monotonic clock; a reconnect is a session after a lost one."""

    hour: int
    sessions: int
    reconnects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Hold the result of the last registration, and its time (ISO 8601, UTC)."""

    at: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Hold the hours of the last day, oldest first."""

    hours: tuple[Hour, ...] = ()
    registration: Registration | None = None


def with_session(history: History, now_s: float, *, reconnect: bool) -> History:
    """Return the history with one more session, which begins now."""
    present = math.floor(now_s / _HOUR_S)
    before = tuple(hour for hour in history.hours if present - DAY_HOURS < hour.hour < present)
    same = next((hour for hour in history.hours if hour.hour == present), Hour(hour=present, sessions=0, reconnects=0))
    counted = replace(same, sessions=same.sessions + 1, reconnects=same.reconnects + reconnect)
    return replace(history, hours=(*before, counted))


def last_day(history: History, now_s: float) -> tuple[int, int]:
    """Return the sessions and the reconnects of the last 24 hours, the present hour included."""
    present = math.floor(now_s / _HOUR_S)
    counted = [hour for hour in history.hours if present - DAY_HOURS < hour.hour <= present]
    return sum(hour.sessions for hour in counted), sum(hour.reconnects for hour in counted)


def record_of(history: History) -> dict[str, object]:
    """Return the history as a JSON record."""
    registration = history.registration
    return {
        "hours": [[hour.hour, hour.sessions, hour.reconnects] for hour in history.hours],
        "registration": None if registration is None else [registration.at, registration.outcome],
    }


def history_of(record: dict[str, object]) -> History:
    """Return the history in a JSON record, without invalid parts."""
    rows = record.get("hours")
    hours = [_hour(row) for row in rows[-DAY_HOURS:]] if isinstance(rows, list) else []
    registration: Registration | None = None
    match record.get("registration"):
        case [str(at), str(outcome)]:
            registration = Registration(at=at[:_TEXT], outcome=outcome[:_TEXT])
    return History(hours=tuple(hour for hour in hours if hour is not None), registration=registration)


def _hour(row: object) -> Hour | None:
    match row:
        case [int(hour), int(sessions), int(reconnects)] if min(hour, sessions, reconnects) >= 0:
            return Hour(hour=hour, sessions=sessions, reconnects=reconnects)
        case _:
            return None
