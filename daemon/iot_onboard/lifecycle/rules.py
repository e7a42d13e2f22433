"""The rules of the state machine, one function each; `table` says which holds where."""

from __future__ import annotations

from dataclasses import replace

from .. import pacing
from ..aliyun.login import ConnackMeaning, connack_meaning
from ..errors import Cause, Failure, Misconfigured, Rejected, StoreFailure, StoreFault, Throttled, Transient
from ..events import Details, Event
from . import model as m

Step = tuple[m.State, tuple[m.Effect, ...]]

# What a new route or address may have mended; not a throttle, a refusal or a fault of the platform.
_NETWORK_CAUSES = frozenset(
    {Cause.NETWORK, Cause.NAME_LOOKUP, Cause.PROXY, Cause.TLS, Cause.TLS_DATE, Cause.TIMEOUT, Cause.ANSWER}
)
REFUSALS_BEFORE_REGISTERING = 3
SHORT_SESSION_S = 60.0
SHORT_SESSIONS_OF_A_CLONE = 3


def load(state: m.State, _: m.Input, now: m.Now) -> Step:
    """Look for the stored secret."""
    return _enter(state, m.Phase.BOOT, now.at + state.policy.disk_deadline_s), (m.Load(),)


def loaded(state: m.State, given: m.Loaded, now: m.Now) -> Step:
    """Connect with the secret that is on disk."""
    event = Event.SECRET_RECOVERED if given.recovered else Event.SECRET_FOUND
    told = m.Announce(event=event, details=Details(detail=given.damage))
    found = replace(state, credentials=given.credentials, durable=True)
    return _first(told, connect(found, now))


def nothing_stored(state: m.State, given: m.NothingStored, now: m.Now) -> Step:
    """Register, unless the answer could not be kept."""
    if not given.writable:
        failure = StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=given.detail)
        return _block(state, now, m.Goal.LOAD, failure, Event.STORE_NOT_WRITABLE)
    if not given.damage:
        return register(state, now)
    told = m.Announce(event=Event.SECRET_DAMAGED, details=Details(detail=given.damage))
    return _first(told, register(state, now))


def load_failed(state: m.State, given: m.LoadFailed, now: m.Now) -> Step:
    """Retry the read; never register, for the secret may be fine."""
    misconfigured = isinstance(given.failure, Misconfigured)
    event = Event.NOT_CONFIGURED if misconfigured else Event.SECRET_UNREADABLE
    return _block(state, now, m.Goal.LOAD, given.failure, event)


def registered(state: m.State, given: m.Registered, now: m.Now) -> Step:
    """Make the newest answer durable before anything else."""
    fresh = replace(state, credentials=given.credentials, durable=False, failures=0, refusals=0, rejected=None)
    return _first(m.Announce(event=Event.REGISTERED), save(fresh, now))


def register_failed(state: m.State, given: m.RegisterFailed, now: m.Now) -> Step:
    """Wait or block; where an older secret is stored go back to it, for the login may have been refused by mistake."""
    failure = given.failure
    goal = m.Goal.CONNECT if state.durable else m.Goal.REGISTER
    if isinstance(failure, Misconfigured):
        return _block(replace(state, rejected=failure), now, goal, failure, Event.NOT_CONFIGURED)
    if isinstance(failure, Rejected):
        event = Event.LOGIN_BLOCKED if state.durable else Event.REGISTRATION_REFUSED
        return _block(replace(state, rejected=failure), now, goal, failure, event)
    if isinstance(failure, Throttled):
        return _wait(state, now, goal, failure, Event.REGISTRATION_THROTTLED)
    if _clock_is_why(failure, given.clock_trusted):
        return _wait(state, now, goal, failure, Event.CLOCK_WRONG, wakers={m.Waker.CLOCK})
    return _wait(state, now, goal, failure, Event.REGISTRATION_FAILED, slow=state.durable)


def saved(state: m.State, _: m.Saved, now: m.Now) -> Step:
    """Connect, now that the secret is durable and read back."""
    durable = replace(state, durable=True, failures=0)
    return _first(m.Announce(event=Event.SECRET_STORED), connect(durable, now))


