"""What a person and a program are told about the daemon."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.fast_start.fast_dataclasses import as_dict, replace
from iot_onboard.reporting.history import History, Registration, with_session
from iot_onboard.reporting.status import SCHEMA, Status, status_of
from iot_onboard.reporting.status_view import (
    MEANINGS,
    NOT_RUNNING,
    View,
    line,
    record_of,
    text,
    view_of,
    view_without_daemon,
)
from iot_onboard.system.text_style import Style

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOW_S = 5000.0
PLAIN = Style()
WAITING = Status(
    schema=SCHEMA,
    state="waiting",
    goal="connect",
    since="2026-01-02T03:03:00+00:00",
    since_monotonic_s=NOW_S - 65.0,
    product_key="a1b2c3d4e5f",
    device_name="gw-0001",
    endpoint="mqtt.example:8883",
    attempt=2,
    next_try_at="2026-01-02T03:04:35+00:00",
    next_try_monotonic_s=NOW_S + 30.0,
    online_since=None,
    last_error="Cannot connect: connection refused.",
    last_error_at="2026-01-02T03:03:00+00:00",
    last_cause="network",
    last_cure="check the cable",
    last_event="connect-failed",
    secret="on disk",
    secret_issued_at="2025-12-24T18:00:00+00:00",
    agent_version="0.1.0",
    paho_version="2.1.0",
    pid=7,
    pid_start_ticks=9,
)
HISTORY = History(registration=Registration(at="2026-01-02T03:00:00+00:00", outcome="registered"))
ONLINE = replace(WAITING, state="online", goal=None, next_try_at=None, next_try_monotonic_s=None)


def shown(status: Status, history: History = HISTORY, now_s: float = NOW_S, style: Style = PLAIN) -> str:
    return text(view_of(status, history, NOW, now_s), NOW, style)


def test_waiting_says_why_whose_move_what_helps_and_when() -> None:
    """Everything that an installer needs, in a screen."""
    assert shown(WAITING, with_session(HISTORY, NOW_S, reconnect=False)).splitlines() == [
        "state           waiting to connect for 65 s, since 03:03:00",
        "next try        in 30 s, attempt 3",
        "last error      Cannot connect: connection refused. (03:03:00)",
        "who has to act  the administrator of the network between this gateway and the Internet",
        "to do           wait; if it lasts: check the cable",
        "more            iot-onboard explain network",
        "device          gw-0001 of product a1b2c3d4e5f",
        "endpoint        mqtt.example:8883",
        "secret          on disk since 2025-12-24 18:00:00",
        "registration    registered (03:00:00)",
        "last 24 h       1 session, 0 reconnects",
        "version         iot-onboard 0.1.0, Paho 2.1.0",
    ]


def test_the_countdown_is_of_the_moment_and_of_no_wall_clock() -> None:
    """It runs on between two changes, ends at 0, and a clock that is set in between does not upset it."""
    assert "in 10 s, attempt 3" in shown(WAITING, now_s=NOW_S + 20.0)
    assert "in 0 s, attempt 3" in shown(WAITING, now_s=NOW_S + 999.0)
    late = text(view_of(WAITING, HISTORY, NOW + timedelta(days=20_000), NOW_S), NOW, PLAIN)
    assert "waiting to connect for 65 s" in late
    assert "in 30 s" in late


def test_blocked_says_the_cure_without_a_perhaps() -> None:
    """Somebody has to act."""
    logged = shown(replace(WAITING, state="blocked", goal="register", last_cause="6289", last_cure="reset the device"))
    assert "state           blocked (next: register) for" in logged
    assert "to do           reset the device\n" in logged
    assert "who has to act  you, in the cloud console\n" in logged
    assert "more            iot-onboard explain 6289\n" in logged


def test_online_does_not_alarm() -> None:
    """What went wrong before is told as over, without a cure."""
    told = shown(ONLINE)
    assert told.startswith("state         online for 65 s, since 03:03:00\n")
    assert "past error    Cannot connect: connection refused. (over; 03:03:00)" in told
    assert "to do" not in told
    assert "last error" not in told
    assert "past error" not in shown(replace(ONLINE, last_error=None))


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("on disk", "on disk since 2025-12-24 18:00:00"),
        ("given by hand", "given by hand"),
        ("in memory", "in memory, not on disk yet"),
        ("none", "none yet"),
    ],
)
def test_it_says_where_the_secret_is(secret: str, words: str) -> None:
    """On disk since when, or why not."""
    assert f"secret          {words}\n" in shown(replace(WAITING, secret=secret))


def test_times_are_those_of_the_reader() -> None:
    """Where it is another day, the date stands there."""
    there = timezone(timedelta(hours=8))
    shown = text(view_of(WAITING, HISTORY, NOW, NOW_S), NOW.astimezone(there), PLAIN)
    assert "since 11:03:00" in shown
    assert "on disk since 2025-12-25 02:00:00" in shown


def test_without_a_daemon_it_says_why() -> None:
    """And how to get one."""
    view = view_without_daemon("The service ended with 78.", "mend it", "exit-78", NOW)
    assert (view.running, view.status.state) == (False, NOT_RUNNING)
    assert text(view, NOW, PLAIN).splitlines() == [
        "state           not running",
        "why             The service ended with 78.",
        "who has to act  you, at this gateway",
        "to do           mend it",
        "more            iot-onboard explain exit-78",
    ]


def test_a_line_holds_what_changed() -> None:
    """For a pipe: time, state, next try and why."""
    view = view_of(WAITING, HISTORY, NOW, NOW_S)
    assert line(view, NOW) == "03:04:05 waiting to connect, in 30 s, attempt 3: Cannot connect: connection refused."
    assert line(view_of(ONLINE, HISTORY, NOW, NOW_S), NOW) == "03:04:05 online"


def test_colour_and_width_change_no_word() -> None:
    """Only where a terminal wants them."""
    bare = shown(WAITING)
    assert "\x1b" not in bare
    coloured = shown(WAITING, style=Style(colour=True))
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == bare != coloured
    narrow = shown(WAITING, style=Style(width=50))
    assert max(map(len, narrow.splitlines())) <= 50
    assert narrow.split() == bare.split()


@given(st.text())
def test_any_text_in_the_file_is_shown_harmlessly(words: str) -> None:
    """No line of somebody else's, and nothing that a terminal obeys."""
    logged = shown(replace(WAITING, last_error=words, last_cure=words, device_name=words))
    assert all(character.isprintable() for character in logged.replace("\n", ""))


