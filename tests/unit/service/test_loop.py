"""The loop by a clock and a kernel of the test's own: any schedule of descriptors, moments, joins and leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.service.loop import READ, WRITE, Loop, Source

MAX_TURNS = 60


@dataclass
class World:
    """A clock, and descriptors that are ready from a moment on; a wait takes no longer than until the next of them."""

    now_s: float = 1000.0
    ready_at: dict[int, float] = field(default_factory=dict)
    slept_s: list[float | None] = field(default_factory=list)

    def wait(self, masks: Mapping[int, int], timeout_s: float | None) -> Mapping[int, int]:
        self.slept_s.append(timeout_s)
        ends_at = min([self.ready_at.get(descriptor, float("inf")) for descriptor in masks] + [float("inf")])
        if timeout_s is not None:
            ends_at = min(ends_at, self.now_s + timeout_s)
        assert ends_at < float("inf"), "it would never wake up"
        self.now_s = max(self.now_s, ends_at)
        return {d: mask for d, mask in masks.items() if self.ready_at.get(d, float("inf")) <= self.now_s}


@dataclass
class Member:
    """One source of a schedule, and what it does when it is called; it notes in which turn that was."""

    world: World
    loop: Loop
    descriptor: int
    period_s: float | None
    always_ready: bool
    leaves_after: int
    leads_out: list[Member] = field(default_factory=list)
    turns: list[tuple[str, int]] = field(default_factory=list)
    calls: int = 0
    left: bool = False
    source: Source = field(init=False)
    due: float = 0.0

    def __post_init__(self) -> None:
        self.due = self.world.now_s + (self.period_s or 0.0)
        self.source = Source(
            fileno=lambda: self.descriptor,
            on_ready=self.on_ready,
            due_at=lambda: None if self.period_s is None else self.due,
            on_due=self.on_due,
        )

    def join(self) -> None:
        self.loop.add(self.source)
        if self.descriptor >= 0:
            self.world.ready_at[self.descriptor] = self.world.now_s

    def on_ready(self, mask: int) -> None:
        assert mask == READ
        if not self.always_ready:
            self.world.ready_at[self.descriptor] = self.world.now_s + 3.0
        self.called("ready")

    def on_due(self) -> None:
        assert self.due <= self.world.now_s
        self.due = self.world.now_s + (self.period_s or 0.0)
        self.called("due")

    def called(self, how: str) -> None:
        assert not self.left, "called after it has left"
        self.calls += 1
        self.turns.append((how, len(self.world.slept_s)))
        if self.calls == self.leaves_after:
            self.leave()
            for other in self.leads_out:
                other.leave()

    def leave(self) -> None:
        self.loop.remove(self.source)
        self.left = True


members = st.tuples(st.booleans(), st.none() | st.floats(0, 5), st.booleans(), st.integers(1, 30))


@given(st.lists(members, min_size=1, max_size=8), st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=6))
def test_no_schedule_starves_a_source_or_calls_one_that_left(
    kinds: list[tuple[bool, float | None, bool, int]], pairs: list[tuple[int, int]]
) -> None:
    """Whatever others do: what is ready or due is called in the same turn, once, and never after it has left."""
    world = World()
    loop = Loop(lambda: world.now_s, world.wait)
    turns = [0]

    def turn() -> None:
        turns[0] += 1
        if turns[0] == MAX_TURNS:
            loop.end()

    loop.every(lambda: 1.0, turn)
    all_of_them = [
        Member(world, loop, number if has else -1, period_s, always, leaves)
        for number, (has, period_s, always, leaves) in enumerate(kinds)
    ]
    for one, other in pairs:
        if one < len(all_of_them) and other < len(all_of_them):
            all_of_them[one].leads_out.append(all_of_them[other])
    for member in all_of_them:
        member.join()
    loop.run()
    last = len(world.slept_s)
    for member in all_of_them:
        assert len(set(member.turns)) == len(member.turns), "twice in one turn"
        if member.left or member.descriptor < 0 or not member.always_ready:
            continue
        called = [number for how, number in member.turns if how == "ready"]
        assert called == list(range(1, last + 1)), "one that is always ready has each turn"
    assert all(slept is None or slept >= 0 for slept in world.slept_s)


@given(st.lists(st.floats(0.1, 50), min_size=1, max_size=6), st.booleans())
def test_each_moment_is_met_however_busy_the_loop_is(periods: list[float], is_busy: bool) -> None:
    """A source without end costs the others nothing: each is called as soon as its moment has come."""
    world = World()
    loop = Loop(lambda: world.now_s, world.wait)
    late: list[float] = []
    left = [200]

    def end(_: int = READ) -> None:
        left[0] -= 1
        # As if each call took a moment.
        world.now_s += 0.01
        if left[0] == 0:
            loop.end()

    world.ready_at[7] = 0.0 if is_busy else float("inf")
    loop.add(Source(fileno=lambda: 7, on_ready=end, due_at=lambda: world.now_s + 0.5, on_due=end))
    loop.every(lambda: 0.05, end)
    for period_s in periods:
        due = [world.now_s + period_s]

        def on_due(due: list[float] = due, period_s: float = period_s) -> None:
            late.append(world.now_s - due[0])
            due[0] = world.now_s + period_s

        loop.add(Source(due_at=lambda due=due: due[0], on_due=on_due))  # type: ignore[misc]
    loop.run()
    assert all(seconds <= 0.051 for seconds in late)


def test_one_that_leaves_itself_is_not_called_again() -> None:
    """Neither for its moment in the same turn, nor later; the others go on."""
    world = World(ready_at={3: 0.0})
    loop = Loop(lambda: world.now_s, world.wait)
    heard: list[str] = []

    def leave(_: int) -> None:
        heard.append("ready")
        loop.remove(source)
        loop.remove(source)

    source = loop.add(
        Source(fileno=lambda: 3, on_ready=leave, due_at=lambda: 0.0, on_due=lambda: heard.append("never"))
    )
    ends_at = world.now_s + 9.0
    loop.add(Source(due_at=lambda: ends_at, on_due=loop.end))
    loop.run()
    assert heard == ["ready"]
    assert world.now_s == ends_at


def test_one_that_another_has_closed_is_not_called() -> None:
    """Its descriptor is gone, or is another's by now; what it was ready for is nobody's."""
    world = World(ready_at={3: 0.0, 4: 0.0})
    loop = Loop(lambda: world.now_s, world.wait)
    heard: list[str] = []
    descriptor = [4]

    def close(_: int) -> None:
        heard.append("first")
        descriptor[0] = -1
        world.ready_at.clear()

    loop.add(Source(fileno=lambda: 3, on_ready=close))
    loop.add(Source(fileno=lambda: descriptor[0], on_ready=lambda _: heard.append("closed")))
    ends_at = world.now_s + 1.0
    loop.add(Source(due_at=lambda: ends_at, on_due=loop.end))
    loop.run()
    assert heard == ["first"]


def test_two_may_wait_for_one_descriptor() -> None:
    """Each is called for what it asked for."""
    world = World(ready_at={3: 0.0})
    loop = Loop(lambda: world.now_s, world.wait)
    heard: list[tuple[str, int]] = []
    loop.add(Source(fileno=lambda: 3, on_ready=lambda mask: heard.append(("reads", mask))))

    def write(mask: int) -> None:
        heard.append(("writes", mask))
        loop.end()

    loop.add(Source(fileno=lambda: 3, mask=lambda: WRITE, on_ready=write))
    loop.run()
    assert heard == [("reads", READ), ("writes", WRITE)]


def test_who_asks_for_nothing_is_not_waited_for() -> None:
    """A reader that holds back leaves its descriptor alone, and the loop sleeps."""
    world = World(ready_at={3: 0.0})
    loop = Loop(lambda: world.now_s, world.wait)
    loop.add(Source(fileno=lambda: 3, mask=lambda: 0, on_ready=lambda _: pytest.fail("not asked for")))
    ends_at = world.now_s + 5.0
    loop.add(Source(due_at=lambda: ends_at, on_due=loop.end))
    loop.run()
    assert world.slept_s == [5.0]


def test_one_that_joins_has_its_first_turn_after_the_present_one() -> None:
    """And joining twice is joining once."""
    world = World()
    loop = Loop(lambda: world.now_s, world.wait)
    heard: list[int] = []

    def on_due() -> None:
        heard.append(len(world.slept_s))
        loop.end()

    late = Source(due_at=lambda: 0.0, on_due=on_due)

    def join() -> None:
        assert loop.add(late) is late
        loop.add(late)
        loop.remove(joins)

    joins = loop.add(Source(due_at=lambda: 0.0, on_due=join))
    loop.run()
    assert heard == [2]


@pytest.mark.parametrize("at", [float("inf"), 1e300])
def test_a_moment_beyond_all_days_is_waited_for_day_by_day(at: float) -> None:
    """Longer than the kernel can wait: no error, and hardly a turn."""
    world = World()
    loop = Loop(lambda: world.now_s, world.wait)
    loop.add(Source(due_at=lambda: at, on_due=lambda: pytest.fail("not yet")))
    days = [0]

    def count() -> float | None:
        days[0] += 1
        if days[0] > 6:
            loop.end()
        return None

    loop.add(Source(due_at=count))
    loop.run()
    assert set(world.slept_s) == {86_400.0}