def save_failed(state: m.State, given: m.SaveFailed, now: m.Now) -> Step:
    """Keep the secret in memory and retry the write; never connect."""
    return _wait(state, now, m.Goal.SAVE, given.failure, Event.SAVE_FAILED)


def dialled(state: m.State, _: m.Dialled, now: m.Now) -> Step:
    """Send CONNECT and count it."""
    if state.credentials is None or not state.durable:
        raise AssertionError("a dial without a durable secret")
    connects = (*pacing.within_window(state.connects, now.at), now.at)
    deadline = now.at + state.policy.connack_deadline_s
    login = m.Login(credentials=state.credentials, connects=connects)
    return replace(state, logging_in=True, connects=connects, wake_at=deadline), (login,)


def dial_failed(state: m.State, given: m.DialFailed, now: m.Now) -> Step:
    """Wait for the network, or for the clock where that is why."""
    if isinstance(given.failure, Misconfigured):
        return _block(state, now, m.Goal.CONNECT, given.failure, Event.NOT_CONFIGURED)
    if _clock_is_why(given.failure, given.clock_trusted):
        return _wait(state, now, m.Goal.CONNECT, given.failure, Event.CLOCK_WRONG, wakers={m.Waker.CLOCK})
    return _wait(state, now, m.Goal.CONNECT, given.failure, Event.CONNECT_FAILED)


def accepted(state: m.State, _: m.Accepted, now: m.Now) -> Step:
    """Be online."""
    online = replace(_enter(state, m.Phase.ONLINE, None), refusals=0, rejected=None, online_since=now.at)
    took_ms = round((now.at - state.dialled_at) * 1000)
    return online, (m.Announce(event=Event.ONLINE, details=Details(duration_ms=took_ms)), m.Report())


def refused(state: m.State, given: m.Refused, now: m.Now) -> Step:
    """Wait; on the third refusal running register once, in case an operator reset the device."""
    meaning, detail = connack_meaning(given.code)
    code = str(given.code)
    if meaning is not ConnackMeaning.SECRET_REFUSED:
        slow = meaning is ConnackMeaning.UNHAPPY
        failure = Transient(cause=Cause.CONNACK, detail=f"CONNACK {code}: {detail}", code=code, slow=slow)
        return _first(m.Drop(), _wait(state, now, m.Goal.CONNECT, failure, Event.CONNECT_FAILED))
    state = replace(state, refusals=state.refusals + 1)
    return _first(m.Drop(), _after_refusal(state, code, detail, now))


def _after_refusal(state: m.State, code: str, detail: str, now: m.Now) -> Step:
    again = state.refusals >= REFUSALS_BEFORE_REGISTERING
    if again and not state.policy.can_register:
        cure = "put the device's present secret, as the console shows it, into the device secret file"
        failure: Failure = Rejected(code=f"CONNACK {code}", detail=detail, cure=cure)
        return _block(state, now, m.Goal.LOAD, failure, Event.LOGIN_BLOCKED)
    if again and now.at >= state.reregister_at:
        gap_s = state.reregister_gap_s
        gated = replace(
            state,
            reregister_at=now.at + gap_s,
            reregister_gap_s=min(gap_s * 2, pacing.REREGISTER_CAP_S),
        )
        return register(gated, now)
    if again and state.rejected is not None:
        return _block(state, now, m.Goal.CONNECT, state.rejected, Event.LOGIN_BLOCKED)
    failure = Transient(cause=Cause.CONNACK, detail=detail, code=code, slow=again)
    return _wait(state, now, m.Goal.CONNECT, failure, Event.LOGIN_REFUSED)


def connack_overdue_or_stuck(state: m.State, _: m.Tick, now: m.Now) -> Step:
    """Give a mute server up; a dial that outlives its own limits hangs in a system call."""
    if not state.logging_in:
        return stuck(state, _, now)
    limit_s = state.policy.connack_deadline_s
    failure = Transient(cause=Cause.TIMEOUT, detail=f"the server did not answer the login within {limit_s:.0f} s")
    return _first(m.Drop(), _wait(state, now, m.Goal.CONNECT, failure, Event.CONNECT_FAILED))


