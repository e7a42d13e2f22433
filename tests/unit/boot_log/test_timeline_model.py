"""The words of a timeline, and its sums."""

from __future__ import annotations

from hypothesis import given

from iot_onboard.boot_log.timeline_model import Group, Kind, Timeline
from support.text.timelines import TIMELINES, made


def test_every_kind_has_a_title_that_fits() -> None:
    """And no two the same."""
    titles = [kind.title for kind in Kind]
    assert len(set(titles)) == len(Kind)
    assert max(map(len, titles)) <= 23


def test_every_kind_is_somebodys_time() -> None:
    """And each of those that can be waited for says so by its name."""
    waiting = {kind for kind in Kind if kind.group is Group.WAITING}
    assert waiting == {kind for kind in Kind if kind.slug.startswith("waiting-")} | {Kind.DOWN}


@given(TIMELINES)
def test_sums(shown: Timeline) -> None:
    """Each kind once, in the order of its first span; what they took is the whole."""
    firsts = [next(span.begin_us for span in shown.spans if span.kind is kind) for kind in shown.kinds]
    assert firsts == sorted(firsts)
    assert len(set(shown.kinds)) == len(shown.kinds)
    assert sum(shown.of(kind) for kind in shown.kinds) == shown.whole_us == shown.spans[-1].end_us
    assert all(shown.of(kind) == 0 for kind in set(Kind) - set(shown.kinds))


def test_a_kind_that_comes_twice() -> None:
    """Its spans count together; a timeline without spans took no time."""
    shown = made((Kind.NETWORK, 5), (Kind.CLOCK, 7), (Kind.NETWORK, 11))
    assert (shown.kinds, shown.of(Kind.NETWORK), shown.whole_us) == ((Kind.NETWORK, Kind.CLOCK), 16, 23)
    assert (made().kinds, made().whole_us) == ((), 0)
