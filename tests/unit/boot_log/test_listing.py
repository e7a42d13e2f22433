"""Timed entries as people and programs read them: a line and a record each."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from iot_onboard.boot_log.entries import FIELDS, JournalEntry, TimedEntry, read_entry, timed_entries
from iot_onboard.boot_log.listing import clock, columns_of, duration, heading, line, record, wide_columns
from iot_onboard.reporting.status import NOT_PROVISIONED
from iot_onboard.system.text_style import Style
from support.tree import ROOT

DOCUMENT = ROOT / "docs" / "boot-log.md"
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
texts = st.text(max_size=12)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


def step(logged: JournalEntry, since_previous_us: int | None = None) -> TimedEntry:
    (found,) = timed_entries([logged], lambda _: 0, lambda _: 0)
    return replace(found, since_previous_us=since_previous_us)


fields = st.dictionaries(st.sampled_from([*FIELDS, "_BOOT_ID"]), anything)


@given(st.text(max_size=40) | fields.map(json.dumps))
def test_what_has_no_times_is_no_line_of_the_journal(text: str) -> None:
    """It is left out, whatever it is."""
    assert read_entry(text) is None


@given(fields, st.integers(0, 10**12), st.integers(0, 4 * 10**15))
def test_whatever_stands_in_the_journal_is_shown_in_one_line(found: dict[str, Any], at_us: int, utc_us: int) -> None:
    """Everybody may write to the journal; the times are its own. What makes no sense is left out."""
    times = {"__MONOTONIC_TIMESTAMP": str(at_us), "__REALTIME_TIMESTAMP": str(utc_us)}
    entry = read_entry(json.dumps({**found, **times}))
    assume(entry is not None)
    assert entry is not None
    for timed_entry in timed_entries([entry], lambda _: 0, lambda _: 0):
        assert "\n" not in line(timed_entry, columns_of([timed_entry]), Style())
        json.dumps(record(timed_entry))


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
    timed_entry = step(replace(ENTRY, message=message), 412_000)
    shown = line(timed_entry, wide_columns() if wide else columns_of([timed_entry]), Style(width=width))
    assert len(shown) <= max(width, len(line(step(replace(ENTRY, message="")), wide_columns(), Style())))
    assert shown.startswith(" 0:00:12.345   +412 ms  online ")
    assert shown.isprintable()


def test_a_line_and_its_heading() -> None:
    """As an operator reads them."""
    timed_entry = step(replace(ENTRY, event="login-refused", cause="connack-4", code="4", state="waiting", priority=4))
    columns = columns_of([timed_entry])
    assert (
        heading(timed_entry, columns)
        == (
            "Boot 0 (bbbbbbbb), from 2026-11-25 00:00:59 UTC\n  since boot            state    event          code     "
        ).rstrip()
    )
    assert line(timed_entry, columns, Style()) == (
        " 0:00:12.345            waiting  login-refused  connack-4  Online at host:8883. Connecting took 250 ms."
    )
    assert "\x1b[33mlogin-refused\x1b[0m" in line(timed_entry, columns, Style(colour=True))


def test_a_line_about_another_device_says_whose_it_is() -> None:
    """For people before the sentence, for programs in fields of their own; the gateway's own lines stay as they are."""
    other = replace(ENTRY, message="Refused.", product_key="sub", device_name="m1", gateway="pk.gw")
    shown = line(step(other), columns_of([step(other)]), Style())
    assert shown.endswith("  [sub.m1] Refused.")
    found = record(step(other))
    assert (found["product_key"], found["device_name"], found["gateway"]) == ("sub", "m1", "pk.gw")
    assert "[" not in line(step(replace(other, gateway=None)), columns_of([step(other)]), Style())


def test_the_record_is_as_documented() -> None:
    """docs/boot-log.md names each field."""
    section = DOCUMENT.read_text().partition("## For a program")[2].partition("\n## ")[0]
    named = {
        name for row in re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert set(record(step(ENTRY))) == named
    assert record(step(ENTRY))["since_boot_s"] == 12.345678


@given(st.text(), st.text(), st.text(), st.text())
def test_no_field_of_the_journal_commands_a_terminal(state: str, event: str, code: str, message: str) -> None:
    """Any program may write to the journal: no escape, no control and no mark of direction gets through."""
    entry = replace(ENTRY, state=state, event=event, code=code, cause=None, message=message, boot_id=event)
    timed_entry = step(entry)
    columns = columns_of([timed_entry])
    for shown in (line(timed_entry, columns, Style()), *heading(timed_entry, columns).split("\n")):
        assert shown.isprintable()
        assert len(shown) < 250 + len(message)


def test_each_state_fits_its_column() -> None:
    """Where lines are shown as they come, the widest state is known before."""
    columns = wide_columns()
    shown = [line(step(replace(ENTRY, state=state)), columns, Style()) for state in ("waiting", NOT_PROVISIONED)]
    assert len({text.index(" online ") for text in shown}) == 1
