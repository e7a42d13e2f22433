"""The table of the design, and its invariants over random lives."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iot_onboard.core import backoff
from iot_onboard.core.failures import Cause, Failure, Throttled, Transient
from iot_onboard.core.identity import Credentials
from iot_onboard.core.timings import IdleTime
from iot_onboard.events.explain import find
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle.state import Policy, State
from iot_onboard.lifecycle.table import IGNORED, TABLE
from support.gateway.life import ACTIVATED, FULL, MISSING, NETWORK, UNREADABLE, VOLATILE, Life, secret


@pytest.mark.parametrize("phase", [phase for phase in m.Phase if phase not in {m.Phase.WAITING, m.Phase.BLOCKED}])
def test_settings_end_nothing_else(phase: m.Phase) -> None:
    """A gateway that is online stays so; an operator restarts it for other settings."""
    assert (phase, m.ConfigChanged) in IGNORED


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ((m.Loaded(credentials=secret(0)),), 0),
        ((m.NothingStored(writable=True), m.Registered(credentials=secret(1)), m.Saved()), 0),
        ((m.NothingStored(writable=True), m.RegisterFailed(failure=NETWORK)), 1),
        ((m.NothingStored(writable=True), m.RegisterFailed(failure=MISSING)), 78),
        ((m.NothingStored(writable=False),), 1),
    ],
)
def test_register_only_ends_after_one_try(inputs: tuple[m.Input, ...], code: int) -> None:
    """`register` stores a secret or says why not, and neither dials nor waits."""
    life = Life(Policy(register_only=True)).feed(m.Started())
    for given_input in inputs:
        life.feed(given_input)
    assert life.state.phase is m.Phase.STOPPED
    assert m.Exit(code=code) in life.effects
    assert not life.has(m.Dial)


def test_every_pair_is_decided() -> None:
    """Invariant 6: each (phase, input) pair is in the table or ignored on purpose, and not both."""
    pairs = {(phase, kind) for phase in m.Phase for kind in get_args(m.Input)}
    assert set(TABLE) | IGNORED == pairs
    assert not set(TABLE) & IGNORED


def test_every_phase_but_stopped_has_an_exit() -> None:
    """Invariant 6: no state without an exit."""
    for phase in m.Phase:
        leads_on = {target for (at, _), rule in TABLE.items() if at is phase for target in rule.targets}
        assert bool(leads_on - {phase}) == (phase is not m.Phase.STOPPED)


failures = st.one_of(
    st.sampled_from([ACTIVATED, MISSING, VOLATILE]),
    st.builds(Transient, cause=st.sampled_from(Cause), detail=st.just("x"), slow=st.booleans()),
    st.builds(Throttled, detail=st.just("x"), retry_after_s=st.none() | st.floats(0, 1e9)),
)


plans = st.lists(
    st.tuples(st.integers(0, 9), failures, st.booleans(), st.floats(0, 1, exclude_max=True), st.floats(0, 4000)),
    max_size=80,
)


def outcome(life: Life, pick: int, failure: Failure, flag: bool, number: int) -> m.Input:
    """Choose something that the world may do now."""
    if pick == 9:
        return m.NetworkChanged() if flag else m.ClockSet()
    transient = Transient(cause=Cause.NETWORK, detail="x")
    match life.state.phase:
        case m.Phase.BOOT:
            found = m.Loaded(credentials=secret(number))
            nothing = m.NothingStored(
                writable=pick > 1, storage=m.Storage(volatile="tmpfs" if pick == 2 else "", mount="1")
            )
            return found if pick > 6 else nothing if flag else m.LoadFailed(failure=UNREADABLE)
        case m.Phase.REGISTERING:
            failed = m.RegisterFailed(failure=failure, clock_trusted=flag)
            return m.Registered(credentials=secret(number)) if pick > 4 else failed
        case m.Phase.SAVING:
            return m.Saved() if pick > 4 else m.SaveFailed(failure=FULL)
        case m.Phase.CONNECTING if not life.state.logging_in:
            fails = failure if isinstance(failure, Transient) else transient
            return m.Dialled() if pick > 2 else m.DialFailed(failure=fails, clock_trusted=flag)
        case m.Phase.CONNECTING:
            if pick > 5:
                return m.Accepted()
            return m.Refused(code=pick) if pick else m.Lost(by_server=flag, detail="x", violation=flag)
        case m.Phase.ONLINE:
            idle_time = IdleTime(lasted_s=20.0 * (pick % 3), survived_s=10.0, ping_unanswered=pick > 6)
            return m.Lost(by_server=flag, detail="x", unanswered=pick == 0, idle_time=idle_time)
        case m.Phase.WAITING | m.Phase.BLOCKED if pick == 8:
            return m.ConfigChanged(problems=("x",) if flag else ())
        case m.Phase.BLOCKED if pick == 7:
            return m.MountChanged()
        case _:
            return m.Tick()


class Watch:
    """Hold a life to the invariants, with a memory of its own."""

    def __init__(self) -> None:
        self.durable: Credentials | None = None
        self.logins: list[float] = []
        self.failed_dials: list[float] = []
        self.asking = False

    def see(self, before: State, given_input: m.Input, life: Life) -> None:
        if isinstance(given_input, m.Loaded):
            self.durable = given_input.credentials
        if isinstance(given_input, m.Saved):
            self.durable = before.credentials
        if isinstance(given_input, m.Registered | m.RegisterFailed):
            self.asking = False
        if isinstance(given_input, m.DialFailed) and before.phase is m.Phase.CONNECTING:
            self.failed_dials.append(before.began_at)
            recent = sum(before.began_at - at < backoff.BUDGET_WINDOW_S for at in self.failed_dials)
            assert recent <= backoff.BUDGET_CONNECTS
        for effect in life.effects:
            self.see_effect(effect, life)
        self.see_wait(before, life)

    def see_effect(self, effect: m.Effect, life: Life) -> None:
        if isinstance(effect, m.Login):
            assert effect.credentials == self.durable
            self.logins.append(life.now_s)
            recent = sum(life.now_s - at < backoff.BUDGET_WINDOW_S for at in self.logins)
            assert recent <= backoff.BUDGET_CONNECTS
        if isinstance(effect, m.Register):
            assert not self.asking
            self.asking = True
        if isinstance(effect, m.Save):
            assert effect.credentials == life.state.credentials
        if isinstance(effect, m.Announce):
            assert find(effect.details.cause or effect.event.value), "explain knows what the journal names"

    def see_wait(self, before: State, life: Life) -> None:
        if life.state.phase is m.Phase.ONLINE:
            return
        assert life.state.wake_at is not None
        wait_s = life.state.wake_at - life.now_s
        spread_s = backoff.spread_s(life.state.policy.fleet_size or 0)
        assert wait_s <= 3960.1 + spread_s
        if life.state.phase in {m.Phase.WAITING, m.Phase.BLOCKED}:
            assert life.state.goal is not None
        if life.state.phase is m.Phase.BLOCKED and before.phase is not m.Phase.BLOCKED:
            assert wait_s >= 3239.9


@settings(max_examples=400, deadline=None)
@given(plans, st.builds(Policy, can_register=st.booleans(), fleet_size=st.sampled_from([None, 1, 900_000])))
def test_invariants_hold_over_random_lives(plan: list[tuple[int, Failure, bool, float, float]], policy: Policy) -> None:
    """Invariants 1 to 4 and 6 hold whatever the world does."""
    life = Life(policy).feed(m.Started())
    watch = Watch()
    for number, (pick, failure, flag, chance, dt_s) in enumerate(plan):
        before = life.state
        input_ = outcome(life, pick, failure, flag, number)
        if isinstance(input_, m.Tick):
            assert before.wake_at is not None
            life.now_s = max(life.now_s, before.wake_at)
        elif before.phase is m.Phase.ONLINE:
            life.now_s += dt_s
        life.feed(input_, chance=chance)
        if life.state.phase is m.Phase.STOPPED:
            # Whoever ends for new settings leaves nothing behind that is in memory alone.
            assert isinstance(input_, m.ConfigChanged)
            assert life.state.credentials is None or life.state.durable
            return
        rule = TABLE.get((before.phase, type(input_)))
        assert rule is None or life.state.phase in rule.targets or life.state.phase is before.phase
        watch.see(before, input_, life)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(Cause), st.floats(0, 0.05), st.floats(0, 3)), max_size=120),
    st.sampled_from([m.NetworkChanged(), m.ClockSet()]),
)
def test_whatever_the_world_tells_few_dials_fail(plan: list[tuple[Cause, float, float]], news: m.Input) -> None:
    """Invariant 10: news at every moment, and the shortest of waits."""
    life = Life().connecting()
    began = [life.now_s]
    for cause, chance, after_s in plan:
        failure = Transient(cause=cause, detail="x")
        life.feed(m.DialFailed(failure=failure, clock_trusted=False), after_s=after_s, chance=chance)
        while life.state.phase is m.Phase.WAITING:
            life.feed(news, after_s=0.5, chance=chance)
            if life.state.phase is m.Phase.WAITING:
                life.feed(m.Tick())
        began.append(life.now_s)
    assert all(later - first >= 60.0 for first, later in zip(began, began[5:], strict=False))


@settings(max_examples=200, deadline=None)
@given(plans, plans)
def test_after_a_stop_nothing_happens(
    plan: list[tuple[int, Failure, bool, float, float]], rest: list[tuple[int, Failure, bool, float, float]]
) -> None:
    """Invariant 7: after SIGTERM only goodbye and exit, and then silence."""
    life = Life().feed(m.Started())
    for number, (pick, failure, flag, chance, _) in enumerate(plan):
        input_ = outcome(life, pick, failure, flag, number)
        if life.state.phase is m.Phase.STOPPED:
            break
        if isinstance(input_, m.Tick):
            assert life.state.wake_at is not None
            life.now_s = max(life.now_s, life.state.wake_at)
        life.feed(input_, chance=chance)
    life.feed(m.StopRequested())
    assert all(isinstance(effect, m.Disconnect | m.Drop | m.Announce | m.Exit) for effect in life.effects)
    for kind in (m.Started, m.Saved, m.Dialled, m.Accepted, m.Tick, m.NetworkChanged, m.StopRequested):
        assert life.feed(kind(), after_s=10.0).effects == ()
    for number, (pick, failure, flag, chance, _) in enumerate(rest):
        assert life.feed(outcome(Life(), pick, failure, flag, number), chance=chance).effects == ()
