"""The answer of `iot-onboard status`: one record, shown as JSON, as text, or as a line. Pure.

The record is the documented one: docs/status.md is made from `MEANINGS` and the types of its fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..events.explain import find
from ..events.format import span
from ..fast_start.fast_dataclasses import as_dict
from ..system.text_style import Style, lines_of, painted, printable
from .history import History, last_day
from .status import NOT_PROVISIONED, SCHEMA, Status

NOT_RUNNING = "not-running"
_COLOURS = {"online": "32", "blocked": "1;31", NOT_RUNNING: "1;31", NOT_PROVISIONED: "1;33"}
_IN_PROGRESS = "33"
_WORDS = {
    "boot": "looking for the stored secret",
    "saving": "storing the secret",
    NOT_PROVISIONED: "not set up",
    NOT_RUNNING: "not running",
}
_GOALS = {"load": "look for the secret", "save": "store the secret"}
# The documented record: the names in order, with their meanings.
MEANINGS = {
    "schema": "1. The number changes when a name is removed or changes its meaning, not when a name is added.",
    "at": "Time of this answer.",
    "running": "Whether the daemon runs.",
    "state": (
        "`boot`, `registering`, `saving`, `connecting`, `online`, `waiting` (retries by itself), `blocked` (somebody"
        " has to act; it still retries about hourly), `stopped`; `not-provisioned` if this gateway is not set up;"
        " `not-running` if no daemon runs."
    ),
    "goal": "What it waits to do: `load`, `register`, `save` or `connect`.",
    "since": "Start of this state.",
    "since_s": "Seconds from that time to `at`, by a clock that no time setting changes.",
    "product_key": "The product key.",
    "device_name": "The device name, with the placeholders of the configuration replaced.",
    "endpoint": "The server of the session, or of the next try: host and port, or a URL.",
    "attempt": "Number of failed attempts in a row.",
    "next_try_at": "Time of the next try.",
    "next_try_s": "Seconds from `at` to that time; 0 if it is due.",
    "online_since": "Start of the present session.",
    "last_error": "The last error; if the state is `online`, it is over.",
    "last_error_at": "Time of that error.",
    "last_cause": "Its most exact name, for `iot-onboard explain`: `6289`, `name-lookup`.",
    "responsible": "Who has to act on that error.",
    "last_cure": "What to do about it; if the state is not `blocked`, the error may end by itself.",
    "last_event": "The last logged event, by its name in the journal (`IOT_EVENT`).",
    "secret": "Where the device secret is: `none`, `in memory`, `on disk` or `given by hand`.",
    "secret_issued_at": "Time at which the platform issued it.",
    "last_registration": "Result of the last registration in this boot: `registered`, or the reason of its failure.",
    "last_registration_at": "Time of that registration.",
    "sessions_24h": "Accepted logins in the last 24 hours of this boot, counted by whole hours.",
    "reconnects_24h": "How many of them followed a lost session.",
    "agent_version": "Version of the running daemon.",
    "paho_version": "Version of its Paho library.",
    "pid": "Its process ID.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Hold the answer: the daemon's status, and what is derived from it at the time of the answer."""

    status: Status
    at: str
    running: bool
    since_s: float | None = None
    next_try_s: float | None = None
    responsible: str | None = None
    last_registration: str | None = None
    last_registration_at: str | None = None
    sessions_24h: int | None = None
    reconnects_24h: int | None = None


def view_of(status: Status, history: History, now: datetime, now_s: float) -> View:
    """Return the answer about a running daemon; `now` is the wall clock, `now_s` the monotonic clock."""
    sessions, reconnects = last_day(history, now_s)
    registration = history.registration
    return View(
        status=status,
        at=now.isoformat(timespec="seconds"),
        running=True,
        since_s=_seconds(status.since_monotonic_s, status.since, now, now_s, sign=-1),
        next_try_s=_seconds(status.next_try_monotonic_s, status.next_try_at, now, now_s, sign=1),
        responsible=_responsible(status.last_cause),
        last_registration=registration.outcome if registration else None,
        last_registration_at=registration.at if registration else None,
        sessions_24h=sessions,
        reconnects_24h=reconnects,
    )


def view_without_daemon(why: str, cure: str, cause: str | None, now: datetime) -> View:
    """Return the answer if no daemon runs."""
    status = Status(schema=SCHEMA, state=NOT_RUNNING, last_error=why, last_cause=cause, last_cure=cure)
    return View(status=status, at=now.isoformat(timespec="seconds"), running=False, responsible=_responsible(cause))


def record_of(view: View) -> dict[str, object]:
    """Return the answer as the documented record; every name is in it, with `None` if it has no value."""
    known = as_dict(view.status) | as_dict(view)
    return {name: None if known[name] == "" else known[name] for name in MEANINGS}


