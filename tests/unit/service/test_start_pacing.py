"""When a service that systemd could not start is tried again, and what is said of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.service.start_pacing import (
    LOOK_S,
    MIN_LOOKS,
    REPEAT_S,
    RETRY_DEPENDENCY_S,
    RETRY_S,
    SETTLED_S,
    Action,
    Look,
    Memory,
    Phase,
    decide,
    gap_s,
)

HOUR_S = 3600.0
# What systemd logs of one start that fails, at most (seen on 252 and 257).
LINES_OF_A_START, LINES_OF_A_DEPENDENCY = 7, 3
IN_THE_WAY = Look(phase=Phase.DOWN, obstacle="data.mount (/data) has failed", is_dependency=True)
PROBE_FAILS = Look(phase=Phase.DOWN, obstacle="the probe fails")
FREE = Look(phase=Phase.DOWN)

looks = st.builds(
    Look,
    phase=st.just(Phase.DOWN),
    obstacle=st.sampled_from(["", "a", "b"]),
    is_hopeful=st.booleans(),
    is_dependency=st.booleans(),
)


@dataclass
class Helper:
    """Look at a service again and again, by a clock of its own."""

    memory: Memory = field(default_factory=lambda: Memory(began_s=0.0))
    now_s: float = 0.0
    actions: list[tuple[float, Action]] = field(default_factory=list)

    def look(self, look: Look, cause: str = "cause") -> Action:
        self.memory, action = decide(self.memory, look, cause, self.now_s)
        self.actions.append((self.now_s, action))
        self.now_s += gap_s(self.memory)
        return action

    def look_for(self, look: Look, seconds: float) -> list[Action]:
        end_s, found = self.now_s + seconds, []
        while self.now_s < end_s:
            found.append(self.look(look))
        return found

    def count(self, action: Action, since_s: float, until_s: float) -> int:
        return sum(one is action and since_s <= at_s < until_s for at_s, one in self.actions)


@pytest.mark.parametrize("look", [IN_THE_WAY, PROBE_FAILS])
def test_what_is_in_the_way_is_said_once_and_waited_for(look: Look) -> None:
    """No start within the hour, and at most one line."""
    found = Helper().look_for(look, HOUR_S - LOOK_S)
    assert found.count(Action.LOG) == 1
    assert Action.START not in found


@pytest.mark.parametrize("look", [IN_THE_WAY, PROBE_FAILS])
def test_it_starts_at_the_first_look_after_its_end(look: Look) -> None:
    """Well within a minute; then it runs, which is said as well."""
    helper = Helper()
    helper.look_for(look, 600)
    assert helper.look(FREE) is Action.START
    assert helper.look(Look(phase=Phase.STARTING)) is Action.WAIT
    assert helper.look(Look(phase=Phase.RUNNING)) is Action.RECOVERED
    assert LOOK_S <= 30


def test_a_failure_that_has_passed_already_is_not_worth_a_word() -> None:
    """Nothing is in the way at the first look: it is started at once."""
    helper = Helper()
    assert helper.look(FREE) is Action.START
    assert helper.look(Look(phase=Phase.RUNNING)) is Action.END


def test_what_cannot_be_seen_is_tried_after_hours_only() -> None:
    """One start at once, and one in two hours."""
    helper = Helper()
    helper.look_for(FREE, 12 * HOUR_S)
    starts = [at_s for at_s, action in helper.actions if action is Action.START]
    assert starts[0] == 0
    assert all(later - earlier >= RETRY_S for earlier, later in itertools.pairwise(starts))
    assert len(starts) >= 5


def test_a_mount_whose_device_appears_is_tried_at_once() -> None:
    """systemd mounts it with the start of the service; while it does not appear, hourly."""
    helper = Helper()
    helper.look_for(IN_THE_WAY, 600)
    hopeful = Look(phase=Phase.DOWN, obstacle=IN_THE_WAY.obstacle, is_hopeful=True, is_dependency=True)
    assert helper.look(hopeful) is Action.START
    assert Action.START not in helper.look_for(hopeful, HOUR_S - 2 * LOOK_S)
    assert Action.START in helper.look_for(hopeful, 4 * LOOK_S)


@given(st.lists(looks, min_size=1, max_size=4), st.integers(0, 400))
def test_every_hour_but_the_first_has_six_lines_at_most(seen: list[Look], spread: int) -> None:
    """Whatever is in the way, if it stays so: systemd's own lines counted, as long as it lasts."""
    helper = Helper()
    for look in seen[:-1]:
        helper.look_for(look, spread)
    helper.look_for(seen[-1], 12 * HOUR_S)
    settled_s = spread * len(seen) + RETRY_S
    lines = LINES_OF_A_DEPENDENCY if seen[-1].is_dependency else LINES_OF_A_START
    for start_s in range(int(settled_s), int(10 * HOUR_S), 1200):
        window = (float(start_s), start_s + 2 * HOUR_S)
        total = lines * helper.count(Action.START, *window) + helper.count(Action.LOG, *window)
        assert total <= 12, f"{total} lines in two hours"


