"""What the operator is told: lines by a clock of the test's own, and the status as it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from iot_onboard.core.failures import Cause
from iot_onboard.core.identity import Identity
from iot_onboard.core.secret import KnownSecrets, Secret
from iot_onboard.events.causes import CAUSES
from iot_onboard.events.format import Line
from iot_onboard.events.model import Context, Details, Event
from iot_onboard.events.table import TABLE
from iot_onboard.fast_start.fast_dataclasses import replace
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle.state import State
from iot_onboard.reporting.history import Registration, last_day
from iot_onboard.reporting.reporter import Reporter
from iot_onboard.reporting.runtime_files import HistoryLog
from iot_onboard.reporting.status_file import read
from iot_onboard.system.clock import Clock
from iot_onboard.system.notify import Notifier
from support.process.recording import recording_journal
from support.text.forms import ENCODED, WRITTEN, traces

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FAILED = Details(cause="name-lookup", detail="the name x does not resolve", attempt=1, next_try_s=4.0)
WAITING = State(phase=m.Phase.WAITING, goal=m.Goal.CONNECT)
ONLINE = State(phase=m.Phase.ONLINE)


@dataclass
class Hands:
    """A wall clock and a monotonic one, to be moved."""

    wall_s: float = NOON.timestamp()
    monotonic_s: float = 1000.0

    def advance(self, seconds: float) -> None:
        self.wall_s += seconds
        self.monotonic_s += seconds


@dataclass
class Logged:
    """A reporter, and what it said."""

    reporter: Reporter
    hands: Hands
    runtime_dir: Path
    lines: list[Line] = field(default_factory=list)

    def messages(self, most: int = 6) -> list[str]:
        return [line.message for line in self.lines if line.priority <= most]


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def logged(tmp_path: Path, utc: None) -> Logged:  # noqa: ARG001 - a time zone for lines
    hands = Hands()
    clock = Clock(tmp_path, wall_s=lambda: hands.wall_s, monotonic_s=lambda: hands.monotonic_s)
    lines: list[Line] = []
    reporter = Reporter(
        context=Context(product_key="pk", device_name="gw-0001", version="1.0"),
        paho_version="2.1.0",
        registration_url="https://register.example/auth/register/device",
        mqtt_endpoint="mqtt.example:8883",
        runtime_dir=tmp_path,
        journal=recording_journal(lines.append),
        notifier=Notifier({}),
        clock=clock,
        known=KnownSecrets(Secret("s3cr3tS3CR3T")),
    )
    return Logged(reporter, hands, tmp_path, lines)


def test_a_trouble_that_repeats_is_told_with_a_count(logged: Logged) -> None:
    """At once, then after a minute; what lies between stays at debug level, with all its fields."""
    for _ in range(8):
        logged.reporter.log_event(Event.CONNECT_FAILED, FAILED, WAITING)
        logged.hands.advance(10.0)
    first, second = logged.messages()
    assert first.startswith("Cannot connect: the name x does not resolve. Next try in 4 s.")
    assert second == f"{first} (7 times since 12:00)"
    assert [line.priority for line in logged.lines] == [4, 7, 7, 7, 7, 7, 4, 7]
    assert all(("IOT_EVENT", "connect-failed") in line.fields for line in logged.lines)


def test_an_event_of_another_device_leaves_the_gateway_s_status_alone(logged: Logged) -> None:
    """Its trouble is written with its names, is no trouble of the gateway, and ends none."""
    reporter, meter = logged.reporter, Identity(product_key="sub", device_name="m1")
    reporter.log_event(Event.CONNECT_FAILED, FAILED, WAITING)
    before = logged.reporter.repeat_at()
    reporter.log_event(Event.LOGIN_REFUSED, replace(FAILED, about=meter), WAITING)
    reporter.log_event(Event.ONLINE, Details(about=meter), WAITING)
    assert [dict(line.fields).get("IOT_GATEWAY") for line in logged.lines] == [None, "pk.gw-0001", "pk.gw-0001"]
    assert [dict(line.fields)["IOT_DEVICE_NAME"] for line in logged.lines] == ["gw-0001", "m1", "m1"]
    assert reporter.repeat_at() == before
    reporter.publish_status(WAITING)
    status = read(logged.runtime_dir)
    assert status is not None
    assert (status.last_event, status.last_cause, status.device_name) == ("connect-failed", "name-lookup", "gw-0001")
    assert last_day(HistoryLog(logged.runtime_dir).read(), logged.hands.monotonic_s) == (0, 0)
    logged.hands.advance(3600.0)
    reporter.repeat_if_due(WAITING)
    assert "the name x does not resolve" in logged.messages()[-1]
    assert dict(logged.lines[-1].fields)["IOT_DEVICE_NAME"] == "gw-0001"


def test_a_trouble_that_lasts_is_told_though_nothing_happens(logged: Logged) -> None:
    """Within the hour, with the next try as it stands then."""
    blocked = replace(WAITING, phase=m.Phase.BLOCKED, wake_at=1000.0 + 3900)
    assert logged.reporter.repeat_at() is None
    logged.reporter.log_event(Event.LOGIN_BLOCKED, replace(FAILED, next_try_s=3900.0, cure="reset it"), blocked)
    due_at = logged.reporter.repeat_at()
    assert due_at is not None
    assert due_at <= 1000.0 + 3600
    logged.reporter.repeat_if_due(blocked)
    assert len(logged.lines) == 1, "not before its time"
    logged.hands.advance(due_at - 1000.0)
    logged.reporter.repeat_if_due(blocked)
    assert "To do: reset it. Next try in 10 min. (since 12:00)" in logged.messages()[1]
    logged.hands.advance(3600)
    logged.reporter.repeat_if_due(replace(blocked, phase=m.Phase.CONNECTING, wake_at=None))
    assert "Trying now." in logged.messages()[2]
    logged.reporter.log_event(Event.ONLINE, Details(), replace(WAITING, phase=m.Phase.ONLINE))
    assert logged.reporter.repeat_at() is None


def test_a_status_that_could_not_be_written_is_written_later(logged: Logged) -> None:
    """Online and idle nothing else would write it: within a minute what stands there is true again."""
    online = replace(WAITING, phase=m.Phase.ONLINE, wake_at=None)
    obstacle = logged.runtime_dir / "status.json"
    obstacle.mkdir()
    logged.reporter.publish_status(online)
    due_at = logged.reporter.repeat_at()
    assert due_at is not None
    assert due_at <= 1000.0 + 60.0
    obstacle.rmdir()
    logged.hands.advance(due_at - 1000.0)
    logged.reporter.repeat_if_due(online)
    status = read(logged.runtime_dir)
    assert (status is not None and status.state, logged.reporter.repeat_at()) == ("online", None)


def test_the_time_of_the_beginning_survives_the_setting_of_the_clock(logged: Logged) -> None:
    """A gateway that woke up in 1970 does not say so for ever."""
    logged.hands.wall_s = 60.0
    logged.reporter.log_event(Event.CLOCK_NOT_SET, FAILED, WAITING)
    logged.hands.wall_s = NOON.timestamp()
    logged.hands.advance(120.0)
    logged.reporter.log_event(Event.CLOCK_NOT_SET, FAILED, WAITING)
    assert logged.messages()[1].endswith("(2 times since 12:00)")


def test_the_status_is_current_though_the_line_is_not_told(logged: Logged) -> None:
    """Every attempt shows there, at once."""
    for attempt in (1, 2, 3):
        logged.reporter.log_event(Event.CONNECT_FAILED, replace(FAILED, attempt=attempt), WAITING)
        logged.reporter.publish_status(replace(WAITING, failures=attempt))
        status = read(logged.runtime_dir)
        assert status is not None
        assert status.attempt == attempt
        assert status.last_error is not None
        assert "times since" not in status.last_error
    assert len(logged.messages()) == 1


def test_attempts_are_told_once(logged: Logged) -> None:
    """The second one ends in something that is told."""
    for _ in range(3):
        logged.reporter.log_event(Event.CONNECTING, Details(attempt=1), WAITING)
        logged.reporter.log_event(Event.CONNECT_FAILED, FAILED, WAITING)
    assert len(logged.messages()) == 2


def test_a_trouble_is_shown_with_its_cure_and_stays_as_history(logged: Logged) -> None:
    """With the cure of the occurrence, or else of the event; without the countdown, which would soon be wrong."""
    logged.reporter.log_event(Event.CONNECT_FAILED, replace(FAILED, cure="check the DNS server"), WAITING)
    logged.reporter.publish_status(WAITING)
    status = read(logged.runtime_dir)
    assert status is not None
    assert (status.last_error, status.last_cause) == ("Cannot connect: the name x does not resolve.", "name-lookup")
    assert (status.last_cure, status.last_error_at) == ("check the DNS server", NOON.isoformat())
    logged.reporter.log_event(Event.SAVE_FAILED, Details(detail="no space left"), WAITING)
    logged.reporter.publish_status(WAITING)
    status = read(logged.runtime_dir)
    assert status is not None
    assert status.last_cure == TABLE[Event.SAVE_FAILED].remedy
    logged.reporter.log_event(Event.ONLINE, Details(), ONLINE)
    logged.reporter.publish_status(ONLINE)
    status = read(logged.runtime_dir)
    assert status is not None
    assert (status.state, status.last_cause) == ("online", "save-failed")


def test_a_history_of_another_boot_is_gone_when_the_daemon_starts(logged: Logged) -> None:
    """Before anything happens: readers of the file do not look at the boot."""
    (logged.runtime_dir / "history.json").write_text('{"boot_id": "another", "hours": [[0, 9, 9]]}')
    assert last_day(HistoryLog(logged.runtime_dir).read_as_reader(), 1000.0) == (9, 9)
    logged.reporter.publish_status(State())
    assert last_day(HistoryLog(logged.runtime_dir).read_as_reader(), 1000.0) == (0, 0)


def test_sessions_are_counted_beyond_a_restart(logged: Logged) -> None:
    """A session after a lost one is a reconnect; the first one of a process is none."""
    for _ in range(3):
        logged.reporter.log_event(Event.ONLINE, Details(), ONLINE)
    assert last_day(HistoryLog(logged.runtime_dir).read(), 1000.0) == (3, 2)


@pytest.mark.parametrize(
    ("event", "details", "outcome"),
    [
        (Event.REGISTERED, Details(), "registered"),
        (Event.REGISTRATION_REFUSED, Details(code="6288", detail="switched off"), "code 6288: switched off"),
        (Event.LOGIN_BLOCKED, Details(code="6289", detail="activated"), "code 6289: activated"),
        (Event.REGISTRATION_FAILED, Details(detail="no route"), "no route"),
    ],
)
def test_the_end_of_a_registration_is_remembered(logged: Logged, event: Event, details: Details, outcome: str) -> None:
    """Of a registration alone: the same line after a login says nothing of one."""
    logged.reporter.publish_status(State(phase=m.Phase.CONNECTING))
    if event is not Event.REGISTERED:
        logged.reporter.log_event(event, details, WAITING)
        assert HistoryLog(logged.runtime_dir).read().registration is None
    logged.reporter.publish_status(State(phase=m.Phase.REGISTERING))
    logged.reporter.log_event(event, details, WAITING)
    assert HistoryLog(logged.runtime_dir).read().registration == Registration(at=NOON.isoformat(), outcome=outcome)


def test_a_failure_without_a_cure_of_its_own_gets_that_of_its_cause(logged: Logged) -> None:
    """In the line and in the status."""
    logged.reporter.log_event(Event.CONNECT_FAILED, replace(FAILED, cause="timeout", cure=""), WAITING)
    logged.reporter.publish_status(WAITING)
    status = read(logged.runtime_dir)
    assert status is not None
    assert status.last_cure == CAUSES[Cause.TIMEOUT].cure
    assert f"If it lasts: {CAUSES[Cause.TIMEOUT].cure}." in logged.messages()[0]


@pytest.mark.parametrize("form", [*WRITTEN, *ENCODED])
def test_no_known_secret_is_told_in_any_form(logged: Logged, form: str) -> None:
    """Not in a line, its fields, the status or the history, whoever said it; and no escape of a terminal."""
    secret = "s3cr3tS3CR3T"
    written = WRITTEN[form](secret) if form in WRITTEN else ENCODED[form](secret.encode())
    detail = f"no connection through the proxy x: \x1b[2J{written.decode()}\u202e" + "y" * 5000
    registering = replace(WAITING, phase=m.Phase.REGISTERING)
    logged.reporter.publish_status(registering)
    logged.reporter.log_event(Event.REGISTRATION_FAILED, replace(FAILED, detail=detail), registering)
    logged.reporter.publish_status(registering)
    texts = [str(line) for line in logged.lines] + [path.read_text() for path in logged.runtime_dir.iterdir()]
    assert any("no connection through the proxy x" in text for text in texts)
    for text in texts:
        assert not any(trace.decode("utf-8", "replace") in text for trace in traces(secret))
        assert not [mark for mark in ("\x1b", "\u202e", "x1b", "u001b", "u202e") if mark in text]
    assert all(len(line.message) < 1500 for line in logged.lines)
