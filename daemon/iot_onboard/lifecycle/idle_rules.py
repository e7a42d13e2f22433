"""Distinguish an idle time-out from a clone, and adapt the keep-alive to it.

A proxy, NAT, firewall or load balancer on the path may end connections that are idle for some time. The sessions then
end after equal idle times, and short ones look like those of two gateways that disconnect each other. After two equal
idle times the next session is a test: it sends a ping in the middle of that time. A ping restarts an idle time-out, so
the session then ends after the same idle time again; it does not delay an end after a fixed session time.

If the session ends with an unanswered ping, no test is needed: the device on the path has forgotten the connection, and
no clone has replaced it.
"""

from __future__ import annotations

from ..core import backoff
from ..core.timings import IdleTime, Now
from ..events.model import Details, Event
from ..fast_start.fast_dataclasses import replace
from . import model as m
from .state import IdleCut, State
from .waits import Transition, budgeted_at, enter

# A gateway that a clone disconnects has often been online only for a moment.
MIN_IDLE_S = 4.0
EQUAL_IDLE_TIMES = 2
# How much earlier a ping is sent, for a slow link.
_MARGIN = 0.8
# The longest wait if the keep-alive cannot help: 40 s, so that the gateway is online about half of the time.
_MAX_FAILURES = 3


def noted(known: IdleCut | None, lost: m.Lost) -> tuple[IdleCut | None, bool]:
    """Return what is known after a session, and whether an idle time-out has certainly ended it."""
    idle_time = lost.idle_time
    if known is not None and idle_time.survived_s >= known.silent_s - _tolerance_s(known.silent_s):
        known = None
    ended_idle = lost.by_server or idle_time.ping_unanswered
    if not ended_idle or idle_time.lasted_s < MIN_IDLE_S or _was_survived(idle_time):
        return known if known is not None and known.confirmed else None, False
    if known is None or abs(known.silent_s - idle_time.lasted_s) > _tolerance_s(known.silent_s):
        return IdleCut(silent_s=idle_time.lasted_s), False
    times = known.times + 1
    confirmed = known.confirmed or (idle_time.ping_unanswered if times == EQUAL_IDLE_TIMES else _outlived(idle_time))
    cut = IdleCut(silent_s=min(known.silent_s, idle_time.lasted_s), times=times, confirmed=confirmed)
    return cut, confirmed


def _was_survived(idle_time: IdleTime) -> bool:
    """Say whether the session had survived an equal idle time before: then something else has ended it."""
    return idle_time.lasted_s <= idle_time.survived_s + _tolerance_s(idle_time.survived_s)


def _tolerance_s(silent_s: float) -> float:
    return 1.0 + 0.05 * silent_s


def _outlived(idle_time: IdleTime) -> bool:
    """Say whether the ping of a test session has delayed its end."""
    return idle_time.ping_unanswered or idle_time.survived_s >= idle_time.lasted_s / 3


def first_ping_s(cut: IdleCut | None) -> float | None:
    """Return when the next session has to send its first ping, if it is a test; else `None`."""
    suspected = cut is not None and cut.times >= EQUAL_IDLE_TIMES and not cut.confirmed
    return cut.silent_s / 2 if cut is not None and suspected else None


def adapted_keepalive_s(keepalive_s: int, idle_time: IdleTime) -> int:
    """Return a keep-alive that is probably short enough: the idle time-out is known, or an upper limit of it."""
    wanted_s = keepalive_s / 2 if idle_time.ping_unanswered else idle_time.lasted_s * _MARGIN
    return min(keepalive_s, max(backoff.MIN_KEEPALIVE_S, int(wanted_s)))


def wait_after_cut(state: State, lost: m.Lost, now: Now, *, duration_ms: int) -> Transition | None:
    """Name the idle time-out and connect again soon, with a keep-alive that holds; `None` if nothing is left to try.

    If the server does not answer a ping after the shortest keep-alive, it has failed, and this is not an idle time-out.
    """
    before_s = state.keepalive_s or state.policy.keepalive_s
    keepalive_s = adapted_keepalive_s(before_s, lost.idle_time)
    holds = keepalive_s < lost.idle_time.lasted_s
    if lost.idle_time.ping_unanswered and not holds:
        return None
    shorter = f"the keep-alive is {keepalive_s} s from now on, {before_s} s before"
    too_short = f"that is less than the shortest keep-alive, {backoff.MIN_KEEPALIVE_S} s"
    end = "no answer to the ping" if lost.idle_time.ping_unanswered else "cut"
    detail = (
        f"{end} after {lost.idle_time.lasted_s:.0f} s without traffic, as before; {shorter if holds else too_short}"
    )
    failures = 1 if holds else min(state.failures, _MAX_FAILURES) + 1
    soon_s = backoff.WAITING.wait_s(failures, now.chance)
    wake_at = max(now.at + soon_s, budgeted_at(state, m.Goal.CONNECT, now.at))
    waiting = replace(
        enter(state, m.Phase.WAITING, wake_at, m.Goal.CONNECT),
        keepalive_s=keepalive_s,
        short_sessions=0,
        failures=failures,
        retry_on=frozenset({m.EarlyRetry.NETWORK, m.EarlyRetry.CONFIG}),
    )
    cure = "" if holds else "raise the time-out for idle connections in the proxy, firewall or router to 60 s"
    details = Details(detail=detail, cure=cure, attempt=failures, next_try_s=wake_at - now.at, duration_ms=duration_ms)
    return waiting, (m.Announce(event=Event.IDLE_TIMEOUT, details=details),)