@given(st.lists(st.booleans(), max_size=300))
def test_what_comes_and_goes_is_not_tried_each_time(present: list[bool]) -> None:
    """The gaps between starts that fail double: ten in the first hundred minutes at most."""
    helper = Helper()
    for is_there in present:
        helper.look(FREE if is_there else PROBE_FAILS)
    assert helper.count(Action.START, 0, 100 * 60) <= 10


def test_another_cause_is_said_too_but_not_at_once() -> None:
    """A line for each new cause would be many; one that lasts is said again after hours."""
    helper = Helper()
    helper.look_for(PROBE_FAILS, 60)
    assert helper.look(PROBE_FAILS, "another") is Action.WAIT
    helper.look_for(PROBE_FAILS, 600)
    helper = Helper(now_s=helper.now_s, memory=helper.memory)
    assert helper.look(PROBE_FAILS, "another") is Action.LOG
    assert helper.look(PROBE_FAILS, "another") is Action.WAIT
    helper.now_s += REPEAT_S
    helper.memory, action = decide(helper.memory, IN_THE_WAY, "another", helper.now_s)
    assert action in {Action.LOG, Action.START}


@pytest.mark.parametrize("look", [Look(phase=Phase.UNWANTED), Look(phase=Phase.RUNNING)])
def test_it_ends_where_there_is_nothing_to_do(look: Look) -> None:
    """At the first look, and without a word."""
    assert Helper().look(look) is Action.END


def test_it_speaks_once_the_journal_has_what_systemd_said() -> None:
    """After some two seconds."""
    helper = Helper()
    actions = [helper.look(PROBE_FAILS) for _ in range(MIN_LOOKS)]
    assert actions == [*[Action.WAIT] * (MIN_LOOKS - 1), Action.LOG]
    assert helper.actions[-1][0] < 5


def test_the_retries_keep_below_six_lines_an_hour() -> None:
    """By their own numbers."""
    assert LINES_OF_A_START * HOUR_S / RETRY_S + HOUR_S / REPEAT_S < 6
    assert LINES_OF_A_DEPENDENCY * HOUR_S / RETRY_DEPENDENCY_S + HOUR_S / REPEAT_S < 6


def test_a_program_that_ends_at_once_is_tried_in_growing_gaps() -> None:
    """A damaged Python ends before any code of ours: at once, then after one minute, two, four."""
    helper = Helper()
    helper.look_for(Look(phase=Phase.DOWN, has_run=True), 30 * 60)
    starts = [at_s for at_s, action in helper.actions if action is Action.START]
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert starts[0] == 0
    assert [round(gap / 60) for gap in gaps] == [1, 2, 4, 8]


def test_a_program_that_ends_soon_after_it_was_ready_is_no_loop() -> None:
    """What was tried is forgotten only once it has run for a while; one that goes on running is left at that."""
    helper = Helper()
    for _ in range(60):
        helper.look_for(Look(phase=Phase.DOWN, has_run=True), 20)
        assert helper.look_for(Look(phase=Phase.RUNNING), SETTLED_S / 2).count(Action.WAIT) >= 1
    assert helper.count(Action.START, 0, 1800) <= 6
    while helper.look(Look(phase=Phase.RUNNING)) is Action.WAIT:
        pass
    assert helper.actions[-1][1] is Action.RECOVERED
    since_s = next(at_s for at_s, _ in reversed(helper.actions) if at_s <= helper.actions[-1][0] - SETTLED_S)
    assert helper.actions[-1][0] - since_s >= SETTLED_S


def test_a_required_unit_that_changes_allows_another_start() -> None:
    """Not before the gap is over."""
    helper = Helper()
    assert helper.look(Look(phase=Phase.DOWN, required="vpn.service=inactive")) is Action.START
    helper.look_for(Look(phase=Phase.DOWN, required="vpn.service=inactive"), 120)
    assert helper.count(Action.START, 0, 1000) == 1
    assert helper.look(Look(phase=Phase.DOWN, required="vpn.service=active")) is Action.START
