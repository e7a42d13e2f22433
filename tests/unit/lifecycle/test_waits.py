"""How long a wait is, and what ends it early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.core import backoff
from iot_onboard.core.backoff import Budget
from iot_onboard.core.failures import Cause, Failure, Rejected, Throttled, Transient
from iot_onboard.core.timings import IdleTime, Now
from iot_onboard.events.causes import cure_for
from iot_onboard.events.model import Event
from iot_onboard.fast_start.fast_dataclasses import replace
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle.state import IdleCut, Policy, State
from iot_onboard.lifecycle.waits import block, budgeted_at, clock_is_why, enter, wait
from support.gateway.life import ACTIVATED, MISSING, NETWORK, UNREADABLE, Life, secret


def test_retry_after_is_obeyed() -> None:
    """A server's Retry-After is the least that we wait."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True))
    life.feed(m.RegisterFailed(failure=Throttled(detail="429", retry_after_s=120.0)), chance=0.0)
    assert life.state.wake_at == pytest.approx(life.now_s + 120.0)
    assert life.feed(m.NetworkChanged(), after_s=1.0).state.phase is m.Phase.WAITING


def test_a_short_retry_after_meets_the_back_off() -> None:
    """It is the least that we wait, not the most: a fleet that is told "1" all day does not knock all day."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True))
    waits: list[float] = []
    for _ in range(10):
        life.feed(m.RegisterFailed(failure=Throttled(detail="429", retry_after_s=1.0)), chance=0.5)
        assert life.state.wake_at is not None
        waits.append(life.state.wake_at - life.now_s)
        while life.state.phase is m.Phase.WAITING:
            life.wait()
    assert waits[0] <= 5.0
    assert waits[-1] > 100.0


@pytest.mark.parametrize("failure", [NETWORK, Throttled(retry_after_s=900.0, detail="slow down")])
def test_new_settings_end_a_wait_too(failure: Failure) -> None:
    """A wrong proxy or host looks like a network that is down: whoever corrects it does not have to restart."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True)).feed(m.RegisterFailed(failure=failure))
    assert life.state.phase is m.Phase.WAITING
    life.feed(m.ConfigChanged())
    assert life.effects == (m.Announce(event=Event.CONFIG_CHANGED), m.Exit(code=0))


def test_what_is_mended_here_is_seen_soon() -> None:
    """However often it was looked at: a repair is noticed within a minute."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True))
    broken = Transient(cause=Cause.LOCAL, detail="requests cannot be loaded", soon=True)
    for _ in range(20):
        life.feed(m.RegisterFailed(failure=broken), chance=0.999)
        assert life.state.wake_at is not None
        assert life.state.wake_at - life.now_s <= 60.0
        while life.state.phase is m.Phase.WAITING:
            life.wait()


def test_new_settings_end_a_hold_off() -> None:
    """A name of its own is the cure against a clone: whoever writes it does not have to restart."""
    life = Life().online()
    for _ in range(3):
        life.feed(m.Lost(by_server=True, detail="closed"), after_s=5.0)
        if Event.IDENTITY_SHARED not in life.announced():
            life.wait().feed(m.Dialled()).feed(m.Accepted())
    assert life.announced() == [Event.IDENTITY_SHARED]
    life.feed(m.ConfigChanged())
    assert life.effects == (m.Announce(event=Event.CONFIG_CHANGED), m.Exit(code=0))


def test_new_settings_do_not_end_the_wait_for_the_disk() -> None:
    """The secret is in memory alone: a new process would have to ask for another one."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True)).feed(m.Registered(credentials=secret(1)))
    life.feed(m.SaveFailed(failure=UNREADABLE))
    before = life.state
    assert m.EarlyRetry.CONFIG not in before.retry_on
    assert life.feed(m.ConfigChanged()).state == before
    assert life.effects == ()


def test_a_route_ends_the_wait() -> None:
    """A route or address that appears retries at once where the network was in the way, and not after a refusal."""
    life = Life().connecting().feed(m.DialFailed(failure=NETWORK))
    assert life.feed(m.NetworkChanged(), after_s=0.1).has(m.Dial)
    assert not Life().connecting().feed(m.Dialled()).feed(m.Refused(code=5)).feed(m.NetworkChanged()).has(m.Dial)


@pytest.mark.parametrize(
    ("failure", "cause", "cure"),
    [
        (NETWORK, "network", ""),
        (Transient(cause=Cause.NAME_LOOKUP, detail="x", cure="ask"), "name-lookup", "ask"),
        (Transient(cause=Cause.CONNACK, detail="x", code="3", cure="wait"), "connack-3", "wait"),
        (Transient(cause=Cause.PLATFORM, detail="x", code="500", cure="wait"), "500", "wait"),
        (Transient(cause=Cause.UNKNOWN_CODE, detail="x", code="9999"), "unknown-code", ""),
        (Throttled(detail="x", code="429"), "429", ""),
        (Throttled(detail="x"), "", ""),
        (Rejected(code="CONNACK 4", detail="x", cure="y"), "connack-4", "y"),
        (ACTIVATED, "6289", "ResetThing"),
        (MISSING, "", "write it"),
        (UNREADABLE, "", ""),
    ],
    ids=str,
)
def test_a_failure_is_named_as_exactly_as_it_can_be(failure: Failure, cause: str, cure: str) -> None:
    """By a code, a CONNACK number or a cause; where it brings no cure, whoever tells it finds one by that name."""
    _, (announced,) = wait(State(), Now(at=0.0, chance=0.5), m.Goal.CONNECT, failure, Event.CONNECT_FAILED)
    assert isinstance(announced, m.Announce)
    assert (announced.details.cause, announced.details.cure) == (cause, cure)
    assert cure or cause in {"", "429"} or cure_for(cause)


