"""Lines of the journal become entries, and entries get their times."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from iot_onboard.boot_log.entries import FIELDS, JournalEntry, read_entry, timed_entries
from iot_onboard.core.identity import Identity
from iot_onboard.core.timings import Timings
from iot_onboard.events.format import journal_fields
from iot_onboard.events.model import Context, Details, Event

ENTRY = JournalEntry(
    boot_id="b" * 32,
    at_us=12_345_678,
    utc=datetime(2026, 11, 25, 0, 1, 12, tzinfo=UTC),
    message="Online at host:8883. Connecting took 250 ms.",
    priority=5,
    event="online",
    state="online",
    cause="online",
)


def line(**fields: Any) -> str:
    standing = {"_BOOT_ID": "b" * 32, "__MONOTONIC_TIMESTAMP": "12345678", "__REALTIME_TIMESTAMP": "1795564860351216"}
    return json.dumps({**standing, "PRIORITY": "5", "_PID": "54", **fields})


def entry(**fields: Any) -> JournalEntry:
    found = read_entry(line(**fields))
    assert found is not None
    return found


def test_what_the_daemon_writes_is_read_back() -> None:
    """Every field of a line, as the journal hands it on."""
    took = Timings(dns_ms=1, tcp_ms=2, tls_ms=3, answer_ms=4)
    details = Details(code="4", cause="connack-4", attempt=3, next_try_s=9.5, duration_ms=10, timings=took)
    context = Context(product_key="pk", device_name="gw", version="1", endpoint="host:8883")
    fields = dict(journal_fields(Event.LOGIN_REFUSED, details, context, "waiting"))
    assert set(fields) <= set(FIELDS)
    found = entry(MESSAGE="No.", **fields)
    assert (found.event, found.state, found.code, found.cause) == ("login-refused", "waiting", "4", "connack-4")
    assert (found.attempt, found.next_try_s, found.endpoint, found.duration_ms) == (3, 9.5, "host:8883", 10)
    assert (found.timings, found.message, found.at_us, found.priority) == (took, "No.", 12345678, 5)
    assert (found.product_key, found.device_name, found.gateway, found.other) == ("pk", "gw", None, "")


def test_a_line_says_which_device_it_is_about() -> None:
    """Another one than the gateway is named; a line of a version that knew of none is the gateway's."""
    context = Context(product_key="pk", device_name="gw", version="1")
    about = Identity(product_key="sub", device_name="meter.1")
    found = entry(**dict(journal_fields(Event.LOGIN_REFUSED, Details(about=about), context, "online")))
    assert (found.product_key, found.device_name, found.gateway) == ("sub", "meter.1", "pk.gw")
    assert found.other == "sub.meter.1"
    assert entry(IOT_EVENT="online", IOT_PRODUCT_KEY="pk", IOT_DEVICE_NAME="gw").other == ""
    assert entry(MESSAGE="of systemd").other == ""


@pytest.mark.parametrize(
    ("value", "message"),
    [("plain", "plain"), ([104, 105, 255], "hi\ufffd"), (["one", "two"], "one"), (None, ""), ([], "")],
)
def test_messages_of_all_forms(value: Any, message: str) -> None:
    """Text, bytes that are no text, a field that is there twice, one that was too long."""
    assert entry(MESSAGE=value).message == message


@pytest.mark.parametrize(
    ("fields", "name", "logged"),
    [
        ({"IOT_EVENT": "online"}, "online", True),
        ({"_PID": "1", "PRIORITY": "6"}, "(systemd)", False),
        ({"_PID": "1", "PRIORITY": "4"}, "(systemd)", True),
        ({"PRIORITY": "6"}, "(output)", True),
    ],
)
def test_who_speaks(fields: dict[str, str], name: str, logged: bool) -> None:
    """Of the service manager what went wrong, of the service everything."""
    found = entry(**fields)
    assert (found.name, found.is_shown) == (name, logged)
    assert len(list(timed_entries([found], lambda _: 0, lambda _: 0))) == logged


def test_times_are_since_the_boot_and_since_the_line_before() -> None:
    """Where a boot did not begin at 0, from its beginning; the first line of a boot has none before it."""
    logged = [
        replace(ENTRY, boot_id="a", at_us=5_000_000),
        replace(ENTRY, boot_id="a", at_us=5_000_001, by_manager=True, event=None, priority=6),
        replace(ENTRY, boot_id="a", at_us=5_250_000),
        replace(ENTRY, boot_id="b", at_us=7_000_000),
    ]
    found = list(timed_entries(logged, {"a": 4_000_000, "b": 0}.__getitem__, {"a": -1, "b": 0}.get))
    assert [(one.offset, one.since_boot_us, one.since_previous_us) for one in found] == [
        (-1, 1_000_000, None),
        (-1, 1_250_000, 250_000),
        (0, 7_000_000, None),
    ]
