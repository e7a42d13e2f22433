"""Timelines as bars, numbers, a record and a picture."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.boot_log.timeline_model import Kind, Timeline
from iot_onboard.boot_log.timeline_text import comparison, difference, record, text
from iot_onboard.system.text_style import Style
from support.text.timelines import TEN, TIMELINES, made
from support.tree import ROOT

DOCUMENT = ROOT / "docs" / "boot-log.md"


def bars(shown: str) -> dict[str, str]:
    rows = [re.match(r"(\S.*?) +[\d.]+ (?:ms|s|min) +\d+%  (.*)", row) for row in shown.splitlines()]
    return {row[1]: row[2] for row in rows if row}


def test_bars() -> None:
    """A row each, in the order of time; what is too short for a mark of its own has a thin one."""
    assert text(TEN, Style(width=61), blocks=False) == (
        "Boot 0 (bbbbbbbb), from 2026-11-25 00:00:00 UTC: online 10.0 s after the kernel started\n"
        "\n"
        "kernel                      2.0 s   20%  ####\n"
        "other units                 5.0 s   50%      ##########\n"
        "start of iot-onboard        2.9 s   29%                ######\n"
        "login: answer              100 ms    1%                     ."
    )


def test_the_same_scale_for_two() -> None:
    """A bar that is half as long took half the time."""
    assert bars(text(TEN, Style(width=61), blocks=True, scale_us=20_000_000))["other units"].strip() == "\u2588" * 5


def test_a_boot_that_is_not_online() -> None:
    """It says so, and how far it came; a boot of the past that it never was."""
    assert "not online, 7.0 s after the kernel started. The last line: Online." in text(
        made((Kind.KERNEL, 7_000_000), online=False), Style(), blocks=False
    )
    assert "was never online" in text(made((Kind.KERNEL, 1), boot=-1, online=False), Style(), blocks=False)
    firmware = text(replace(TEN, before_us=3_000_000), Style(), blocks=False)
    assert firmware.endswith("Before the kernel, firmware and boot loader took 3.0 s.")


@given(TIMELINES, st.integers(20, 200), st.booleans())
def test_bars_fit_and_show_everything(shown: Timeline, width: int, blocks: bool) -> None:
    """No row is wider than the terminal (80 where there is none), none is empty, and each thing has its row."""
    logged = text(shown, Style(width=width), blocks=blocks)
    rows = bars(logged)
    assert list(rows) == [kind.title for kind in shown.kinds]
    assert all(bar.strip() for bar in rows.values())
    assert max(len(row) for row in logged.splitlines()[2:]) <= max(min(width, 120), 51) + 1
    assert logged.isascii() or blocks


def test_colours() -> None:
    """Whose time it is, on a terminal alone."""
    assert "\x1b[34m####\x1b[0m" in text(TEN, Style(width=61, colour=True), blocks=False)
    assert "\x1b" not in text(TEN, Style(), blocks=False)


def test_a_comparison() -> None:
    """What the first took more than the other, row by row and in all."""
    other = made((Kind.KERNEL, 2_000_400), (Kind.UNITS, 4_000_000), (Kind.NETWORK, 9_000_000), boot=-1)
    assert comparison(TEN, other) == (
        "                            boot 0    boot -1  difference\n"
        "kernel                       2.0 s      2.0 s        0 ms\n"
        "other units                  5.0 s      4.0 s      +1.0 s\n"
        "start of iot-onboard         2.9 s          -      +2.9 s\n"
        "login: answer               100 ms          -     +100 ms\n"
        "server not reachable             -      9.0 s      -9.0 s\n"
        "online after                10.0 s     15.0 s      -5.0 s"
    )
    assert "in all" in comparison(TEN, replace(other, online=False))


@given(st.integers(0, 10**10), st.integers(0, 10**10))
def test_differences_have_the_right_sign(one: int, other: int) -> None:
    """And swap it with the boots."""
    logged, swapped = difference(one, other), difference(other, one)
    assert logged == swapped == "0 ms" or {logged[0], swapped[0]} == {"+", "-"}


def test_the_record_is_as_documented() -> None:
    """docs/boot-log.md names each field and each kind."""
    section = DOCUMENT.read_text().partition("## Timelines for a program")[2].partition("\n## ")[0]
    made: dict[str, Any] = record([TEN])
    (timeline,) = made["timelines"]
    named = set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE))
    assert {*made, *timeline, *timeline["spans"][0]} == named
    assert json.loads(json.dumps(made)) == made
    assert timeline["spans"][-1]["end_s"] == timeline["whole_s"] == 10.0
    rows = dict(re.findall(r"^\| ([^|`]+) \| `([a-z-]+)` \|", DOCUMENT.read_text(), re.MULTILINE))
    assert rows == {kind.title: kind.slug for kind in Kind}
