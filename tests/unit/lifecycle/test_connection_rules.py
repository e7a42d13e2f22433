"""Dial, log in, be refused, be online, be lost."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise

import pytest

from iot_onboard.core.failures import Cause, Transient
from iot_onboard.core.timings import Timings
from iot_onboard.events.model import Details, Event
from iot_onboard.fast_start.fast_dataclasses import replace
from iot_onboard.lifecycle import connection_rules as rules
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle.state import Policy
from iot_onboard.lifecycle.table import TABLE
from support.gateway.life import NETWORK, Life, announced_details, secret
from support.process.descriptors import none_left


def test_each_step_says_what_it_took() -> None:
    """Registration, store and login: the whole since the step began, and the parts that were measured."""
    took = Timings(dns_ms=5, tcp_ms=40, tls_ms=90)
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True))
    life.feed(m.Registered(credentials=secret(1), timings=replace(took, answer_ms=700)), after_s=0.9)
    assert announced_details(life) == Details(duration_ms=900, timings=replace(took, answer_ms=700))
    life.feed(m.Saved(), after_s=0.03)
    assert announced_details(life) == Details(duration_ms=30)
    life.feed(m.Dialled(timings=took), after_s=0.2).feed(m.Accepted(), after_s=0.05)
    assert announced_details(life) == Details(duration_ms=250, timings=replace(took, answer_ms=50))


def test_a_mute_server_is_given_up() -> None:
    """No CONNACK within 10 s: wait and try again."""
    life = Life().connecting().feed(m.Dialled())
    assert life.state.wake_at == life.now_s + 10.0
    assert (life.wait().state.phase, life.has(m.Drop)) == (m.Phase.WAITING, True)


def test_a_wrong_clock_is_waited_for() -> None:
    """A TLS date error with an untrusted clock retries when the clock is set."""
    failure = Transient(cause=Cause.TLS_DATE, detail="not yet valid")
    life = Life().connecting().feed(m.DialFailed(failure=failure, clock_trusted=False))
    assert life.announced() == [Event.CLOCK_NOT_SET]
    assert life.feed(m.ClockSet(), after_s=1.0).state.phase is m.Phase.CONNECTING


def test_a_route_is_a_reason_to_ask() -> None:
    """What is online stays so, and asks the server whether it is still there."""
    life = Life().online()
    assert life.feed(m.NetworkChanged(), after_s=1.0).effects == (m.Probe(),)
    assert life.state.phase is m.Phase.ONLINE


@pytest.mark.parametrize("sessions", [2, 4])
def test_a_loss_that_a_change_of_the_network_explains(sessions: int) -> None:
    """The next try comes soon, however short the sessions were; without a change, or by the server, back-off grows."""
    for changed, by_server, soon in ((True, False, True), (True, True, False), (False, False, False)):
        life = Life().online()
        for _ in range(sessions):
            if changed:
                life.feed(m.NetworkChanged(), after_s=10.0)
            life.feed(m.Lost(by_server=by_server, detail="x"), after_s=11.0, chance=1.0)
            wait_s = (life.state.wake_at or 0.0) - life.now_s
            life.wait().feed(m.Dialled()).feed(m.Accepted())
        assert (wait_s <= 5.0) == soon


def test_news_of_the_network_end_no_hold_off() -> None:
    """The network is not in the way of two gateways with one identity; a name of its own is the cure."""
    life = Life().online()
    for _ in range(3):
        if life.state.phase is m.Phase.WAITING:
            life.wait().feed(m.Dialled()).feed(m.Accepted())
        life.feed(m.Lost(by_server=True, detail="x"), after_s=11.0)
    assert life.announced() == [Event.IDENTITY_SHARED]
    wake_at = life.state.wake_at
    life.feed(m.NetworkChanged(), after_s=10.0)
    assert (life.effects, life.state.wake_at) == ((), wake_at)
    assert life.state.retry_on == {m.EarlyRetry.CONFIG}


def test_the_third_refusal_registers_once_and_heals() -> None:
    """An operator reset the device: the third refusal leads to a new secret."""
    life = Life().connecting().refuse().refuse()
    assert life.state.phase is m.Phase.WAITING
    life.refuse()
    assert (life.state.phase, life.announced()) == (m.Phase.REGISTERING, [Event.REREGISTERING])
    life.feed(m.Registered(credentials=secret(2))).feed(m.Saved()).feed(m.Dialled())
    assert m.Login(credentials=secret(2), keepalive_s=300) in life.effects


def test_registrations_after_refusals_are_rare() -> None:
    """At most one in ten minutes, doubling to six hours."""
    life = Life().connecting()
    tries: list[float] = []
    while len(tries) < 8:
        life.refuse()
        if life.has(m.Register):
            tries.append(life.now_s)
            life.feed(m.RegisterFailed(failure=NETWORK))
    gaps = [later - earlier for earlier, later in pairwise(tries)]
    assert all(gap >= min(600.0 * 2**n, 21_600.0) for n, gap in enumerate(gaps))
    assert gaps[-1] < 21_600.0 + 400.0


def test_a_given_secret_is_never_replaced() -> None:
    """With a device secret file a refused login blocks, and the file is read again."""
    life = Life(Policy(can_register=False)).connecting().refuse().refuse().refuse()
    assert (life.state.phase, life.state.goal) == (m.Phase.BLOCKED, m.Goal.LOAD)


def test_a_clone_is_named_and_the_hold_off_grows() -> None:
    """Three sessions under 60 s ended by the server: somebody else has this identity."""
    life = Life().online()
    holds: list[float] = []
    for session in range(8):
        life.feed(m.Lost(by_server=True, detail="closed"), after_s=5.0, chance=0.999)
        assert (Event.IDENTITY_SHARED in life.announced()) == (session >= 2)
        assert life.state.wake_at is not None
        holds.append(life.state.wake_at - life.now_s)
        life.wait()
        while life.state.phase is m.Phase.WAITING:
            life.wait()
        life.feed(m.Dialled()).feed(m.Accepted())
    assert holds[-1] == pytest.approx(900.0, rel=0.01)


def lose(life: Life, *, unanswered: bool) -> list[Event]:
    """Lose a session to the server after five seconds, and be online again; return what was told."""
    life.feed(m.Lost(by_server=True, detail="closed", unanswered=unanswered), after_s=5.0, chance=0.999)
    announced = life.announced()
    while life.state.phase is m.Phase.WAITING:
        life.wait()
    life.feed(m.Dialled()).feed(m.Accepted())
    return announced


def test_a_session_that_may_have_ended_over_something_else_names_no_clone() -> None:
    """What was unanswered says nothing, neither for nor against one."""
    life = Life().online()
    for _ in range(6):
        assert lose(life, unanswered=True) == [Event.CONNECTION_LOST]
    named = [lose(life, unanswered=False) for _ in range(3)]
    assert named == [[Event.CONNECTION_LOST], [Event.CONNECTION_LOST], [Event.IDENTITY_SHARED]]
    assert lose(life, unanswered=True) == [Event.CONNECTION_LOST]
    assert lose(life, unanswered=False) == [Event.IDENTITY_SHARED]


def test_a_server_that_breaks_the_protocol_is_no_clone() -> None:
    """However short its sessions are: the cause is named, the waits grow to their cap, and the CONNECTs stay few."""
    life, waits = Life().online(), list[float]()
    for _ in range(12):
        life.feed(m.Lost(by_server=True, detail="x", violation=True), after_s=0.1, chance=0.999)
        assert life.announced() == [Event.CONNECTION_LOST]
        assert announced_details(life).cause == "protocol"
        assert life.state.wake_at is not None
        waits.append(life.state.wake_at - life.now_s)
        while life.state.phase is m.Phase.WAITING:
            life.wait()
        life.feed(m.Dialled()).feed(m.Accepted())
        assert len(life.state.budget.connects) <= 5
    assert waits[-1] == pytest.approx(300.0, rel=0.01)
    assert life.state.short_sessions == 0


def test_what_is_no_mqtt_server_is_waited_for() -> None:
    """An answer to the login that is not MQTT: with the cause that says to check host and port."""
    life = Life().connecting().feed(m.Dialled())
    life.feed(m.Lost(by_server=True, detail="answered with HTTP", violation=True))
    assert (life.state.phase, life.announced(), life.has(m.Drop)) == (m.Phase.WAITING, [Event.CONNECT_FAILED], True)
    assert announced_details(life).cause == "protocol"


def test_back_off_starts_over_only_after_a_long_session() -> None:
    """A CONNACK 0 alone resets nothing."""
    life = Life().connecting()
    for _ in range(6):
        life.feed(m.DialFailed(failure=NETWORK)).wait()
    life.feed(m.Dialled()).feed(m.Accepted())
    short = life.state
    life.feed(m.Lost(by_server=False, detail="gone"), after_s=59.0, chance=0.999)
    assert life.state.wake_at is not None
    assert life.state.wake_at - life.now_s > 100.0
    life.state, life.now_s = short, short.online_since
    life.feed(m.Lost(by_server=False, detail="gone"), after_s=60.0, chance=0.999)
    assert life.state.wake_at is not None
    assert life.state.wake_at - life.now_s <= 5.0


@pytest.mark.parametrize("rule", [rules.dialled, rules.accepted, rules.refused, rules.lost_before_online, rules.lost])
def test_no_rule_lies_idle(rule: Callable[..., object]) -> None:
    """What decides about a connection stands in a row of the table."""
    assert rule in {row.act for row in TABLE.values()}


def test_a_clone_and_a_refusal_are_counted_to_three() -> None:
    """The third refusal running leads to a registration, the third short session to the hold-off of a clone."""
    assert (rules.REFUSALS_BEFORE_REGISTERING, rules.SHORT_SESSIONS_OF_A_CLONE, rules.SHORT_SESSION_S) == (3, 3, 60.0)


FLEET = Policy(fleet_size=900_000)
SPREAD_S = 2000.0


def waits_s(life: Life) -> float:
    assert life.state.wake_at is not None
    return life.state.wake_at - life.now_s


def refused_for_load(life: Life, chance: float) -> Life:
    while life.state.phase is m.Phase.WAITING:
        life.wait()
    return life.feed(m.Dialled()).feed(m.Refused(code=3), chance=chance)


def test_a_fleet_of_a_known_size_is_spread_over_what_its_limit_takes() -> None:
    """One wait in place of many; a second refusal draws from what is left of the same time."""
    life = refused_for_load(Life(FLEET).connecting(), 0.5)
    assert waits_s(life) == pytest.approx(SPREAD_S / 2, abs=1)
    refused_for_load(life, 0.5)
    assert waits_s(life) == pytest.approx(SPREAD_S / 4, abs=2)


def test_who_is_refused_at_the_end_of_the_spread_backs_off() -> None:
    """From 5 s, doubling with the refusals for load; where that lasts, all are spread again. A session begins anew."""
    life = refused_for_load(Life(FLEET).connecting(), 0.9999)
    ceilings = []
    for _ in range(8):
        refused_for_load(life, 0.9999)
        ceilings.append(round(waits_s(life)))
    assert ceilings == [10, 20, 40, 80, 160, 2000, 10, 20]
    life.wait().feed(m.Dialled()).feed(m.Accepted()).feed(m.Lost(by_server=False, detail="x"), after_s=100)
    refused_for_load(life, 0.5)
    assert waits_s(life) == pytest.approx(SPREAD_S / 2, abs=4)


def test_a_spread_after_an_outage_counts_from_the_last_try_that_reached_nobody() -> None:
    """The fleet came back some time since then; another outage later has a spread of its own."""
    life = Life(FLEET).connecting().feed(m.DialFailed(failure=NETWORK))
    failed_at = life.now_s
    refused_for_load(life, 0.9999)
    assert waits_s(life) == pytest.approx(failed_at + SPREAD_S - life.now_s, abs=1)
    life.now_s += 5 * SPREAD_S
    refused_for_load(life, 0.9999)
    assert waits_s(life) == pytest.approx(SPREAD_S, abs=1)


@pytest.mark.parametrize("code", [1, 2, 4, 6])
def test_other_refusals_are_not_for_load(code: int) -> None:
    """The size of the fleet changes nothing of them, nor of what the network does."""
    with_size, without = Life(FLEET).connecting(), Life().connecting()
    for life in (with_size, without):
        life.feed(m.Dialled()).feed(m.Refused(code=code))
    assert with_size.state.wake_at == without.state.wake_at
    for life in (with_size, without):
        life.wait().feed(m.DialFailed(failure=NETWORK))
    assert with_size.state.wake_at == without.state.wake_at


def test_without_a_size_a_refusal_for_load_is_as_any_other() -> None:
    """5 s at first, then doubling."""
    life = refused_for_load(Life().connecting(), 0.9999)
    assert waits_s(life) == pytest.approx(5, abs=0.1)


def test_a_refusal_without_a_descriptor_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """What its number means cannot be looked up: the next login tells, and no refusal is counted."""
    life = Life().connecting().feed(m.Dialled())
    monkeypatch.delitem(sys.modules, "iot_onboard.aliyun.connack", raising=False)
    with none_left():
        life.feed(m.Refused(code=4))
    assert (life.state.phase, life.announced(), life.state.refusals) == (m.Phase.WAITING, [Event.CONNECT_FAILED], 0)
    assert announced_details(life).cause == "local"
    assert "CONNACK 4" in announced_details(life).detail
    assert life.wait().refuse().state.refusals == 1
