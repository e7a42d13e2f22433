"""The steps that many states share: wake, settings that change, a job that hangs, a stop."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.core.backoff import Budget
from iot_onboard.core.exit_codes import ExitCode
from iot_onboard.core.failures import Cause, Failure, Rejected, Transient
from iot_onboard.core.timings import Now
from iot_onboard.events.model import Event
from iot_onboard.fast_start.fast_dataclasses import replace
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle.state import Policy, State
from iot_onboard.lifecycle.steps import connect, register, wake
from iot_onboard.lifecycle.waits import Transition
from iot_onboard.service.start_recovery import RESTARTED_AFTER
from support.gateway.life import ACTIVATED, MISSING, NETWORK, UNREADABLE, Life, secret


def test_a_hanging_job_ends_the_process() -> None:
    """With a code after which the service manager starts the service again at once; `register` is no service."""
    life = Life().connecting().wait()
    assert (life.state.phase, life.effects[-1]) == (m.Phase.STOPPED, m.Exit(code=ExitCode.INTERNAL))
    assert ExitCode.INTERNAL in RESTARTED_AFTER
    once = Life(Policy(register_only=True)).feed(m.Started()).wait()
    assert (once.state.phase, once.effects[-1]) == (m.Phase.STOPPED, m.Exit(code=ExitCode.FAILED))


@pytest.mark.parametrize("failure", [MISSING, ACTIVATED, Rejected(code="6600", detail="x", cure="y")])
def test_changed_settings_end_a_block(failure: Failure) -> None:
    """A new process has the new configuration and systemd's new copy of the secret."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True)).feed(m.RegisterFailed(failure=failure))
    assert m.EarlyRetry.CONFIG in life.state.retry_on
    life.feed(m.ConfigChanged())
    assert life.state.phase is m.Phase.STOPPED
    assert life.effects == (m.Announce(event=Event.CONFIG_CHANGED), m.Exit(code=0))


def test_wrong_settings_end_nothing() -> None:
    """Ending for them would end with 78, and nobody starts that again: told, and the wait goes on."""
    life = Life().feed(m.Started()).feed(m.LoadFailed(failure=UNREADABLE))
    before = life.state
    life.feed(m.ConfigChanged(problems=("config.yaml:1: a", "config.yaml:2: b")))
    assert life.state == before
    assert life.announced() == [Event.CONFIG_CHANGE_INVALID, Event.CONFIG_CHANGE_INVALID]


def test_stopping_says_goodbye() -> None:
    """Online: DISCONNECT, and exit 0."""
    life = Life().online().feed(m.StopRequested())
    assert life.effects == (m.Disconnect(), m.Announce(event=Event.STOPPING), m.Exit(code=0))


@pytest.mark.parametrize(
    ("goal", "phase", "effect"),
    [
        (m.Goal.LOAD, m.Phase.BOOT, m.Load),
        (m.Goal.REGISTER, m.Phase.REGISTERING, m.Register),
        (m.Goal.SAVE, m.Phase.SAVING, m.Save),
        (m.Goal.CONNECT, m.Phase.CONNECTING, m.Dial),
        (None, m.Phase.BOOT, m.Load),
    ],
)
def test_a_wait_leads_to_its_goal(goal: m.Goal | None, phase: m.Phase, effect: type[m.Effect]) -> None:
    """With a deadline for the job; without a goal it begins at the beginning."""
    waiting = State(phase=m.Phase.WAITING, goal=goal, credentials=secret(1))
    after, effects = wake(waiting, m.Tick(), Now(at=100.0, chance=0.5))
    assert after.phase is phase
    assert any(isinstance(found, effect) for found in effects)
    assert after.wake_at is not None
    assert after.wake_at > 100.0


