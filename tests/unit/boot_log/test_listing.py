"""The story: what the journal holds becomes steps, a line and a record each."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.boot_log.boots import BootStart, of_finished, of_present
from iot_onboard.boot_log.entries import FIELDS, JournalEntry, TimedEntry, read_moment, steps
from iot_onboard.boot_log.journalctl import KEEP, JournalUnavailable, why_silent
from iot_onboard.boot_log.listing import clock, columns_of, duration, heading, line, record, wide_columns
from iot_onboard.core.timings import Timings
from iot_onboard.events.format import journal_fields
from iot_onboard.events.model import Context, Details, Event
from iot_onboard.system.text_style import Style
from support.tree import ROOT

DOCUMENT = ROOT / "docs" / "story.md"
MOMENT = JournalEntry(
    boot_id="b" * 32,
    at_us=12_345_678,
    utc=datetime(2026, 11, 25, 0, 1, 12, tzinfo=UTC),
    message="Online at host:8883, 250 ms after the dial.",
    priority=5,
    event="online",
    state="online",
    cause="online",
)
texts = st.text(max_size=12)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


def entry(**fields: Any) -> str:
    standing = {"_BOOT_ID": "b" * 32, "__MONOTONIC_TIMESTAMP": "12345678", "__REALTIME_TIMESTAMP": "1795564860351216"}
    return json.dumps({**standing, "PRIORITY": "5", "_PID": "54", **fields})


def moment(**fields: Any) -> JournalEntry:
    found = read_moment(entry(**fields))
    assert found is not None
    return found


def step(told: JournalEntry, since_previous_us: int | None = None) -> TimedEntry:
    (found,) = steps([told], {}, {told.boot_id: 0})
    return replace(found, since_previous_us=since_previous_us)


def test_what_the_daemon_writes_is_read_back() -> None:
    """Every field of a line, as the journal hands it on."""
    took = Timings(dns_ms=1, tcp_ms=2, tls_ms=3, answer_ms=4)
    details = Details(code="4", cause="connack-4", attempt=3, next_try_s=9.5, duration_ms=10, took=took)
    context = Context(product_key="pk", device_name="gw", version="1", endpoint="host:8883")
    fields = dict(journal_fields(Event.LOGIN_REFUSED, details, context, "waiting"))
    assert {name for name in fields if name not in ("IOT_PRODUCT_KEY", "IOT_DEVICE_NAME")} <= set(FIELDS)
    found = moment(MESSAGE="No.", **fields)
    assert (found.event, found.state, found.code, found.cause) == ("login-refused", "waiting", "4", "connack-4")
    assert (found.attempt, found.next_try_s, found.endpoint, found.duration_ms) == (3, 9.5, "host:8883", 10)
    assert (found.took, found.message, found.at_us, found.priority) == (took, "No.", 12345678, 5)


@given(
    st.text(max_size=40)
    | st.dictionaries(
        st.sampled_from([*FIELDS, "_BOOT_ID", "__MONOTONIC_TIMESTAMP", "__REALTIME_TIMESTAMP"]), anything
    ).map(json.dumps)
)
def test_whatever_stands_in_the_journal_is_read_or_left_out(text: str) -> None:
    """Everybody may write to the journal."""
    found = read_moment(text)
    if found is not None:
        told = step(found)
        assert "\n" not in line(told, columns_of([told]), Style())
        json.dumps(record(told))


@pytest.mark.parametrize(
    ("value", "message"),
    [("plain", "plain"), ([104, 105, 255], "hi\ufffd"), (["one", "two"], "one"), (None, ""), ([], "")],
)
def test_messages_of_all_forms(value: Any, message: str) -> None:
    """Text, bytes that are no text, a field that is there twice, one that was too long."""
    assert moment(MESSAGE=value).message == message


@pytest.mark.parametrize(
    ("fields", "name", "told"),
    [
        ({"IOT_EVENT": "online"}, "online", True),
        ({"_PID": "1", "PRIORITY": "6"}, "(systemd)", False),
        ({"_PID": "1", "PRIORITY": "4"}, "(systemd)", True),
        ({"PRIORITY": "6"}, "(output)", True),
    ],
)
def test_who_speaks(fields: dict[str, str], name: str, told: bool) -> None:
    """Of the service manager what went wrong, of the service everything."""
    found = moment(**fields)
    assert (found.name, found.worth_telling) == (name, told)
    assert len(steps([found], {}, {})) == told


def test_times_are_since_the_boot_and_since_the_line_before() -> None:
    """Where a boot did not begin at 0, from its beginning; the first line of a boot has none before it."""
    told = [
        replace(MOMENT, boot_id="a", at_us=5_000_000),
        replace(MOMENT, boot_id="a", at_us=5_000_001, by_manager=True, event=None, priority=6),
        replace(MOMENT, boot_id="a", at_us=5_250_000),
        replace(MOMENT, boot_id="b", at_us=7_000_000),
    ]
    found = steps(told, {"a": 4_000_000}, {"a": -1, "b": 0})
    assert [(one.offset, one.since_boot_us, one.since_previous_us) for one in found] == [
        (-1, 1_000_000, None),
        (-1, 1_250_000, 250_000),
        (0, 7_000_000, None),
    ]


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (-5, "0:00:00.000"),
        (12_345_678, "0:00:12.345"),
        (3_600_000_000, "1:00:00.000"),
        (86_400_000_000 - 1, "23:59:59.999"),
        (3 * 86_400_000_000 + 14_706_000_000, "3d 04:05:06"),
    ],
)
def test_the_time_since_boot(us: int, text: str) -> None:
    """Hours, minutes, seconds; milliseconds on the first day."""
    assert clock(us) == text


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "0 ms"),
        (999_499, "999 ms"),
        (999_500, "1.0 s"),
        (119_949_000, "119.9 s"),
        (119_950_000, "2 min"),
        (8e9, "2 h 13 min"),
    ],
)
def test_lengths_of_time(us: float, text: str) -> None:
    """Short, and never two forms for one length."""
    assert duration(int(us)) == text


@given(st.integers(20, 200), st.text(max_size=200), st.booleans())
def test_a_line_fits_the_terminal(width: int, message: str, wide: bool) -> None:
    """The sentence is cut, or left out; the times and names never are."""
    told = step(replace(MOMENT, message=message), 412_000)
    shown = line(told, wide_columns() if wide else columns_of([told]), Style(width=width))
    assert len(shown) <= max(width, len(line(step(replace(MOMENT, message="")), wide_columns(), Style())))
    assert shown.startswith(" 0:00:12.345   +412 ms  online ")
    assert shown.isprintable()


def test_a_line_and_its_heading() -> None:
    """As an operator reads them."""
    told = step(replace(MOMENT, event="login-refused", cause="connack-4", code="4", state="waiting", priority=4))
    columns = columns_of([told])
    assert (
        heading(told, columns)
        == (
            "Boot 0 (bbbbbbbb), from 2026-11-25 00:00:59 UTC\n  since boot            state    event          code     "
        ).rstrip()
    )
    assert line(told, columns, Style()) == (
        " 0:00:12.345            waiting  login-refused  connack-4  Online at host:8883, 250 ms after the dial."
    )
    assert "\x1b[33mlogin-refused\x1b[0m" in line(told, columns, Style(colour=True))


def test_the_record_is_as_documented() -> None:
    """docs/story.md names each field."""
    section = DOCUMENT.read_text().partition("## For a program")[2].partition("\n## ")[0]
    named = {
        name for row in re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert set(record(step(MOMENT))) == named
    assert record(step(MOMENT))["since_boot_s"] == 12.345678


@pytest.mark.parametrize(
    ("properties", "start"),
    [
        (
            {
                "KernelTimestamp": "Wed 2026-11-25",
                "UserspaceTimestampMonotonic": "2100000",
                "InitRDTimestampMonotonic": "0",
            },
            BootStart(userspace_us=2_100_000),
        ),
        (
            {
                "KernelTimestamp": "Wed 2026-11-25",
                "UserspaceTimestampMonotonic": "3100000",
                "InitRDTimestampMonotonic": "900000",
                "FirmwareTimestampMonotonic": "4000000",
            },
            BootStart(initrd_us=900_000, userspace_us=3_100_000, before_us=4_000_000),
        ),
        (
            {"KernelTimestamp": "", "UserspaceTimestampMonotonic": "4488427042"},
            BootStart(origin_us=4_488_427_042, userspace_us=4_488_427_042),
        ),
        ({}, None),
        ({"UserspaceTimestampMonotonic": "[not set]"}, None),
    ],
)
def test_when_this_boot_began(properties: dict[str, str], start: BootStart | None) -> None:
    """By the service manager; in a container with it."""
    assert of_present(properties) == start


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"KERNEL_USEC": "2100000", "USERSPACE_USEC": "9000000"}, BootStart(boot_id="b", userspace_us=2_100_000)),
        (
            {"KERNEL_USEC": "900000", "INITRD_USEC": "1200000", "USERSPACE_USEC": "9000000"},
            BootStart(boot_id="b", initrd_us=900_000, userspace_us=2_100_000),
        ),
        (
            {
                "USERSPACE_USEC": "1074061",
                "__MONOTONIC_TIMESTAMP": "4489501133",
                "__REALTIME_TIMESTAMP": "1795564860410768",
                "_SOURCE_REALTIME_TIMESTAMP": "1795564860410755",
            },
            BootStart(boot_id="b", origin_us=4_488_427_059, userspace_us=4_488_427_059),
        ),
        ({"KERNEL_USEC": "x"}, None),
        ({}, None),
    ],
)
def test_when_an_earlier_boot_began(fields: dict[str, str], start: BootStart | None) -> None:
    """By what the service manager said when it had started everything."""
    assert of_finished(json.dumps({"_BOOT_ID": "b", **fields})) == start


SILENT = JournalUnavailable(boot=0, trouble="", words="", may_read=True, known=(0,), kept=True)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (SILENT, "the journal of this boot holds no line of the service"),
        (replace(SILENT, boot=None), "the journal holds no line of the service"),
        (replace(SILENT, boot=-1, known=(-1, 0)), "the journal of boot -1 holds no line of the service"),
        (replace(SILENT, boot=-7, known=(-2, -1, 0)), "the journal has no boot -7: it goes back to boot -2"),
        (replace(SILENT, boot=-1, kept=False), "the journal is in memory alone"),
        (replace(SILENT, may_read=False), "put sudo before the command"),
        (replace(SILENT, may_read=False, boot=-1, kept=False, words="No permission."), "systemd-journal"),
        (replace(SILENT, trouble="journalctl is not installed", may_read=False), "journalctl is not installed"),
        (replace(SILENT, words="Failed to open files: Input/output error"), "Input/output error"),
    ],
)
def test_silence_is_explained(seen: JournalUnavailable, told: str) -> None:
    """In one line: what stands in the way first, and what to do."""
    words = why_silent(seen)
    assert told in words
    assert "\n" not in words
    assert "To do: " in words or seen.trouble or seen.words
    assert (KEEP in words) == ("memory" in words)
