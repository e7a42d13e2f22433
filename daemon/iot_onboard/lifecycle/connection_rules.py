"""The rules of the connection: dial, login, refusal, online, lost. `table` says which applies in which phase."""

from __future__ import annotations

from ..core import backoff
from ..core.failures import Cause, Failure, Misconfigured, Rejected, StoreFailure, Transient
from ..core.timings import Now
from ..events.model import Details, Event
from ..fast_start.fast_dataclasses import replace
from ..fast_start.typing_names import TYPE_CHECKING
from . import model as m
from .state import State
from .steps import register, stuck
from .waits import Transition, block, budgeted_at, clock_is_why, enter, first, ms_since, wait

if TYPE_CHECKING:
    from ..aliyun.connack import Connack

REFUSALS_BEFORE_REGISTERING = 3
SHORT_SESSION_S = 60.0
SHORT_SESSIONS_OF_A_CLONE = 3
# A probe after a change of the network waits at most 10 s before it is sent, and 10 s for its answer.
CHANGE_EXPLAINS_S = 25.0
LONGEST_DIALS_S = 60.0


def dialled(state: State, input_: m.Dialled, now: Now) -> Transition:
    """Send CONNECT and count it."""
    if state.credentials is None or not state.durable:
        raise AssertionError("a dial without a durable secret")
    deadline = now.at + state.policy.connack_deadline_s
    login = m.Login(
        credentials=state.credentials,
        keepalive_s=state.keepalive_s or state.policy.keepalive_s,
        first_ping_s=state.first_ping_s,
    )
    budget = backoff.with_connect(state.budget, now.at)
    return replace(state, logging_in=True, budget=budget, wake_at=deadline, timings=input_.timings), (login,)


def dial_failed(state: State, input_: m.DialFailed, now: Now) -> Transition:
    """Count the failure, and wait for the network, or for the clock if that is the reason."""
    state = replace(state, failed_dials=(*backoff.within_window(state.failed_dials, now.at), state.began_at))
    if isinstance(input_.failure, Misconfigured):
        return block(state, now, m.Goal.CONNECT, input_.failure, Event.SECRET_FILE_INVALID)
    state = replace(state, unreachable_at=now.at)
    if clock_is_why(input_.failure, input_.clock_trusted):
        return wait(state, now, m.Goal.CONNECT, input_.failure, Event.CLOCK_NOT_SET, retry_on={m.EarlyRetry.CLOCK})
    return wait(state, now, m.Goal.CONNECT, input_.failure, Event.CONNECT_FAILED)


def accepted(state: State, _: m.Accepted, now: Now) -> Transition:
    """Go online."""
    entered = enter(state, m.Phase.ONLINE, None)
    online = replace(entered, refusals=0, rejected=None, online_since=now.at, early_retries=())
    online = replace(online, load_refusals=0, spread_until=float("-inf"))
    timings = replace(state.timings, answer_ms=ms_since(state.budget.connects[-1], now))
    details = Details(duration_ms=ms_since(state.began_at, now), timings=timings)
    return online, (m.Announce(event=Event.ONLINE, details=details), m.Report())


def refused(state: State, input_: m.Refused, now: Now) -> Transition:
    """Wait; after the third refusal in a row register once, in case an operator reset the device."""
    # Imported here: a start without failures does not need it.
    try:
        from ..aliyun.connack import ConnackMeaning, connack
    except (OSError, MemoryError):
        # No descriptor is left. The next login gets the same answer.
        detail = f"CONNACK {input_.code}, and this gateway lacks the resources to look up its meaning"
        short = Transient(cause=Cause.LOCAL, detail=detail)
        return first(m.Drop(), wait(state, now, m.Goal.CONNECT, short, Event.CONNECT_FAILED))
    answer, code = connack(input_.code), str(input_.code)
    if answer.asks_for is not ConnackMeaning.SECRET_REFUSED:
        slow = answer.asks_for is ConnackMeaning.SLOW_RETRY
        detail = f"CONNACK {code}: {answer.advice.meaning}"
        failure = Transient(cause=Cause.CONNACK, detail=detail, code=code, slow=slow, cure=answer.advice.cure)
        spread_s = None
        if answer.asks_for is ConnackMeaning.UNAVAILABLE and state.policy.fleet_size is not None:
            state, spread_s = _spread(state, state.policy.fleet_size, now)
        step = wait(state, now, m.Goal.CONNECT, failure, Event.CONNECT_FAILED, wait_s=spread_s)
        return first(m.Drop(), step)
    state = replace(state, refusals=state.refusals + 1)
    return first(m.Drop(), _after_refusal(state, code, answer, now))


def _spread(state: State, fleet_size: int, now: Now) -> tuple[State, float]:
    """Return how long to wait so that the whole fleet comes back over the time that the account's limit asks for.

    The spread begins when the platform can be reached again: after our last try without a connection, or now. All
    refusals until its end wait for a random part of the rest. A gateway that is refused at its end uses the normal
    back-off; if that lasts for minutes, the account is still overloaded, and a new spread begins.
    """
    refusals, until = state.load_refusals + 1, state.spread_until
    if now.at - until > backoff.WAITING.cap_s:
        refusals = 1
        # The longest wait, and the dials before and after it.
        was_away = now.at - state.unreachable_at <= backoff.WAITING.cap_s + LONGEST_DIALS_S
        began_at = state.unreachable_at if was_away else now.at
        until = began_at + backoff.spread_s(fleet_size)
    wait_s = backoff.spread_wait_s(until - now.at, refusals, now.chance)
    return replace(state, load_refusals=refusals, spread_until=until), wait_s


