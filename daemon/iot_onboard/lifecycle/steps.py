"""The actions that a rule or the end of a wait starts, and the rules that apply in many states."""

from __future__ import annotations

from ..core import backoff
from ..core.exit_codes import ExitCode
from ..events.model import Details, Event
from ..fast_start.fast_dataclasses import replace
from . import model as m
from .waits import Transition, earliest_dial_s, enter


def load(state: m.State, _: m.Input, now: m.Now) -> Transition:
    """Look for the stored secret."""
    return enter(state, m.Phase.BOOT, now.at + state.policy.disk_deadline_s), (m.Load(),)


def register(state: m.State, now: m.Now) -> Transition:
    """Ask the platform for a secret, within the same budget as logins."""
    earliest = backoff.earliest_s(state.registrations, now.at)
    if earliest > now.at:
        return _over_budget(state, earliest, m.Goal.REGISTER)
    registrations = (*backoff.within_window(state.registrations, now.at), now.at)
    busy = enter(state, m.Phase.REGISTERING, now.at + state.policy.register_deadline_s)
    event, attempt = (Event.REREGISTERING, state.refusals) if state.durable else (Event.REGISTERING, state.failures + 1)
    announcements = m.Announce(event=event, details=Details(attempt=attempt))
    return replace(busy, registrations=registrations, began_at=now.at), (announcements, m.Register())


def save(state: m.State, now: m.Now) -> Transition:
    """Write the secret that is in memory."""
    if state.credentials is None:
        raise AssertionError("nothing to save")
    saving = enter(state, m.Phase.SAVING, now.at + state.policy.disk_deadline_s)
    return replace(saving, began_at=now.at), (m.Save(credentials=state.credentials),)


def connect(state: m.State, now: m.Now) -> Transition:
    """Dial if the budgets of logins and of failed dials allow it; else wait until they do."""
    earliest = earliest_dial_s(state, now.at)
    if earliest > now.at:
        return _over_budget(state, earliest, m.Goal.CONNECT)
    busy = enter(state, m.Phase.CONNECTING, now.at + state.policy.dial_deadline_s)
    announcements = m.Announce(event=Event.CONNECTING, details=Details(attempt=state.failures + 1))
    return replace(busy, began_at=now.at), (announcements, m.Dial())


def _over_budget(state: m.State, earliest_s: float, goal: m.Goal) -> Transition:
    waiting = enter(state, m.Phase.WAITING, earliest_s, goal)
    return replace(waiting, retry_on=frozenset({m.EarlyRetry.CONFIG})), ()


def wake(state: m.State, _: m.Input, now: m.Now) -> Transition:
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


def network_changed(state: m.State, input_: m.NetworkChanged, now: m.Now) -> Transition:
    """Retry early if the network was the obstacle; forget the idle time-out of the former path."""
    state = replace(state, keepalive_s=None) if state.keepalive_s is not None else state
    return _retry_early(state, input_, now) if m.EarlyRetry.NETWORK in state.retry_on else (state, ())


def clock_set(state: m.State, input_: m.ClockSet, now: m.Now) -> Transition:
    """Retry early if the clock was the obstacle."""
    return _retry_early(state, input_, now) if m.EarlyRetry.CLOCK in state.retry_on else (state, ())


def _retry_early(state: m.State, input_: m.Input, now: m.Now) -> Transition:
    """Retry at once, or after the minimum gap between early retries; reset the back-off, because something has changed.

    Repeated changes lead to no more tries than that, and within a spent budget the retry waits. One such try is
    recorded in advance.
    """
    at = max(backoff.early_retry_s(state.early_retries, now.at), _budgeted_at(state, now.at))
    retries = (*backoff.within_window(state.early_retries, now.at), at)
    if at <= now.at:
        return wake(replace(state, failures=0, early_retries=retries), input_, now)
    if state.wake_at is not None and state.wake_at <= at:
        return state, ()
    return replace(state, wake_at=at, failures=0, early_retries=retries), ()


def _budgeted_at(state: m.State, now_s: float) -> float:
    if state.goal is m.Goal.CONNECT:
        return earliest_dial_s(state, now_s)
    return backoff.earliest_s(state.registrations, now_s) if state.goal is m.Goal.REGISTER else now_s


def mount_changed(state: m.State, input_: m.MountChanged, now: m.Now) -> Transition:
    """Read the store again if the storage was the obstacle."""
    return wake(state, input_, now) if m.EarlyRetry.MOUNTS in state.retry_on else (state, ())


def config_changed(state: m.State, input_: m.ConfigChanged, _: m.Now) -> Transition:
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


def stuck(state: m.State, _: m.Tick, __: m.Now) -> Transition:
    """Exit, so that the service manager starts a process without a hanging system call."""
    announcements = m.Announce(event=Event.WORKER_STUCK, details=Details(detail=state.phase.value.capitalize()))
    return enter(state, m.Phase.STOPPED, None), (announcements, m.Exit(code=ExitCode.FAILED))


def stop(state: m.State, _: m.StopRequested, __: m.Now) -> Transition:
    """Send DISCONNECT if online, then exit."""
    last_packet: m.Effect = m.Disconnect() if state.phase is m.Phase.ONLINE else m.Drop()
    announcements = m.Announce(event=Event.STOPPING)
    return enter(state, m.Phase.STOPPED, None), (last_packet, announcements, m.Exit(code=ExitCode.DONE))