@pytest.mark.parametrize("news", [m.NetworkChanged(), m.ClockSet()])
def test_news_end_a_wait_at_once_and_once_only(news: m.Input) -> None:
    """Where the try comes to nothing, the next news lead to one after a floor, which grows; back-off starts over."""
    failed = m.DialFailed(failure=Transient(cause=Cause.TLS_DATE, detail="x"), clock_trusted=False)
    life = Life().connecting()
    for _ in range(3):
        life.feed(failed).wait()
    life.feed(failed, chance=0.99)
    assert life.feed(news, after_s=10.0).has(m.Dial)
    for floor_s in (1.0, 5.0, 15.0, 15.0):
        tried = life.now_s
        life.feed(failed, after_s=0.1, chance=0.99)
        assert life.state.failures == 1
        # As if it had been long in trouble: back-off alone would be later than the floor.
        life.state = replace(life.state, wake_at=life.now_s + 100.0, failed_dials=())
        for _ in range(3):
            assert life.feed(news, after_s=0.1).effects == ()
        assert life.state.wake_at == pytest.approx(tried + floor_s)
        assert life.wait().has(m.Dial)


def test_news_delay_no_try() -> None:
    """A wait that ends before the floor does ends when it would."""
    life = Life().connecting().feed(m.DialFailed(failure=NETWORK)).feed(m.NetworkChanged())
    life.feed(m.DialFailed(failure=NETWORK), chance=0.0)
    before = life.state
    assert life.feed(m.NetworkChanged()).state == before


@pytest.mark.parametrize("goal", [m.Goal.CONNECT, m.Goal.REGISTER])
def test_news_within_a_spent_budget_are_waited_with(goal: m.Goal) -> None:
    """What else may end the wait still does."""
    spent = (996.0, 997.0, 998.0, 999.0, 1000.0)
    retry_on = frozenset({m.EarlyRetry.NETWORK, m.EarlyRetry.CONFIG})
    life = Life()
    life.state = State(
        phase=m.Phase.WAITING,
        goal=goal,
        retry_on=retry_on,
        wake_at=2000.0,
        failed_dials=spent,
        budget=Budget(registrations=spent),
    )
    assert life.feed(m.NetworkChanged()).effects == ()
    assert (life.state.retry_on, life.state.wake_at) == (retry_on, 996.0 + 60.5)
    assert life.wait().has(m.Dial if goal is m.Goal.CONNECT else m.Register)


def test_a_success_ends_the_floor() -> None:
    """A link that flaps is used whenever it is there."""
    life = Life().connecting().feed(m.DialFailed(failure=NETWORK)).feed(m.NetworkChanged())
    life.feed(m.Dialled()).feed(m.Accepted()).feed(m.Lost(by_server=False, detail="x"), after_s=3.0)
    assert life.feed(m.NetworkChanged()).has(m.Dial)


@pytest.mark.parametrize("step", [register, connect])
def test_a_spent_budget_is_waited_for(step: Callable[[State, Now], Transition]) -> None:
    """Registrations, logins and dials that fail have one each, and no line is told for that."""
    spent = (96.0, 97.0, 98.0, 99.0, 100.0)
    after, effects = step(State(budget=Budget(connects=spent, registrations=spent)), Now(at=100.0, chance=0.5))
    assert (after.phase, effects) == (m.Phase.WAITING, ())
    assert after.wake_at is not None
    assert after.wake_at > 96.0 + 60.0


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=12), st.floats(0, 1), st.booleans())
def test_back_off_leaves_room_for_a_try_when_the_network_comes(
    chances: list[float], share: float, registered: bool
) -> None:
    """However often it has tried in vain without a network: the first route is answered at once."""
    life = Life().connecting() if registered else Life().feed(m.Started()).feed(m.NothingStored(writable=True))
    for chance in chances:
        life.feed(m.DialFailed(failure=NETWORK) if registered else m.RegisterFailed(failure=NETWORK), chance=chance)
        other = Life()
        other.state, other.now_s = life.state, life.now_s
        other.feed(m.NetworkChanged(), after_s=share * ((life.state.wake_at or 0.0) - life.now_s))
        assert other.has(m.Dial if registered else m.Register)
        life.wait()
