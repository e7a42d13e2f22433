"""Timelines as a picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.boot_log.timeline_model import Timeline
from iot_onboard.boot_log.timeline_svg import svg
from support.text.timelines import LAST, TEN, TIMELINES

SVG = "{http://www.w3.org/2000/svg}"


@given(st.lists(TIMELINES, min_size=1, max_size=2))
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
