"""Timelines to be shown: of any lengths, and one of ten seconds."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from iot_onboard.boot_log.entries import JournalEntry
from iot_onboard.boot_log.timeline_model import Kind, Span, Timeline

BEGAN = datetime(2026, 11, 25, tzinfo=UTC)
LAST = JournalEntry(boot_id="b" * 32, at_us=0, utc=BEGAN, message="Online.", priority=5, event="online")


def made(*lengths: tuple[Kind, int], boot: int = 0, online: bool = True) -> Timeline:
    """Return the timeline whose spans follow each other in these lengths, in microseconds."""
    spans: list[Span] = []
    for kind, length_us in lengths:
        begin_us = spans[-1].end_us if spans else 0
        spans.append(Span(kind=kind, begin_us=begin_us, end_us=begin_us + length_us))
    return Timeline(boot=boot, boot_id="b" * 32, began=BEGAN, spans=tuple(spans), online=online, last=LAST)


TEN = made((Kind.KERNEL, 2_000_000), (Kind.UNITS, 5_000_000), (Kind.START, 2_900_000), (Kind.LOGIN_ANSWER, 100_000))
TIMELINES = st.lists(st.tuples(st.sampled_from(Kind), st.integers(1, 20_000_000)), min_size=1, max_size=20).map(
    lambda lengths: made(*lengths)
)