def lost_before_online(state: m.State, given: m.Lost, now: m.Now) -> Step:
    """Wait: the connection ended before the server answered the login."""
    cause = Cause.CLOSED_BY_SERVER if given.by_server else Cause.NETWORK
    failure = Transient(cause=cause, detail=given.detail)
    return _first(m.Drop(), _wait(state, now, m.Goal.CONNECT, failure, Event.CONNECT_FAILED))


def lost(state: m.State, given: m.Lost, now: m.Now) -> Step:
    """Wait; back-off starts over only after a session of 60 s, and a third short one in a row points to a clone."""
    session_s = now.at - state.online_since
    cause = Cause.CLOSED_BY_SERVER if given.by_server else Cause.NETWORK
    failure = Transient(cause=cause, detail=given.detail)
    lasted_ms = round(session_s * 1000)
    if session_s >= SHORT_SESSION_S:
        rested = replace(state, failures=0, short_sessions=0, reregister_gap_s=pacing.REREGISTER_FIRST_S)
        step = _wait(rested, now, m.Goal.CONNECT, failure, Event.CONNECTION_LOST, duration_ms=lasted_ms)
        return _first(m.Drop(), step)
    short = state.short_sessions + 1 if given.by_server else 0
    state = replace(state, short_sessions=short)
    if short < SHORT_SESSIONS_OF_A_CLONE:
        step = _wait(state, now, m.Goal.CONNECT, failure, Event.CONNECTION_LOST, duration_ms=lasted_ms)
        return _first(m.Drop(), step)
    wait_s = pacing.HOLD_OFF.wait_s(short - SHORT_SESSIONS_OF_A_CLONE + 1, now.chance)
    waiting = replace(_enter(state, m.Phase.WAITING, now.at + wait_s, m.Goal.CONNECT), failures=state.failures + 1)
    details = Details(attempt=short, next_try_s=wait_s, detail=given.detail, duration_ms=lasted_ms)
    return waiting, (m.Drop(), m.Announce(event=Event.IDENTITY_SHARED, details=details))


def wake(state: m.State, _: m.Input, now: m.Now) -> Step:
    """Take the step that the wait was for."""
    match state.goal:
        case m.Goal.REGISTER:
            return register(state, now)
        case m.Goal.SAVE:
            return save(state, now)
        case m.Goal.CONNECT:
            return connect(state, now)
        case _:
            return load(state, _, now)


def network_changed(state: m.State, given: m.NetworkChanged, now: m.Now) -> Step:
    """Retry at once where the network was in the way."""
    return wake(state, given, now) if m.Waker.NETWORK in state.wakers else (state, ())


def clock_set(state: m.State, given: m.ClockSet, now: m.Now) -> Step:
    """Retry at once where the clock was in the way."""
    return wake(state, given, now) if m.Waker.CLOCK in state.wakers else (state, ())


def stuck(state: m.State, _: m.Tick, __: m.Now) -> Step:
    """End, so that the service manager starts a process whose system calls do not hang."""
    told = m.Announce(event=Event.WORKER_STUCK, details=Details(detail=state.phase.value.capitalize()))
    return _enter(state, m.Phase.STOPPED, None), (told, m.Exit(code=1))


def stop(state: m.State, _: m.StopRequested, __: m.Now) -> Step:
    """Say goodbye where anyone listens, and end."""
    goodbye: m.Effect = m.Disconnect() if state.phase is m.Phase.ONLINE else m.Drop()
    told = m.Announce(event=Event.STOPPING)
    return _enter(state, m.Phase.STOPPED, None), (goodbye, told, m.Exit(code=0))


def register(state: m.State, now: m.Now) -> Step:
    """Ask the platform for a secret, within the same budget as logins."""
    earliest = pacing.earliest_s(state.registrations, now.at)
    if earliest > now.at:
        return _enter(state, m.Phase.WAITING, earliest, m.Goal.REGISTER), ()
    registrations = (*pacing.within_window(state.registrations, now.at), now.at)
    busy = _enter(state, m.Phase.REGISTERING, now.at + state.policy.register_deadline_s)
    event, attempt = (Event.REREGISTERING, state.refusals) if state.durable else (Event.REGISTERING, state.failures + 1)
    told = m.Announce(event=event, details=Details(attempt=attempt))
    return replace(busy, registrations=registrations), (told, m.Register())


