"""The rules on the way to a durable secret: look for it, register, save. `table` says which holds where."""

from __future__ import annotations

from ..core.failures import Cause, Misconfigured, Rejected, StoreFailure, StoreFault, Throttled, Transient
from ..events.model import Details, Event
from ..fast_start.fast_dataclasses import replace
from . import model as m
from .steps import connect, register, save
from .waits import Step, block, clock_is_why, first, ms_since, wait

# A line for people: a card that went through many gateways names the first of them.
_MOST_NAMES = 3


def loaded(state: m.State, given: m.Loaded, now: m.Now) -> Step:
    """Connect with the secret that is on disk."""
    event = Event.SECRET_RECOVERED if given.recovered else Event.SECRET_FOUND
    told = m.Announce(event=event, details=Details(detail=given.damage))
    found = replace(state, credentials=given.credentials, durable=True)
    return first(told, connect(found, now))


def nothing_stored(state: m.State, given: m.NothingStored, now: m.Now) -> Step:
    """Register, unless the answer could not be kept."""
    if not given.writable:
        failure = StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=given.detail)
        return block(state, now, m.Goal.LOAD, failure, Event.STORE_NOT_WRITABLE)
    step = register(state, now)
    if given.others:
        step = first(m.Announce(event=Event.OTHER_DEVICE, details=Details(detail=_listed(given.others))), step)
    if given.damage:
        step = first(m.Announce(event=Event.SECRET_DAMAGED, details=Details(detail=given.damage)), step)
    return step


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def load_failed(state: m.State, given: m.LoadFailed, now: m.Now) -> Step:
    """Retry the read; never register, for the secret may be fine. What passes by itself is retried soon."""
    failure = given.failure
    if isinstance(failure, StoreFailure) and failure.passing:
        failure = Transient(cause=Cause.LOCAL, detail=failure.detail)
    if isinstance(failure, Transient):
        return wait(state, now, m.Goal.LOAD, failure, Event.SECRET_UNREADABLE)
    misconfigured = isinstance(failure, Misconfigured)
    event = Event.NOT_CONFIGURED if misconfigured else Event.SECRET_UNREADABLE
    return block(state, now, m.Goal.LOAD, failure, event)


def registered(state: m.State, given: m.Registered, now: m.Now) -> Step:
    """Make the newest answer durable before anything else."""
    fresh = replace(state, credentials=given.credentials, durable=False, failures=0, refusals=0, rejected=None)
    details = Details(duration_ms=ms_since(state.began_at, now), took=given.took)
    return first(m.Announce(event=Event.REGISTERED, details=details), save(fresh, now))


def register_failed(state: m.State, given: m.RegisterFailed, now: m.Now) -> Step:
    """Wait or block; where an older secret is stored go back to it, for the login may have been refused by mistake."""
    failure = given.failure
    goal = m.Goal.CONNECT if state.durable else m.Goal.REGISTER
    if isinstance(failure, Misconfigured):
        return block(replace(state, rejected=failure), now, goal, failure, Event.NOT_CONFIGURED)
    if isinstance(failure, Rejected):
        event = Event.LOGIN_BLOCKED if state.durable else Event.REGISTRATION_REFUSED
        return block(replace(state, rejected=failure), now, goal, failure, event)
    if isinstance(failure, Throttled):
        return wait(state, now, goal, failure, Event.REGISTRATION_THROTTLED)
    if clock_is_why(failure, given.clock_trusted):
        return wait(state, now, goal, failure, Event.CLOCK_WRONG, wakers={m.Waker.CLOCK})
    return wait(state, now, goal, failure, Event.REGISTRATION_FAILED, slow=state.durable)


def saved(state: m.State, _: m.Saved, now: m.Now) -> Step:
    """Connect, now that the secret is durable and read back."""
    durable = replace(state, durable=True, failures=0)
    details = Details(duration_ms=ms_since(state.began_at, now))
    return first(m.Announce(event=Event.SECRET_STORED, details=details), connect(durable, now))


def save_failed(state: m.State, given: m.SaveFailed, now: m.Now) -> Step:
    """Keep the secret in memory and retry the write; never connect."""
    return wait(state, now, m.Goal.SAVE, given.failure, Event.SAVE_FAILED)
