"""Lines that wait: never more than there is room for, in order, and each is there or counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.reporting.backlog import Backlog

BEGAN = datetime(2026, 11, 24, 12, tzinfo=UTC)
STEPS = st.lists(
    st.one_of(
        st.integers(min_value=1, max_value=60).map(lambda size: ("add", size)),
        st.integers(min_value=1, max_value=60).map(lambda size: ("send", size)),
        st.just(("drop", 0)),
    ),
    max_size=80,
)


@given(STEPS, st.integers(min_value=2, max_value=12), st.integers(min_value=20, max_value=200))
def test_what_was_written_waits_went_or_is_counted(steps: list[tuple[str, int]], lines: int, size: int) -> None:
    """Whatever comes and goes: bounds hold, the order is kept, and what is missing is counted."""
    backlog, added, out, dropped = Backlog(lines, size), 0, bytearray(), 0
    for what, count in steps:
        if what == "add":
            # Each line says its number, and how long it is.
            backlog.add(f"{added:04}:{'x' * count}\n".encode(), BEGAN + timedelta(seconds=added))
            added += 1
        elif (head := backlog.head()) is None:
            assert len(backlog) == 0
        elif what == "send":
            out += head[:count]
            backlog.mark_sent(min(count, len(head)))
        elif head[4:5] == b":":
            backlog.drop_head()
            dropped += 1
        assert len(backlog) <= lines
        assert backlog.size <= size
    while (head := backlog.head()) is not None:
        out += head
        backlog.mark_sent(len(head))
    assert backlog.size == 0
    numbers = [int(line[:4]) for line in bytes(out).split(b"\n") if line]
    assert numbers == sorted(set(numbers))
    lost = backlog.take_lost()
    assert (lost.lines if lost is not None else 0) == added - len(numbers)
    assert backlog.take_lost() is None


def test_the_first_lines_and_the_last_ones_are_kept() -> None:
    """They say how it began, and how it is now; the count names the time of those between."""
    backlog = Backlog(max_lines=6)
    for number in range(10):
        backlog.add(str(number).encode(), BEGAN + timedelta(seconds=number))
    assert backlog.take_lost() is None
    kept = []
    while (head := backlog.head()) is not None:
        kept.append(head)
        backlog.mark_sent(len(head))
    assert kept == [b"0", b"1", b"2", b"7", b"8", b"9"]
    lost = backlog.take_lost()
    assert str(lost) == "4 between 12:00:03 and 12:00:06"