def _after_refusal(state: State, code: str, answer: Connack, now: Now) -> Transition:
    detail = answer.advice.meaning
    again = state.refusals >= REFUSALS_BEFORE_REGISTERING
    if again and not state.policy.can_register:
        cure = "write the device's current secret, as the console shows it, into the device secret file"
        failure: Failure = Rejected(code=f"CONNACK {code}", detail=detail, cure=cure)
        return block(state, now, m.Goal.LOAD, failure, Event.LOGIN_BLOCKED)
    if again and now.at >= state.budget.reregister_at:
        return register(replace(state, budget=backoff.with_reregistration(state.budget, now.at)), now)
    if again and state.rejected is not None:
        event = Event.STORE_VOLATILE if isinstance(state.rejected, StoreFailure) else Event.LOGIN_BLOCKED
        return block(state, now, m.Goal.CONNECT, state.rejected, event)
    failure = Transient(cause=Cause.CONNACK, detail=detail, code=code, slow=again, cure=answer.advice.cure)
    return wait(state, now, m.Goal.CONNECT, failure, Event.LOGIN_REFUSED)


def connack_overdue_or_stuck(state: State, _: m.Tick, now: Now) -> Transition:
    """Give up a server that does not answer; a dial that exceeds its own time limits hangs in a system call."""
    if not state.logging_in:
        return stuck(state, _, now)
    limit_s = state.policy.connack_deadline_s
    failure = Transient(cause=Cause.TIMEOUT, detail=f"the server did not answer the login within {limit_s:.0f} s")
    return first(m.Drop(), wait(state, now, m.Goal.CONNECT, failure, Event.CONNECT_FAILED))


def lost_before_online(state: State, input_: m.Lost, now: Now) -> Transition:
    """Wait: the connection ended before the server answered the login."""
    failure = Transient(cause=_cause_of(input_), detail=input_.detail)
    # A device on the path may have closed it: over another route the connection may work.
    step = wait(state, now, m.Goal.CONNECT, failure, Event.CONNECT_FAILED, retry_on={m.EarlyRetry.NETWORK})
    return first(m.Drop(), step)


def _cause_of(input_: m.Lost) -> Cause:
    if input_.violation:
        return Cause.PROTOCOL
    return Cause.CLOSED_BY_SERVER if input_.by_server else Cause.NETWORK


def network_changed_online(state: State, _: m.NetworkChanged, now: Now) -> Transition:
    """Ask whether the connection still stands: with an old address, or behind another router, it may be gone.

    From the next login on the configured keep-alive is used again, because the new path may have no idle time-out.
    """
    return replace(state, network_changed_at=now.at, keepalive_s=None), (m.Probe(),)


def lost(state: State, input_: m.Lost, now: Now) -> Transition:
    """Wait; a third short session in a row that the server ended points to a clone, unless something else explains it.

    Other reasons are an unanswered message and an idle time-out on the path. The back-off starts over after a session
    of 60 s, or if a change of the network explains the loss: then there is a new network to try.
    """
    session_s = now.at - state.online_since
    failure = Transient(cause=_cause_of(input_), detail=input_.detail)
    lasted_ms = round(session_s * 1000)
    explained = not input_.by_server and now.at - state.network_changed_at <= CHANGE_EXPLAINS_S
    is_long = session_s >= SHORT_SESSION_S
    if is_long:
        budget = replace(state.budget, reregister_gap_s=backoff.REREGISTER_FIRST_S)
        state = replace(state, failures=0, short_sessions=0, budget=budget)
    state, after_cut = (
        _idle_cut(state, input_, now, lasted_ms) if not (explained or input_.unanswered) else (state, None)
    )
    if after_cut is not None:
        return first(m.Drop(), after_cut)
    short = 0 if is_long else _short_sessions(state, input_)
    state = replace(state, short_sessions=short, failures=0 if explained else state.failures)
    if short < SHORT_SESSIONS_OF_A_CLONE or input_.unanswered:
        step = wait(state, now, m.Goal.CONNECT, failure, Event.CONNECTION_LOST, duration_ms=lasted_ms)
        return first(m.Drop(), step)
    wait_s = backoff.HOLD_OFF.wait_s(short - SHORT_SESSIONS_OF_A_CLONE + 1, now.chance)
    wake_at = max(now.at + wait_s, budgeted_at(state, m.Goal.CONNECT, now.at))
    entered = enter(state, m.Phase.WAITING, wake_at, m.Goal.CONNECT)
    # The fix is a unique device name, and that ends the hold-off. A change of the network does not.
    waiting = replace(entered, failures=state.failures + 1, retry_on=frozenset({m.EarlyRetry.CONFIG}))
    details = Details(attempt=short, next_try_s=wake_at - now.at, detail=input_.detail, duration_ms=lasted_ms)
    return waiting, (m.Drop(), m.Announce(event=Event.IDENTITY_SHARED, details=details))


def _short_sessions(state: State, input_: m.Lost) -> int:
    if input_.unanswered:
        # This session does not show whether another device uses the identity.
        return state.short_sessions
    return state.short_sessions + 1 if input_.by_server and not input_.violation else 0


def _idle_cut(state: State, input_: m.Lost, now: Now, lasted_ms: int) -> tuple[State, Transition | None]:
    """Record the idle time at the end of the session; also return the wait if an idle time-out has ended it."""
    if input_.violation:
        return state, None
    try:
        # Imported here: a start without failures does not need it.
        from . import idle_rules
    except Exception:
        # No descriptor is left, or the file is damaged: this session is ignored.
        return state, None
    known, is_cut = idle_rules.noted(state.idle_cut, input_)
    state = replace(state, idle_cut=known, first_ping_s=idle_rules.first_ping_s(known))
    return state, idle_rules.wait_after_cut(state, input_, now, duration_ms=lasted_ms) if is_cut else None
