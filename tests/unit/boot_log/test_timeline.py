"""Timelines: spans that follow each other without a gap, named by what the time was spent on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.boot_log.boots import BootStart
from iot_onboard.boot_log.entries import JournalEntry
from iot_onboard.boot_log.timeline import EXITED_ID, STARTING_ID, timeline
from iot_onboard.boot_log.timeline_model import Group, Kind, Timeline
from iot_onboard.core import units
from iot_onboard.core.failures import Cause
from iot_onboard.core.timings import Timings
from iot_onboard.events.model import Event
from iot_onboard.events.model import Kind as EventKind
from iot_onboard.events.table import TABLE

START = BootStart(userspace_us=2_100_000)
POWER_ON = datetime(2026, 11, 25, tzinfo=UTC)


def at(seconds: float, event: Event | None = None, **fields: Any) -> JournalEntry:
    at_us = round(seconds * 1_000_000)
    entry = JournalEntry(
        boot_id="b", at_us=at_us, utc=POWER_ON + timedelta(microseconds=at_us), message="", priority=6,
        event=None if event is None else event.value,
    )  # fmt: skip
    return replace(entry, **fields)


def manager(seconds: float, message_id: str, unit: str = units.SERVICE) -> JournalEntry:
    return at(seconds, by_manager=True, message_id=message_id, unit=unit)


def spans_of(line: Timeline) -> list[tuple[Kind, float]]:
    return [(span.kind, round(span.length_us / 1_000_000, 6)) for span in line.spans]


def after_start(*entries: JournalEntry, until: float | None = None) -> list[tuple[Kind, float]]:
    """Return the spans after `started`, which is at 9 s."""
    first = (manager(8.0, STARTING_ID), at(9.0, Event.STARTED))
    line = timeline(0, START, [*first, *entries], None if until is None else round(until * 1_000_000))
    assert spans_of(line)[:3] == [(Kind.KERNEL, 2.1), (Kind.UNITS, 5.9), (Kind.START, 1.0)]
    return spans_of(line)[3:]


def online(seconds: float, **took: int) -> JournalEntry:
    return at(seconds, Event.ONLINE, duration_ms=took.pop("duration_ms"), timings=Timings(**took))


def test_a_first_boot() -> None:
    """Every part of it, in its order; before name look-up comes our own work."""
    entries = (
        at(9.01, Event.REGISTERING),
        at(10.0, Event.REGISTERED, duration_ms=980, timings=Timings(dns_ms=50, tcp_ms=100, tls_ms=200, answer_ms=530)),
        at(10.04, Event.SECRET_STORED, duration_ms=39),
        at(10.041, Event.CONNECTING),
        online(10.341, duration_ms=300, dns_ms=10, tcp_ms=100, tls_ms=120, answer_ms=50),
        at(10.4, Event.REPORTED),
    )
    assert after_start(*entries) == [
        (Kind.LOOK, 0.01),
        (Kind.REGISTRATION_OWN, 0.11),
        (Kind.REGISTRATION_DNS, 0.05),
        (Kind.REGISTRATION_TCP, 0.1),
        (Kind.REGISTRATION_TLS, 0.2),
        (Kind.REGISTRATION_ANSWER, 0.53),
        (Kind.STORE, 0.04),
        (Kind.LOGIN_OWN, 0.021),
        (Kind.LOGIN_DNS, 0.01),
        (Kind.LOGIN_TCP, 0.1),
        (Kind.LOGIN_TLS, 0.12),
        (Kind.LOGIN_ANSWER, 0.05),
    ]


def test_a_boot_without_network_at_first() -> None:
    """From the first failure to the try that got through it is the network's time, whatever failed in between."""
    entries = (
        at(9.01, Event.SECRET_FOUND),
        at(9.01, Event.CONNECTING),
        at(9.5, Event.CONNECT_FAILED, cause="name-lookup"),
        at(20.0, Event.CONNECT_FAILED, cause="timeout"),
        at(30.0, Event.CLOCK_NOT_SET, cause="tls-date"),
        online(40.0, duration_ms=300, dns_ms=100, tcp_ms=100, tls_ms=50, answer_ms=50),
    )
    assert after_start(*entries)[:4] == [
        (Kind.LOOK, 0.01),
        (Kind.NAMES, 10.99),
        (Kind.NETWORK, 10.0),
        (Kind.CLOCK, 9.7),
    ]