def text(view: View, now: datetime, style: Style) -> str:
    """Return the answer as rows for a person; `now` is the wall clock in the reader's time zone."""
    width = max(len(name) for name, _ in _rows(view, now))
    lines: list[str] = []
    for name, value in _rows(view, now):
        first, *rest = lines_of(value, width + 2, style)
        if name == "state":
            first = painted(first, _COLOURS.get(view.status.state, _IN_PROGRESS), style)
        lines += [f"{name:<{width}}  {first}", *(" " * (width + 2) + line for line in rest)]
    return "\n".join(lines)


def line(view: View, now: datetime) -> str:
    """Return the answer in one line, for a program that follows it."""
    parts = [f"{now:%H:%M:%S} {_state(view)}"]
    if view.next_try_s is not None:
        parts.append(_next_try(view))
    if view.status.last_error is not None and view.status.state != "online":
        parts.append(view.status.last_error)
    return printable(", ".join(parts[:2]) + "".join(f": {part}" for part in parts[2:]))


def _rows(view: View, now: datetime) -> Iterator[tuple[str, str]]:
    status = view.status
    lasts = f" for {span(view.since_s)}, since {_clock_time(status.since, now)}" if view.since_s is not None else ""
    yield "state", _state(view) + lasts
    if view.next_try_s is not None:
        yield "next try", _next_try(view)
    if status.last_error is not None and status.state == "online":
        yield "past error", f"{status.last_error} (over; {_clock_time(status.last_error_at, now)})"
    elif status.last_error is not None:
        when = f" ({_clock_time(status.last_error_at, now)})" if status.last_error_at else ""
        yield "last error" if view.running else "why", status.last_error + when
        yield from _cure(view)
    if not view.running:
        return
    yield "device", f"{status.device_name or '(no name)'} of product {status.product_key or '(none)'}"
    yield "endpoint", status.endpoint or "(none)"
    if status.secret is not None:
        yield "secret", _secret(status, now)
    if view.last_registration is not None:
        yield "registration", f"{view.last_registration} ({_clock_time(view.last_registration_at, now)})"
    yield "last 24 h", f"{_count(view.sessions_24h, 'session')}, {_count(view.reconnects_24h, 'reconnect')}"
    paho = f", Paho {status.paho_version}" if status.paho_version else ""
    yield "version", f"iot-onboard {status.agent_version}{paho}"


def _cure(view: View) -> Iterator[tuple[str, str]]:
    if view.responsible is not None:
        yield "who has to act", view.responsible
    if view.status.last_cure is not None:
        waits = view.status.state not in {"blocked", NOT_PROVISIONED, NOT_RUNNING}
        yield "to do", f"wait; if it lasts: {view.status.last_cure}" if waits else view.status.last_cure
    if view.status.last_cause is not None:
        yield "more", f"iot-onboard explain {view.status.last_cause}"


def _state(view: View) -> str:
    words = _WORDS.get(view.status.state, view.status.state)
    if view.status.goal is None:
        return words
    goal = _GOALS.get(view.status.goal, view.status.goal)
    return f"{words} to {goal}" if view.status.state == "waiting" else f"{words} (next: {goal})"


def _responsible(cause: str | None) -> str | None:
    topic = find(cause) if cause else None
    return topic.advice.responsible.value if topic else None


def _next_try(view: View) -> str:
    return f"in {span(view.next_try_s or 0.0)}, attempt {(view.status.attempt or 0) + 1}"


def _secret(status: Status, now: datetime) -> str:
    if status.secret == "on disk" and status.secret_issued_at:  # noqa: S105 - a place, not a secret
        return f"on disk since {_clock_time(status.secret_issued_at, now)}"
    return {"in memory": "in memory, not on disk yet", "none": "none yet"}.get(status.secret or "", status.secret or "")


def _count(number: int | None, word: str) -> str:
    return f"{number or 0} {word}" + ("" if number == 1 else "s")


def _clock_time(at: str | None, now: datetime) -> str:
    """Return a time in the time zone of `now`, without the date if it is today's."""
    time = _parsed(at)
    if time is None:
        return "at an unknown time"
    try:
        local = time.astimezone(now.tzinfo)
    except OverflowError:
        # At either end of the calendar another zone has no such time.
        return "at an unknown time"
    return f"{local:%H:%M:%S}" if local.date() == now.date() else f"{local:%Y-%m-%d %H:%M:%S}"


def _seconds(monotonic_s: float | None, at: str | None, now: datetime, now_s: float, *, sign: int) -> float | None:
    """Return the seconds from now to a time (or with `sign` -1 from it to now), never less than 0."""
    time = _parsed(at)
    if monotonic_s is not None:
        left_s = monotonic_s - now_s
    elif time is not None:
        left_s = (time - now) / timedelta(seconds=1)
    else:
        return None
    return round(max(0.0, sign * left_s), 1)


def _parsed(at: str | None) -> datetime | None:
    try:
        time = datetime.fromisoformat(at or "")
    except ValueError:
        return None
    return time if time.tzinfo is not None else None
