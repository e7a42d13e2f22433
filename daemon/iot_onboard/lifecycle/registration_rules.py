"""The rules on the way to a durable secret: look for it, register, save. `table` says which holds where."""

from __future__ import annotations

from ..core.failures import Cause, Misconfigured, Rejected, StoreFailure, StoreFault, Throttled, Transient
from ..events.model import Details, Event
from ..fast_start.fast_dataclasses import replace
from . import model as m
from .steps import connect, load, register, save
from .waits import Step, block, clock_is_why, first, ms_since, wait

# A line for people: a card that went through many gateways names the first of them.
_MOST_NAMES = 3
# The device has logged in before, and gets no further secret.
_ACTIVATED = "6289"


def loaded(state: m.State, given: m.Loaded, now: m.Now) -> Step:
    """Connect with the secret that is on disk."""
    event = Event.SECRET_RECOVERED if given.recovered else Event.SECRET_FOUND
    told = m.Announce(event=event, details=Details(detail=given.damage))
    found = replace(state, credentials=given.credentials, durable=True)
    return first(told, connect(found, now))


def nothing_stored(state: m.State, given: m.NothingStored, now: m.Now) -> Step:
    """Register, unless the answer could not be kept: not written, or not until after the next boot."""
    state = replace(state, volatile=given.volatile, directory=given.directory, mount=given.mount)
    # A data partition may come late, or be mounted again with a right to write.
    wakers = {m.Waker.MOUNTS} if given.mount else set()
    if not given.writable:
        failure = StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=given.detail)
        return block(state, now, m.Goal.LOAD, failure, Event.STORE_NOT_WRITABLE, wakers=wakers)
    if given.volatile and not state.policy.allow_volatile:
        failure = StoreFailure(fault=StoreFault.VOLATILE, detail=given.volatile)
        return block(state, now, m.Goal.LOAD, failure, Event.STORE_VOLATILE, wakers=wakers)
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
    if isinstance(failure, StoreFailure) and failure.fault is StoreFault.VOLATILE:
        # Found by the last look before the request. Another mount covers the directory now: what would end that is
        # known after a look at the store. Or a stored secret is refused, whose successor would not last.
        if not state.durable:
            return load(state, given, now)
        return block(replace(state, rejected=failure), now, goal, failure, Event.STORE_VOLATILE)
    if isinstance(failure, Rejected):
        failure = _explained(failure, state.volatile)
        event = Event.LOGIN_BLOCKED if state.durable else Event.REGISTRATION_REFUSED
        return block(replace(state, rejected=failure), now, goal, failure, event)
    if isinstance(failure, Throttled):
        return wait(state, now, goal, failure, Event.REGISTRATION_THROTTLED)
    if clock_is_why(failure, given.clock_trusted):
        return wait(state, now, goal, failure, Event.CLOCK_WRONG, wakers={m.Waker.CLOCK})
    return wait(state, now, goal, failure, Event.REGISTRATION_FAILED, slow=state.durable)


def _explained(failure: Rejected, volatile: str) -> Rejected:
    """Name the likely reason for a secret that is gone, where the directory could not keep it."""
    if failure.code != _ACTIVATED or not volatile:
        return failure
    detail = f"{failure.detail}; the state directory cannot have kept it over a boot: it is on {volatile}"
    cure = f"set state_dir to a directory on a disk or SD card first; then {failure.cure}"
    return Rejected(code=failure.code, detail=detail, cure=cure)


def saved(state: m.State, _: m.Saved, now: m.Now) -> Step:
    """Connect, now that the secret is durable and read back."""
    durable = replace(state, durable=True, failures=0)
    details = Details(duration_ms=ms_since(state.began_at, now))
    return first(m.Announce(event=Event.SECRET_STORED, details=details), connect(durable, now))


def save_failed(state: m.State, given: m.SaveFailed, now: m.Now) -> Step:
    """Keep the secret in memory and retry the write; never connect."""
    return wait(state, now, m.Goal.SAVE, given.failure, Event.SAVE_FAILED)