def test_a_daemon_of_before_that_measured_nothing() -> None:
    """Where no part was measured, the whole of it is one."""
    assert after_start(at(9.1, Event.CONNECTING), online(10.0, duration_ms=900)) == [
        (Kind.LOOK, 0.1),
        (Kind.LOGIN_ANSWER, 0.9),
    ]


def test_another_device_is_not_in_it() -> None:
    """One that the gateway speaks for comes online, fails and waits on its own time."""
    other = {"product_key": "sub", "device_name": "m1", "gateway": "pk.gw"}
    own = (at(9.1, Event.CONNECTING), online(9.5, duration_ms=400, dns_ms=1, tcp_ms=1, tls_ms=1, answer_ms=1))
    mixed = (
        at(9.05, Event.LOGIN_REFUSED, cause="connack-4", **other),
        own[0],
        at(9.2, Event.ONLINE, duration_ms=10, **other),
        own[1],
    )
    assert after_start(*mixed) == after_start(*own)
    line = timeline(0, START, [at(9.0, Event.STARTED), at(20.0, Event.ONLINE, **other)], None)
    assert (line.online, line.last.event) == (False, "started")
    assert timeline(0, START, [at(20.0, Event.ONLINE, **other)], None).last.event == "online"


def test_a_crash_on_the_way() -> None:
    """From the end of the process to the next start the service is down."""
    entries = (
        at(9.1, Event.CONNECTING),
        manager(10.0, EXITED_ID),
        manager(12.0, STARTING_ID),
        at(13.0, Event.STARTED),
        at(13.1, Event.CONNECTING),
    )
    assert after_start(*entries, until=15.0) == [
        (Kind.LOOK, 0.1),
        (Kind.LOGIN_OWN, 0.9),
        (Kind.DOWN, 2.0),
        (Kind.START, 1.0),
        (Kind.LOOK, 0.1),
        (Kind.OTHER, 1.9),
    ]


def test_a_gateway_that_is_set_up_later() -> None:
    """Until somebody did it is nobody else's time; a configuration that is wrong is the same."""
    first = [manager(8.0, STARTING_ID), at(9.0, Event.NOT_PROVISIONED), at(3609.0, Event.NOT_PROVISIONED)]
    assert spans_of(timeline(0, START, first, 3610_000_000))[3:] == [(Kind.SETUP, 3601.0)]
    wrong = [manager(8.0, STARTING_ID), at(9.0, Event.CONFIG_INVALID), manager(9.1, EXITED_ID)]
    assert spans_of(timeline(0, START, wrong, 100_000_000))[2:] == [(Kind.SETUP, 92.0)]


@pytest.mark.parametrize(
    ("event", "cause", "kind"),
    [
        (Event.REGISTRATION_REFUSED, "6289", Kind.PLATFORM),
        (Event.REGISTRATION_THROTTLED, "registration-throttled", Kind.PLATFORM),
        (Event.LOGIN_REFUSED, "connack-4", Kind.PLATFORM),
        (Event.SAVE_FAILED, "save-failed", Kind.DISK),
        (Event.SECRET_FILE_INVALID, "secret-file-invalid", Kind.SETUP),
        *((Event.CONNECT_FAILED, cause.slug, Kind.NETWORK) for cause in (Cause.NETWORK, Cause.PROXY, Cause.ANSWER)),
    ],
)
def test_what_is_waited_for(event: Event, cause: str, kind: Kind) -> None:
    """The cause of the last failure."""
    assert after_start(at(10.0, event, cause=cause), until=20.0) == [(kind, 11.0)]


@pytest.mark.parametrize("event", [event for event in Event if TABLE[event].kind is EventKind.TROUBLE])
def test_every_trouble_is_waited_for(event: Event) -> None:
    """No failure is anybody's work."""
    ((kind, _),) = after_start(at(10.0, event, cause=event.value), until=20.0)
    assert kind.group is Group.WAITING


