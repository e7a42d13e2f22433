"""How the state machine waits: for a temporary failure to end, or for a person; and the building blocks of rules."""

from __future__ import annotations

from ..core import backoff
from ..core.failures import Cause, Failure, Misconfigured, Rejected, StoreFailure, Throttled, Transient
from ..core.timings import Now
from ..events.model import Details, Event
from ..fast_start.fast_dataclasses import replace
from . import model as m
from .state import State

Transition = tuple[State, tuple[m.Effect, ...]]

# Failures that another route may end; not a throttle, a refusal or a fault of the platform.
_NETWORK_CAUSES = frozenset(
    {
        Cause.NETWORK,
        Cause.NAME_LOOKUP,
        Cause.PROXY,
        Cause.TLS,
        Cause.TLS_DATE,
        Cause.TIMEOUT,
        Cause.ANSWER,
        Cause.PROTOCOL,
    }
)


def enter(state: State, phase: m.Phase, wake_at: float | None, goal: m.Goal | None = None) -> State:
    """Return the state in another phase, due at `wake_at`, without the values of the phase before."""
    return replace(state, phase=phase, goal=goal, retry_on=frozenset(), wake_at=wake_at, logging_in=False)


# What a timed retry leaves of a budget: one try for a change of the network.
_KEPT_FOR_NEWS = 1


def budgeted_at(state: State, goal: m.Goal | None, now_s: float, reserve: int = 0) -> float:
    """Return when the budgets of CONNECTs, failed dials and registrations allow the step to a goal.

    `reserve` dials or registrations are left for other tries; of CONNECTs none are.
    """
    match goal:
        case m.Goal.CONNECT:
            failed = backoff.earliest_s(state.failed_dials, now_s, backoff.BUDGET_CONNECTS - reserve)
            return max(backoff.login_at(state.budget, now_s), failed)
        case m.Goal.REGISTER:
            return backoff.registration_at(state.budget, backoff.Via.HTTPS, now_s, reserve)
        case _:
            return now_s


def ms_since(began_at: float, now: Now) -> int:
    """Return the time since `began_at`, in milliseconds."""
    return round((now.at - began_at) * 1000)


def first(effect: m.Effect, rest: Transition) -> Transition:
    """Put an effect before those of a step."""
    state, effects = rest
    return state, (effect, *effects)


def wait(
    state: State,
    now: Now,
    goal: m.Goal,
    failure: Failure,
    event: Event,
    *,
    retry_on: set[m.EarlyRetry] | None = None,
    slow: bool = False,
    duration_ms: int | None = None,
    wait_s: float | None = None,
) -> Transition:
    """Wait and retry; a change of the network ends the wait if it was the obstacle, and so does a new configuration.

    Not if a secret is only in memory: a new process would not have it.
    """
    failures = state.failures + 1
    if wait_s is None:
        wait_s = _wait_s(failure, failures, slow, now.chance, state.policy.fleet_size)
    early = set(retry_on or ())
    if isinstance(failure, Transient) and failure.cause in _NETWORK_CAUSES and goal is not m.Goal.SAVE:
        early.add(m.EarlyRetry.NETWORK)
    if goal is not m.Goal.SAVE:
        early.add(m.EarlyRetry.CONFIG)
    wake_at = max(now.at + wait_s, budgeted_at(state, goal, now.at, _KEPT_FOR_NEWS))
    waiting = replace(enter(state, m.Phase.WAITING, wake_at, goal), failures=failures, retry_on=frozenset(early))
    attempt = state.refusals if event is Event.LOGIN_REFUSED else failures
    details = _details(failure, attempt=attempt, next_try_s=wake_at - now.at, duration_ms=duration_ms)
    return waiting, (m.Announce(event=event, details=details),)


def _wait_s(failure: Failure, failures: int, slow: bool, chance: float, fleet_size: int | None) -> float:
    if isinstance(failure, Throttled):
        spread_s = backoff.spread_s(fleet_size) if fleet_size is not None else 0.0
        if failure.retry_after_s is not None:
            # The minimum wait: if a server asks for one second again and again, the back-off counts.
            obeyed_s = backoff.obeyed_wait_s(failure.retry_after_s, chance, spread_s)
            return max(obeyed_s, backoff.WAITING.wait_s(failures, chance))
        return max(backoff.SLOW.wait_s(failures, chance), backoff.SLOW.floor_s + chance * spread_s)
    if isinstance(failure, Transient) and failure.soon:
        return backoff.SOON.wait_s(failures, chance)
    pace = backoff.SLOW if slow or (isinstance(failure, Transient) and failure.slow) else backoff.WAITING
    return pace.wait_s(failures, chance)


def block(
    state: State,
    now: Now,
    goal: m.Goal,
    failure: Failure,
    event: Event,
    *,
    retry_on: set[m.EarlyRetry] | None = None,
) -> Transition:
    """Wait for a person: stay alive, and retry about hourly; a changed configuration ends the wait."""
    failures = state.failures + 1
    wait_s = backoff.BLOCKED.wait_s(failures, now.chance)
    entered = enter(state, m.Phase.BLOCKED, now.at + wait_s, goal)
    blocked = replace(entered, failures=failures, retry_on=frozenset({m.EarlyRetry.CONFIG, *(retry_on or ())}))
    announcements = m.Announce(event=event, details=_details(failure, attempt=failures, next_try_s=wait_s))
    return blocked, (announcements,)


def _details(failure: Failure, *, attempt: int, next_try_s: float | None, duration_ms: int | None = None) -> Details:
    return Details(
        code=None if isinstance(failure, Misconfigured | StoreFailure) else failure.code,
        cause=_cause(failure),
        detail=failure.detail,
        cure=_cure(failure),
        attempt=attempt,
        next_try_s=next_try_s,
        duration_ms=duration_ms,
    )


def _cause(failure: Failure) -> str:
    """Return the most exact name of a failure: a code, a CONNACK number, or the cause."""
    match failure:
        case Transient(cause=Cause.CONNACK, code=str(code)):
            return f"connack-{code}"
        case Transient(cause=Cause.PLATFORM, code=str(code)):
            return code
        case Transient(cause=cause):
            return cause.slug
        case Rejected(code=code):
            return code.lower().replace(" ", "-")
        case Throttled(code=code):
            return code or ""
        case _:
            return ""


def _cure(failure: Failure) -> str:
    match failure:
        case Transient(cure=cure) | Rejected(cure=cure) | Misconfigured(cure=cure):
            return cure
        case _:
            return ""


def clock_is_why(failure: Failure, clock_trusted: bool) -> bool:
    """Say whether a certificate seems out of date because this gateway's clock is not set."""
    return isinstance(failure, Transient) and failure.cause is Cause.TLS_DATE and not clock_trusted
