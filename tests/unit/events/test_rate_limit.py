"""Each trouble is told at once, then less and less often: both bounds, for any sequence and any pace."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.core.failures import Cause, Transient
from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.core.timings import Now
from iot_onboard.events.model import Event, Kind
from iot_onboard.events.rate_limit import (
    AGAIN_S,
    MAX_LINES,
    MAX_OF_A_CAUSE,
    MAX_OTHERS,
    REPEAT_WITHIN_S,
    Memories,
    Memory,
    cause_of,
    decide,
    decide_about,
    repeat,
    repeat_at,
)
from iot_onboard.events.table import TABLE
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle import step
from iot_onboard.lifecycle.state import State

HOUR_S = 3600.0


@dataclass
class Listener:
    """Hear events as the daemon's loop does, timers included, and note every line."""

    now_s: float = 1000.0
    memory: Memory = field(default_factory=Memory)
    lines: list[tuple[float, str]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def pass_time(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while (at := repeat_at(self.memory)) is not None and at <= until_s:
            self.now_s = max(self.now_s, at)
            self.memory, verdict = repeat(self.memory, self.now_s)
            assert verdict.log, "a reminder that is due and not told would keep the loop turning"
            assert self.memory.trouble is not None
            self.note(self.memory.trouble, verdict.times)
        self.now_s = until_s

    def decide(self, kind: Kind, cause: str) -> bool:
        self.memory, verdict = decide(self.memory, kind, cause, self.now_s)
        if verdict.log:
            self.note(cause, verdict.times)
        return verdict.log

    def note(self, cause: str, times: int) -> None:
        self.lines.append((self.now_s, cause))
        self.counts.append(times)

    def logged_at(self, cause: str) -> list[float]:
        return [at for at, logged in self.lines if logged == cause]


def max_in_an_hour(times: list[float]) -> int:
    return max((sum(at <= other < at + HOUR_S for other in times) for at in times), default=0)


def test_one_cause_at_the_fastest_pace() -> None:
    """Five tries a minute for six hours: at once, after 1, 12, 20, and then every 30 minutes, with the count."""
    listener = Listener(now_s=0.0)
    for _ in range(6 * 300):
        listener.decide(Kind.TROUBLE, "x")
        listener.pass_time(12.0)
    minutes = [at / 60 for at, _ in listener.lines]
    assert minutes[:6] == pytest.approx([0, 1, 13, 33, 63, 93], abs=0.4)
    assert all(gap == pytest.approx(30, abs=0.4) for gap in (b - a for a, b in pairwise(minutes[4:])))
    assert listener.counts[:3] == [1, 6, 66]


def test_blocked_is_told_every_hour() -> None:
    """One try in 66 minutes: the hour between is not silent."""
    listener = Listener(now_s=0.0)
    for _ in range(5):
        listener.decide(Kind.TROUBLE, "x")
        listener.pass_time(3960.0)
    assert listener.lines[0][0] == 0.0
    assert all(later - earlier <= HOUR_S for (earlier, _), (later, _) in pairwise(listener.lines))
    assert len(listener.lines) <= 8


def test_another_cause_is_told_at_once() -> None:
    """And the first one again, as soon as it may speak."""
    listener = Listener()
    assert listener.decide(Kind.TROUBLE, "dns")
    listener.pass_time(5.0)
    assert not listener.decide(Kind.TROUBLE, "dns")
    assert listener.decide(Kind.TROUBLE, "tls")
    assert not listener.decide(Kind.TROUBLE, "dns")
    listener.pass_time(60.0)
    assert [cause for _, cause in listener.lines] == ["dns", "tls", "dns"]


def test_a_flapping_link_does_not_fill_the_journal() -> None:
    """Lost and found every minute for a day: pairs of lines, six an hour at the most, and the last one is true."""
    listener = Listener()
    for _ in range(24 * 60):
        lost = listener.decide(Kind.TROUBLE, "lost")
        listener.pass_time(2.0)
        assert listener.decide(Kind.RECOVERY, "online") == (lost or listener.lines[-1][1] == "lost")
        assert listener.lines[-1][1] == "online"
        listener.pass_time(58.0)
    assert max_in_an_hour(listener.logged_at("lost")) <= MAX_OF_A_CAUSE
    assert max_in_an_hour(listener.logged_at("online")) <= MAX_OF_A_CAUSE
    assert len(listener.logged_at("lost")) >= 24


def test_online_is_told_after_each_trouble_that_was_told() -> None:
    """Also after a quiet day; a second "online" without a trouble between is not news."""
    listener = Listener()
    assert listener.decide(Kind.RECOVERY, "online")
    assert not listener.decide(Kind.RECOVERY, "online")
    listener.pass_time(86_400.0)
    assert listener.decide(Kind.TROUBLE, "lost")
    assert listener.decide(Kind.RECOVERY, "online")


def test_progress_ends_a_trouble() -> None:
    """After a registration that went well, nothing reminds of those that did not."""
    listener = Listener()
    listener.decide(Kind.TROUBLE, "refused")
    assert listener.decide(Kind.PROGRESS, "registered")
    assert repeat_at(listener.memory) is None
    assert listener.decide(Kind.RECOVERY, "online")


def test_attempts_are_told_once() -> None:
    """The first of each kind."""
    listener = Listener()
    logged = [
        listener.decide(Kind.ATTEMPT, cause) for cause in ("registering", "registering", "connecting", "connecting")
    ]
    assert logged == [True, False, True, False]
    assert listener.decide(Kind.NOTE, "x")
    assert listener.decide(Kind.NOTE, "x")


def test_a_cause_is_forgotten_after_an_hour() -> None:
    """What comes back the next day is told at once, and its count starts over."""
    listener = Listener()
    for _ in range(10):
        listener.decide(Kind.TROUBLE, "x")
    listener.decide(Kind.RECOVERY, "online")
    listener.pass_time(HOUR_S + 1)
    assert listener.decide(Kind.TROUBLE, "x")
    assert listener.counts[-1] == 1


def test_numbers_do_not_make_another_cause() -> None:
    """Addresses, ports and counts differ from try to try; words, codes and events tell causes apart."""
    first = cause_of("connect-failed", "network", "no connection to 10.0.0.1 port 8883: refused")
    assert first == cause_of("connect-failed", "network", "no connection to 2001:db8::1 port 443: refused")
    assert first != cause_of("connect-failed", "network", "no connection to 10.0.0.1 port 8883: timed out")
    assert first != cause_of("connect-failed", "timeout", "no connection to 10.0.0.1 port 8883: refused")
    assert cause_of("registration-refused", "6289", "x") != cause_of("registration-refused", "6288", "x")


pauses = st.sampled_from([0.0, 0.001, 1.0, 12.0, 59.0, 61.0, 300.0, 719.0, 1201.0, 3500.0, 3960.0]) | st.floats(0, 4000)
actions = st.sampled_from(
    [
        *((Kind.TROUBLE, cause) for cause in "abcdefg"),
        *((Kind.TROUBLE, cause) for cause in "aaaaab"),
        (Kind.TROUBLE, "new"),
        (Kind.ATTEMPT, "connecting"),
        (Kind.PROGRESS, "registered"),
        (Kind.RECOVERY, "online"),
        (Kind.RECOVERY, "online"),
    ]
)


@given(st.lists(st.tuples(actions, pauses, st.integers(1, 40)), max_size=30))
def test_both_bounds_hold_for_any_sequence(plan: list[tuple[tuple[Kind, str], float, int]]) -> None:
    """At most six lines of a cause and 24 in all in any hour, no silent hour in trouble, and the last line is true."""
    listener = Listener()
    bad_since: float | None = None
    for number, ((kind, cause), gap_s, repeats) in enumerate(plan):
        for again in range(repeats):
            name = f"new{number}-{again}" if cause == "new" else cause
            check_fresh = kind is Kind.TROUBLE and is_fresh(listener, name)
            logged = listener.decide(kind, name)
            assert logged or not check_fresh
            if kind is Kind.TROUBLE:
                bad_since = listener.now_s if bad_since is None else bad_since
            elif kind in {Kind.PROGRESS, Kind.RECOVERY}:
                bad_since = None
                last = next(cause for _, cause in reversed(listener.lines) if cause != "connecting")
                assert last == name, "what is over was told to be over"
            listener.pass_time(gap_s)
            not_silent(listener, bad_since)
    troubles = {cause for _, cause in listener.lines} - {"connecting", "registered", "online"}
    for cause in troubles:
        assert max_in_an_hour(listener.logged_at(cause)) <= MAX_OF_A_CAUSE
    assert max_in_an_hour([at for at, cause in listener.lines if cause in troubles]) <= MAX_LINES
    causes = [cause for _, cause in listener.lines]
    assert causes.count("online") <= 1 + sum(cause in troubles or cause == "registered" for cause in causes)


def is_fresh(listener: Listener, cause: str) -> bool:
    """Say whether this cause must be told at once."""
    recent = [at for at in listener.logged_at(cause) if at > listener.now_s - HOUR_S]
    heard = any(episode.cause == cause for episode in listener.memory.episodes)
    lines = [at for at in listener.memory.lines_at if at > listener.now_s - HOUR_S]
    return not recent and not heard and len(lines) < MAX_LINES


def not_silent(listener: Listener, bad_since: float | None) -> None:
    if bad_since is None:
        return
    logged = [at for at, cause in listener.lines if cause not in {"connecting", "online", "registered"}]
    entries = [bad_since, *(at for at in logged if at > bad_since), listener.now_s]
    assert all(later - earlier <= HOUR_S + 1e-6 for earlier, later in pairwise(entries))
    # Where there is room, the last line is about what holds now, or was until a short time ago.
    if len([at for at in logged if at > listener.now_s - HOUR_S - AGAIN_S]) < MAX_LINES - 1:
        last = [cause for _, cause in listener.lines if cause != "connecting"][-1]
        changed_at = listener.memory.episodes[-1].met_at
        assert last == listener.memory.trouble or listener.now_s - changed_at <= AGAIN_S


def test_a_day_of_a_real_state_machine_without_network() -> None:
    """The daemon's own pace, with its own events: a handful of lines an hour, in each of 24."""
    credentials = Credentials(identity=Identity(product_key="pk", device_name="gw-1"), device_secret=Secret("s"))
    failure = Transient(cause=Cause.NAME_LOOKUP, detail="the name x does not resolve: try again")
    state, listener, dials = State(), Listener(), 0
    given_input: m.Input = m.Started()
    answers: dict[type[m.Effect], m.Input] = {
        m.Load: m.Loaded(credentials=credentials),
        m.Dial: m.DialFailed(failure=failure),
    }
    while listener.now_s < 1000.0 + 24 * HOUR_S:
        state, effects = step(state, given_input, Now(at=listener.now_s, chance=0.0))
        answer = None
        for effect in effects:
            dials += isinstance(effect, m.Dial)
            answer = answers.get(type(effect), answer)
            if isinstance(effect, m.Announce):
                details = effect.details
                cause = cause_of(effect.event.value, details.cause, details.detail)
                listener.decide(TABLE[effect.event].kind, cause)
        if answer is None:
            assert state.wake_at is not None
            listener.pass_time(state.wake_at - listener.now_s)
        given_input = answer or m.Tick()
    times = [at for at, _ in listener.lines]
    assert dials > 5_500, "chance 0 is the fastest pace there is: four in a minute"
    assert max_in_an_hour(times[2:]) <= MAX_OF_A_CAUSE
    assert all(later - earlier <= REPEAT_WITHIN_S for earlier, later in pairwise(times))


def test_every_failure_is_of_a_kind_that_is_told_less_often() -> None:
    """What the state machine may repeat at its own pace is no mere note."""
    for event in Event:
        entry = TABLE[event]
        if "{then}" in entry.sentence or "{hold_off}" in entry.sentence:
            assert entry.kind is Kind.TROUBLE, event


def meter(number: int) -> Identity:
    return Identity(product_key="a1subsubsub", device_name=f"meter-{number}")


occurrences = st.tuples(
    st.none() | st.integers(0, 3).map(meter),
    st.sampled_from(Kind),
    st.sampled_from(["refused", "lost", "no answer"]),
    st.sampled_from([1.0, 30.0, 90.0, 800.0, 2000.0]),
)


@given(st.lists(occurrences, max_size=80))
def test_no_device_silences_another(schedule: list[tuple[Identity | None, Kind, str, float]]) -> None:
    """Each is logged just as if it were alone: its trouble is no other's, and no other's "online" ends it."""
    memories, now_s = Memories(), 1000.0
    alone: dict[Identity | None, Memory] = {}
    for other, kind, cause, pause_s in schedule:
        memories, decision = decide_about(memories, other, kind, cause, now_s)
        alone[other], expected = decide(alone.get(other, Memory()), kind, cause, now_s)
        assert decision == expected
        assert repeat_at(memories.own) == repeat_at(alone.get(None, Memory()))
        now_s += pause_s


def test_what_is_remembered_of_a_sub_device_is_bounded() -> None:
    """Trouble of ever new kinds, in long words, and what it tries: below 4 kB of each, 8 MB of 2,000."""
    memories, size = Memories(), 200
    tracemalloc.start()
    for kind_of_trouble in range(10):
        cause = cause_of("login-refused", "connack-4", f"{'word ' * 60}{chr(97 + kind_of_trouble)}")
        for number in range(size):
            for kind in (Kind.ATTEMPT, Kind.TROUBLE):
                # Made anew, as each cause is.
                memories, _ = decide_about(memories, meter(number), kind, f"{kind_of_trouble} {cause}", 60.0 * number)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(memories.others) == size
    assert used < 4000 * size, f"{used // size} bytes of each"


def test_who_was_not_met_for_longest_is_forgotten_first() -> None:
    """It may be gone; should it come back, its trouble is logged at once."""
    memories = Memories()
    for number in range(MAX_OTHERS):
        memories, _ = decide_about(memories, meter(number), Kind.TROUBLE, "refused", 0.0)
    memories, again = decide_about(memories, meter(0), Kind.TROUBLE, "refused", 1.0)
    memories, _ = decide_about(memories, meter(MAX_OTHERS), Kind.TROUBLE, "refused", 2.0)
    assert not again.log
    assert len(memories.others) == MAX_OTHERS
    assert (meter(0) in memories.others, meter(1) in memories.others) == (True, False)
    assert decide_about(memories, meter(1), Kind.TROUBLE, "refused", 3.0)[1].log
