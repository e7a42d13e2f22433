"""The actions that a rule or the end of a wait starts, and the rules that apply in many states."""

from __future__ import annotations

from ..core import backoff
from ..core.exit_codes import ExitCode
from ..core.timings import Now
from ..events.model import Details, Event
from ..fast_start.fast_dataclasses import replace
from . import model as m
from .state import State
from .waits import Transition, budgeted_at, enter


def load(state: State, _: m.Input, now: Now) -> Transition:
    """Look for the stored secret."""
    return enter(state, m.Phase.BOOT, now.at + state.policy.disk_deadline_s), (m.Load(),)


def register(state: State, now: Now) -> Transition:
    """Ask the platform for a secret, if the budget of registrations has room; else wait until it has."""
    earliest = budgeted_at(state, m.Goal.REGISTER, now.at)
    if earliest > now.at:
        return _over_budget(state, earliest, m.Goal.REGISTER)
    budget = backoff.with_registration(state.budget, now.at)
    busy = enter(state, m.Phase.REGISTERING, now.at + state.policy.register_deadline_s)
    event, attempt = (Event.REREGISTERING, state.refusals) if state.durable else (Event.REGISTERING, state.failures + 1)
    announcements = m.Announce(event=event, details=Details(attempt=attempt))
    return replace(busy, budget=budget, began_at=now.at), (announcements, m.Register())


def save(state: State, now: Now) -> Transition:
    """Write the secret that is in memory."""
    if state.credentials is None:
        raise AssertionError("nothing to save")
    saving = enter(state, m.Phase.SAVING, now.at + state.policy.disk_deadline_s)
    return replace(saving, began_at=now.at), (m.Save(credentials=state.credentials),)


def connect(state: State, now: Now) -> Transition:
    """Dial if the budgets of logins and of failed dials allow it; else wait until they do."""
    earliest = budgeted_at(state, m.Goal.CONNECT, now.at)
    if earliest > now.at:
        return _over_budget(state, earliest, m.Goal.CONNECT)
    busy = enter(state, m.Phase.CONNECTING, now.at + state.policy.dial_deadline_s)
    announcements = m.Announce(event=Event.CONNECTING, details=Details(attempt=state.failures + 1))
    return replace(busy, began_at=now.at), (announcements, m.Dial())


def _over_budget(state: State, earliest_s: float, goal: m.Goal) -> Transition:
    waiting = enter(state, m.Phase.WAITING, earliest_s, goal)
    return replace(waiting, retry_on=frozenset({m.EarlyRetry.CONFIG})), ()


def wake(state: State, _: m.Input, now: Now) -> Transition:
    """Start the action that the wait was for."""
    match state.goal:
        case m.Goal.REGISTER:
            return register(state, now)
        case m.Goal.SAVE:
            return save(state, now)
        case m.Goal.CONNECT:
            return connect(state, now)
        case _:
            return load(state, _, now)


def network_changed(state: State, input_: m.NetworkChanged, now: Now) -> Transition:
    """Retry early if the network was the obstacle; forget the idle time-out of the former path."""
    state = replace(state, keepalive_s=None) if state.keepalive_s is not None else state
    return _retry_early(state, input_, now) if m.EarlyRetry.NETWORK in state.retry_on else (state, ())


def clock_set(state: State, input_: m.ClockSet, now: Now) -> Transition:
    """Retry early if the clock was the obstacle."""
    return _retry_early(state, input_, now) if m.EarlyRetry.CLOCK in state.retry_on else (state, ())


def _retry_early(state: State, input_: m.Input, now: Now) -> Transition:
    """Retry at once, or after the minimum gap between early retries; reset the back-off, because something has changed.

    Repeated changes lead to no more tries than that, and within a spent budget the retry waits. One such try is
    recorded in advance.
    """
    at = max(backoff.early_retry_s(state.early_retries, now.at), budgeted_at(state, state.goal, now.at))
    retries = (*backoff.within_window(state.early_retries, now.at), at)
    if at <= now.at:
        return wake(replace(state, failures=0, early_retries=retries), input_, now)
    if state.wake_at is not None and state.wake_at <= at:
        return state, ()
    return replace(state, wake_at=at, failures=0, early_retries=retries), ()


def mount_changed(state: State, input_: m.MountChanged, now: Now) -> Transition:
    """Read the store again if the storage was the obstacle."""
    return wake(state, input_, now) if m.EarlyRetry.MOUNTS in state.retry_on else (state, ())


def config_changed(state: State, input_: m.ConfigChanged, _: Now) -> Transition:
    """Exit, so that the service manager starts a new process; if the new configuration is invalid, keep the old one."""
    if m.EarlyRetry.CONFIG not in state.retry_on:
        return state, ()
    if input_.problems:
        announcements = tuple(
            m.Announce(event=Event.CONFIG_CHANGE_INVALID, details=Details(detail=problem))
            for problem in input_.problems
        )
        return state, announcements
    changed = m.Announce(event=Event.CONFIG_CHANGED)
    return enter(state, m.Phase.STOPPED, None), (changed, m.Exit(code=ExitCode.DONE))


def stuck(state: State, _: m.Tick, __: Now) -> Transition:
    """End, so that the service manager starts a process whose system calls do not hang.

    It does so at once after this code. After `FAILED` it would look for what keeps the service from starting, in
    growing gaps; nothing does, and the deadline of the job is pace enough.
    """
    code = ExitCode.FAILED if state.policy.register_only else ExitCode.INTERNAL
    announcements = m.Announce(event=Event.WORKER_STUCK, details=Details(detail=state.phase.value.capitalize()))
    return enter(state, m.Phase.STOPPED, None), (announcements, m.Exit(code=code))


def stop(state: State, _: m.StopRequested, __: Now) -> Transition:
    """Send DISCONNECT if online, then exit."""
    last_packet: m.Effect = m.Disconnect() if state.phase is m.Phase.ONLINE else m.Drop()
    announcements = m.Announce(event=Event.STOPPING)
    return enter(state, m.Phase.STOPPED, None), (last_packet, announcements, m.Exit(code=ExitCode.DONE))