def test_a_wait_for_a_connection_has_the_budget_in_mind() -> None:
    """What is told is when the next CONNECT may really leave."""
    state = State(budget=Budget(connects=(0.0, 1.0, 2.0, 3.0, 4.0)))
    waiting, (announced,) = wait(state, Now(at=5.0, chance=0.0), m.Goal.CONNECT, NETWORK, Event.CONNECT_FAILED)
    assert waiting.wake_at == backoff.login_at(state.budget, 5.0) > 60.0
    assert isinstance(announced, m.Announce)
    assert announced.details.next_try_s == waiting.wake_at - 5.0
    assert budgeted_at(State(failed_dials=state.budget.connects), m.Goal.CONNECT, 5.0) == waiting.wake_at


@given(
    st.lists(st.floats(0, 60), max_size=5) | st.lists(st.floats(0, 15), min_size=5, max_size=5),
    st.just(0.0) | st.floats(0, 0.999),
    st.sampled_from(
        [
            m.Lost(by_server=True, detail="closed"),
            m.Lost(by_server=False, detail="reset"),
            m.Lost(by_server=True, detail="cut", idle_time=IdleTime(lasted_s=40.0)),
        ]
    ),
    st.integers(0, 4),
    st.booleans(),
)
def test_every_announced_try_comes_when_it_is_announced(
    ages: list[float], chance: float, lost: m.Lost, short_sessions: int, idle: bool
) -> None:
    """A wait, a hold-off against a clone, a shorter keep-alive: what is announced is what the budgets allow."""
    life = Life().online()
    now_s = life.now_s + 100.0
    spent = tuple(sorted(now_s - age_s for age_s in ages))
    cut = IdleCut(silent_s=40.0, times=3, confirmed=True) if idle else None
    life.state = replace(
        life.state,
        budget=Budget(connects=spent),
        short_sessions=short_sessions,
        online_since=now_s - 50.0,
        idle_cut=cut,
    )
    life.feed(lost, after_s=100.0, chance=chance)
    (announced,) = [effect for effect in life.effects if isinstance(effect, m.Announce)]
    assert announced.details.next_try_s is not None
    assert life.state.wake_at == pytest.approx(now_s + announced.details.next_try_s)
    assert life.wait().has(m.Dial)


def test_a_block_lasts_about_an_hour_and_new_settings_end_it() -> None:
    """Nothing else does: neither a route nor the clock."""
    blocked, _ = block(State(), Now(at=0.0, chance=0.5), m.Goal.REGISTER, ACTIVATED, Event.REGISTRATION_REFUSED)
    assert (blocked.phase, blocked.wake_at, blocked.retry_on) == (
        m.Phase.BLOCKED,
        3600.0,
        frozenset({m.EarlyRetry.CONFIG}),
    )


def test_a_phase_begins_without_the_leavings_of_the_last() -> None:
    """No goal, no waker and no login of before."""
    before = State(
        phase=m.Phase.WAITING, goal=m.Goal.SAVE, retry_on=frozenset(m.EarlyRetry), wake_at=9.0, logging_in=True
    )
    after = enter(before, m.Phase.ONLINE, None)
    assert (after.phase, after.goal, after.retry_on, after.wake_at, after.logging_in) == (
        m.Phase.ONLINE, None, frozenset(), None, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("failure", "trusted", "why"),
    [
        (Transient(cause=Cause.TLS_DATE, detail="x"), False, True),
        (Transient(cause=Cause.TLS_DATE, detail="x"), True, False),
        (Transient(cause=Cause.TLS, detail="x"), False, False),
        (ACTIVATED, False, False),
    ],
)
def test_the_clock_is_why(failure: Failure, trusted: bool, why: bool) -> None:
    """Where a certificate is out of its dates and nobody vouches for the clock."""
    assert clock_is_why(failure, trusted) is why


def test_a_fleet_of_a_known_size_is_throttled_apart() -> None:
    """A registration that is throttled is spread too: after the told wait, or after the slow pace's floor."""
    for told_s, least_s in ((120.0, 120.0), (None, 60.0)):
        life = Life(Policy(fleet_size=900_000)).feed(m.Started()).feed(m.NothingStored(writable=True))
        life.feed(m.RegisterFailed(failure=Throttled(detail="429", retry_after_s=told_s)), chance=0.5)
        assert life.state.wake_at == pytest.approx(life.now_s + least_s + 1000, abs=1)