def test_the_initial_ram_disk_and_what_came_before_the_kernel() -> None:
    """Where the system has one, and where the firmware tells."""
    start = BootStart(initrd_us=900_000, userspace_us=2_100_000, before_us=4_000_000)
    line = timeline(-1, start, [manager(8.0, STARTING_ID)], None)
    assert spans_of(line) == [(Kind.KERNEL, 0.9), (Kind.INITRD, 1.2), (Kind.UNITS, 5.9)]
    assert (line.before_us, line.began, line.online, line.boot) == (4_000_000, POWER_ON, False, -1)


def test_a_boot_whose_kernel_cannot_be_told_apart() -> None:
    """One that never finished starting up, read later."""
    line = timeline(-1, BootStart(), [manager(8.0, STARTING_ID), at(9.0, Event.STARTED)], None)
    assert spans_of(line) == [(Kind.SYSTEM, 8.0), (Kind.START, 1.0)]


def test_units_of_others_are_no_start_of_ours() -> None:
    """The unit that takes in the file on the boot partition comes before."""
    entries = [manager(5.0, STARTING_ID, "iot-onboard-import.service"), at(5.5, Event.BOOT_FILE_IMPORTED)]
    assert after_start(*entries, until=9.5) == [(Kind.LOOK, 0.5)]


milliseconds = st.none() | st.integers(-5, 100_000)
entries = st.builds(
    lambda at_ms, event, by_manager, message_id, cause, duration_ms, took: replace(
        at(at_ms / 1000),
        event=event,
        by_manager=by_manager,
        message_id=message_id,
        unit=units.SERVICE,
        cause=cause,
        duration_ms=duration_ms,
        timings=Timings(dns_ms=took[0], tcp_ms=took[1], tls_ms=took[2], answer_ms=took[3]),
    ),
    st.integers(0, 200_000),
    st.none() | st.sampled_from([event.value for event in Event] + ["of-another-version"]),
    st.booleans(),
    st.sampled_from(["", STARTING_ID, EXITED_ID]),
    st.none() | st.sampled_from([cause.slug for cause in Cause]),
    milliseconds,
    st.tuples(milliseconds, milliseconds, milliseconds, milliseconds),
)
starts = st.builds(
    lambda origin_us, initrd_us, userspace_us: BootStart(
        origin_us=origin_us,
        initrd_us=None if initrd_us is None else origin_us + initrd_us,
        userspace_us=None if userspace_us is None else origin_us + (initrd_us or 0) + userspace_us,
    ),
    st.integers(0, 50_000_000),
    st.none() | st.integers(0, 9_000_000),
    st.none() | st.integers(0, 9_000_000),
)


@given(starts, st.lists(entries, min_size=1, max_size=30), st.none() | st.integers(0, 300_000_000))
def test_spans_are_whole(start: BootStart, journal_text: Sequence[JournalEntry], now_us: int | None) -> None:
    """From the boot's beginning to its end: none negative or empty, none overlaps another, together all of it."""
    line = timeline(0, start, journal_text, now_us)
    assert all(span.length_us > 0 for span in line.spans)
    assert all(before.end_us == after.begin_us for before, after in pairwise(line.spans))
    assert all(before.kind is not after.kind for before, after in pairwise(line.spans))
    if line.spans:
        assert line.spans[0].begin_us == 0
    assert sum(span.length_us for span in line.spans) == line.whole_us == sum(line.of(kind) for kind in Kind)


@given(starts, st.lists(entries, max_size=30), st.integers(0, 200_000))
def test_the_first_login_ends_it(start: BootStart, others: Sequence[JournalEntry], at_ms: int) -> None:
    """Whatever else was there, and whatever came later."""
    journal_text = [*others, at(at_ms / 1000, Event.ONLINE)]
    line = timeline(0, start, journal_text, None)
    assert line.online
    first = min(entry.at_us for entry in journal_text if entry.event == "online" and not entry.by_manager)
    known = [us for us in (start.initrd_us, start.userspace_us) if us is not None]
    assert line.whole_us == max([first, *known, start.origin_us]) - start.origin_us
