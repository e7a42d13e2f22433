"""Timelines as bars, numbers, a record and a picture."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.boot_log.entries import JournalEntry
from iot_onboard.boot_log.timeline_model import ABOUT, Kind, Span, Timeline
from iot_onboard.boot_log.timeline_svg import svg
from iot_onboard.boot_log.timeline_text import comparison, difference, record, text
from iot_onboard.system.text_style import Style, says_utf8
from support.tree import ROOT

DOCUMENT = ROOT / "docs" / "story.md"
BEGAN = datetime(2026, 11, 25, tzinfo=UTC)
LAST = JournalEntry(boot_id="b" * 32, at_us=0, utc=BEGAN, message="Online.", priority=5, event="online")
SVG = "{http://www.w3.org/2000/svg}"


def line(*lengths: tuple[Kind, int], boot: int = 0, online: bool = True) -> Timeline:
    spans: list[Span] = []
    for kind, length_us in lengths:
        begin_us = spans[-1].end_us if spans else 0
        spans.append(Span(kind=kind, begin_us=begin_us, end_us=begin_us + length_us))
    return Timeline(boot=boot, boot_id="b" * 32, began=BEGAN, spans=tuple(spans), online=online, last=LAST)


TEN = line((Kind.KERNEL, 2_000_000), (Kind.UNITS, 5_000_000), (Kind.START, 2_900_000), (Kind.LOGIN_ANSWER, 100_000))
timelines = st.lists(st.tuples(st.sampled_from(Kind), st.integers(1, 20_000_000)), min_size=1, max_size=20).map(
    lambda lengths: line(*lengths)
)


def bars(shown: str) -> dict[str, str]:
    rows = [re.match(r"(\S.*?) +[\d.]+ (?:ms|s|min) +\d+%  (.*)", row) for row in shown.splitlines()]
    return {row[1]: row[2] for row in rows if row}


def test_bars() -> None:
    """A row each, in the order of time; what is too short for a mark of its own has a thin one."""
    assert text(TEN, Style(width=61), blocks=False) == (
        "Boot 0 (bbbbbbbb), from 2026-11-25 00:00:00 UTC: online 10.0 s after the kernel started\n"
        "\n"
        "kernel                      2.0 s   20%  ####\n"
        "units before us             5.0 s   50%      ##########\n"
        "our own start               2.9 s   29%                ######\n"
        "login: answer              100 ms    1%                     ."
    )


def test_the_same_scale_for_two() -> None:
    """A bar that is half as long took half the time."""
    assert bars(text(TEN, Style(width=61), blocks=True, scale_us=20_000_000))["units before us"].strip() == "\u2588" * 5


def test_a_boot_that_is_not_online() -> None:
    """It says so, and how far it came; a boot of the past that it never was."""
    assert "not online, 7.0 s after the kernel started. The last line: Online." in text(
        line((Kind.KERNEL, 7_000_000), online=False), Style(), blocks=False
    )
    assert "was never online" in text(line((Kind.KERNEL, 1), boot=-1, online=False), Style(), blocks=False)
    firmware = text(replace(TEN, before_us=3_000_000), Style(), blocks=False)
    assert firmware.endswith("Before the kernel, firmware and boot loader took 3.0 s.")


@given(timelines, st.integers(20, 200), st.booleans())
def test_bars_fit_and_show_everything(shown: Timeline, width: int, blocks: bool) -> None:
    """No row is wider than the terminal (80 where there is none), none is empty, and each thing has its row."""
    told = text(shown, Style(width=width), blocks=blocks)
    rows = bars(told)
    assert list(rows) == [ABOUT[kind].title for kind in shown.kinds]
    assert all(bar.strip() for bar in rows.values())
    assert max(len(row) for row in told.splitlines()[2:]) <= max(min(width, 120), 51) + 1
    assert told.isascii() or blocks


def test_colours() -> None:
    """Whose time it is, on a terminal alone."""
    assert "\x1b[34m####\x1b[0m" in text(TEN, Style(width=61, colour=True), blocks=False)
    assert "\x1b" not in text(TEN, Style(), blocks=False)


def test_a_comparison() -> None:
    """What the first took more than the other, row by row and in all."""
    other = line((Kind.KERNEL, 2_000_400), (Kind.UNITS, 4_000_000), (Kind.NETWORK, 9_000_000), boot=-1)
    assert comparison(TEN, other) == (
        "                            boot 0    boot -1  difference\n"
        "kernel                       2.0 s      2.0 s        0 ms\n"
        "units before us              5.0 s      4.0 s      +1.0 s\n"
        "our own start                2.9 s          -      +2.9 s\n"
        "login: answer               100 ms          -     +100 ms\n"
        "no way through                   -      9.0 s      -9.0 s\n"
        "online after                10.0 s     15.0 s      -5.0 s"
    )
    assert "in all" in comparison(TEN, replace(other, online=False))


@given(st.integers(0, 10**10), st.integers(0, 10**10))
def test_differences_have_the_right_sign(one: int, other: int) -> None:
    """And swap it with the boots."""
    told, swapped = difference(one, other), difference(other, one)
    assert told == swapped == "0 ms" or {told[0], swapped[0]} == {"+", "-"}


def test_the_record_is_as_documented() -> None:
    """docs/story.md names each field and each kind."""
    section = DOCUMENT.read_text().partition("## Timelines for a program")[2].partition("\n## ")[0]
    made: dict[str, Any] = record([TEN])
    (timeline,) = made["timelines"]
    named = set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE))
    assert {*made, *timeline, *timeline["spans"][0]} == named
    assert json.loads(json.dumps(made)) == made
    assert timeline["spans"][-1]["end_s"] == timeline["whole_s"] == 10.0
    rows = dict(re.findall(r"^\| ([^|`]+) \| `([a-z-]+)` \|", DOCUMENT.read_text(), re.MULTILINE))
    assert rows == {ABOUT[kind].title: kind.value for kind in Kind}


@given(st.lists(timelines, min_size=1, max_size=2))
def test_a_picture_shows_each_span_to_scale(shown: Sequence[Timeline]) -> None:
    """Well-formed, nothing outside of it, no script and no address; every bar as long as its time."""
    picture = svg(shown)
    root = ET.fromstring(picture)
    width = float(root.attrib["width"])
    assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"
    assert {element.tag for element in root.iter()} <= {
        f"{SVG}{name}" for name in ("svg", "title", "text", "rect", "path")
    }
    assert "href" not in picture
    assert picture.count("http") == 1
    drawn = [bar for bar in root.iter(f"{SVG}rect") if bar.find(f"{SVG}title") is not None]
    assert len(drawn) == sum(len(timeline.spans) for timeline in shown)
    lengths = sorted(span.length_us for timeline in shown for span in timeline.spans)
    widths = sorted(float(bar.attrib["width"]) for bar in drawn)
    x_per_us = widths[-1] / lengths[-1]
    for length_us, bar_width in zip(lengths, widths, strict=True):
        assert bar_width == pytest.approx(length_us * x_per_us, abs=0.02)
    assert max(float(bar.attrib["x"]) + float(bar.attrib["width"]) for bar in drawn) <= width


def test_a_picture_holds_any_words() -> None:
    """What a line of the journal says is no markup."""
    strange = replace(TEN, online=False, last=replace(LAST, message="</title><script>alert(1)</script>\x00"))
    assert ET.fromstring(svg([strange])).find(f".//{SVG}script") is None


@pytest.mark.parametrize(
    ("environ", "encoding", "utf8"),
    [
        ({"LANG": "en_US.UTF-8"}, "utf-8", True),
        ({"LANG": "C.UTF-8"}, "utf-8", True),
        ({"LANG": "de_DE.utf8"}, "utf-8", True),
        ({}, "utf-8", False),
        ({"LC_CTYPE": "C.UTF-8"}, "utf-8", False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "utf-8", False),
        ({"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, "utf-8", True),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, "utf-8", False),
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, "utf-8", True),
        ({"LANG": "de_DE.ISO-8859-1"}, "iso8859-1", False),
        ({"LANG": "en_US.UTF-8"}, "ascii", False),
    ],
)
def test_who_shows_blocks(environ: dict[str, str], encoding: str, utf8: bool) -> None:
    """Locales of UTF-8; one that Python made up does not count."""
    assert says_utf8(environ, encoding) == utf8