def save(state: m.State, now: m.Now) -> Step:
    """Write the secret that is in memory."""
    if state.credentials is None:
        raise AssertionError("nothing to save")
    saving = _enter(state, m.Phase.SAVING, now.at + state.policy.disk_deadline_s)
    return saving, (m.Save(credentials=state.credentials),)


def connect(state: m.State, now: m.Now) -> Step:
    """Dial, if the connect budget has room; else wait until it has."""
    earliest = pacing.earliest_s(state.connects, now.at)
    if earliest > now.at:
        return _enter(state, m.Phase.WAITING, earliest, m.Goal.CONNECT), ()
    busy = _enter(state, m.Phase.CONNECTING, now.at + state.policy.dial_deadline_s)
    told = m.Announce(event=Event.CONNECTING, details=Details(attempt=state.failures + 1))
    return replace(busy, dialled_at=now.at), (told, m.Dial())


def _enter(state: m.State, phase: m.Phase, wake_at: float | None, goal: m.Goal | None = None) -> m.State:
    return replace(state, phase=phase, goal=goal, wakers=frozenset(), wake_at=wake_at, logging_in=False)


def _first(effect: m.Effect, rest: Step) -> Step:
    state, effects = rest
    return state, (effect, *effects)


def _wait(
    state: m.State,
    now: m.Now,
    goal: m.Goal,
    failure: Failure,
    event: Event,
    *,
    wakers: set[m.Waker] | None = None,
    slow: bool = False,
    duration_ms: int | None = None,
) -> Step:
    failures = state.failures + 1
    wait_s = _wait_s(failure, failures, slow, now.chance)
    early = set(wakers or ())
    if isinstance(failure, Transient) and failure.cause in _NETWORK_CAUSES and goal is not m.Goal.SAVE:
        early.add(m.Waker.NETWORK)
    wake_at = now.at + wait_s
    if goal is m.Goal.CONNECT:
        wake_at = max(wake_at, pacing.earliest_s(state.connects, now.at))
    waiting = replace(_enter(state, m.Phase.WAITING, wake_at, goal), failures=failures, wakers=frozenset(early))
    attempt = state.refusals if event is Event.LOGIN_REFUSED else failures
    details = _details(failure, attempt=attempt, next_try_s=wake_at - now.at, duration_ms=duration_ms)
    return waiting, (m.Announce(event=event, details=details),)


def _wait_s(failure: Failure, failures: int, slow: bool, chance: float) -> float:
    if isinstance(failure, Throttled):
        if failure.retry_after_s is not None:
            return pacing.obeyed_wait_s(failure.retry_after_s, chance)
        return pacing.SLOW.wait_s(failures, chance)
    pace = pacing.SLOW if slow or (isinstance(failure, Transient) and failure.slow) else pacing.WAITING
    return pace.wait_s(failures, chance)


def _block(state: m.State, now: m.Now, goal: m.Goal, failure: Failure, event: Event) -> Step:
    failures = state.failures + 1
    wait_s = pacing.BLOCKED.wait_s(failures, now.chance)
    blocked = replace(_enter(state, m.Phase.BLOCKED, now.at + wait_s, goal), failures=failures)
    told = m.Announce(event=event, details=_details(failure, attempt=failures, next_try_s=wait_s))
    return blocked, (told,)


def _details(failure: Failure, *, attempt: int, next_try_s: float | None, duration_ms: int | None = None) -> Details:
    code = None if isinstance(failure, Misconfigured | StoreFailure) else failure.code
    cure = failure.cure if isinstance(failure, Rejected | Misconfigured) else ""
    return Details(
        code=code,
        detail=failure.detail,
        cure=cure,
        attempt=attempt,
        next_try_s=next_try_s,
        duration_ms=duration_ms,
    )


def _clock_is_why(failure: Failure, clock_trusted: bool) -> bool:
    return isinstance(failure, Transient) and failure.cause is Cause.TLS_DATE and not clock_trusted