@given(st.sampled_from(["since", "next_try_at", "last_error_at", "secret_issued_at"]), st.text())
def test_any_text_as_a_time_can_be_shown(name: str, words: str) -> None:
    """What is no time is told as unknown."""
    status = status_of({**as_dict(WAITING), "since_monotonic_s": None, "next_try_monotonic_s": None, name: words})
    assert status is not None
    assert shown(status)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_the_ends_of_the_calendar_can_be_shown(at: str) -> None:
    """A time that the reader's zone does not have is told as unknown."""
    status = status_of({**as_dict(WAITING), "last_error_at": at})
    assert status is not None
    assert "unknown" in shown(status)


@pytest.mark.parametrize(
    "view",
    [
        view_of(WAITING, HISTORY, NOW, NOW_S),
        view_of(ONLINE, History(), NOW, NOW_S),
        view_without_daemon("", "", None, NOW),
    ],
    ids=["waiting", "online", "not-running"],
)
def test_the_record_has_each_documented_name_with_its_type(view: View) -> None:
    """What docs/status.md promises, which is made from the same fields."""
    record: dict[str, Any] = json.loads(json.dumps(record_of(view)))
    hints = get_type_hints(Status) | get_type_hints(View)
    assert list(record) == list(MEANINGS)
    assert all(isinstance(record[name], hints[name]) for name in record)
    assert all(means.endswith(".") for means in MEANINGS.values())


def test_the_record_is_what_the_daemon_told_and_what_follows_from_it() -> None:
    """Each name has the value of its own; what a gateway without names lacks is null, and a count of none is 0."""
    record = record_of(view_of(WAITING, with_session(HISTORY, NOW_S, reconnect=False), NOW, NOW_S))
    logged = {name: value for name, value in as_dict(WAITING).items() if name in MEANINGS}
    assert record == {
        **logged,
        "at": NOW.isoformat(),
        "running": True,
        "since_s": 65.0,
        "next_try_s": 30.0,
        "responsible": "the administrator of the network between this gateway and the Internet",
        "last_registration": "registered",
        "last_registration_at": "2026-01-02T03:00:00+00:00",
        "sessions_24h": 1,
        "reconnects_24h": 0,
    }
    nameless = record_of(view_of(replace(WAITING, product_key="", endpoint="", attempt=0), HISTORY, NOW, NOW_S))
    assert (nameless["product_key"], nameless["endpoint"], nameless["attempt"]) == (None, None, 0)
