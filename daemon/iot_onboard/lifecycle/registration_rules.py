"""The rules for getting a durable secret: load, register, save. `table` says which applies in which phase."""

from __future__ import annotations

from ..core.failures import Cause, Misconfigured, Rejected, StoreFailure, StoreFault, Throttled, Transient
from ..core.timings import Now
from ..events.model import Details, Event
from ..fast_start.fast_dataclasses import replace
from . import model as m
from .state import State
from .steps import connect, load, register, save
from .waits import Transition, block, clock_is_why, first, ms_since, wait

# The line stays short: if a card was in many gateways, only the first ones are named.
_MAX_NAMES = 3
# The device has logged in before, so the platform gives it no new secret.
_ACTIVATED = "6289"


def loaded(state: State, input_: m.Loaded, now: Now) -> Transition:
    """Connect with the secret that is on disk."""
    event = Event.SECRET_RECOVERED if input_.recovered else Event.SECRET_FOUND
    announcements = m.Announce(event=event, details=Details(detail=input_.damage))
    found = replace(state, credentials=input_.credentials, durable=True)
    return first(announcements, connect(found, now))


def nothing_stored(state: State, input_: m.NothingStored, now: Now) -> Transition:
    """Register, unless the secret could not be stored, or would not survive a reboot."""
    state = replace(state, storage=input_.storage)
    # A data partition may be mounted late, or become writable later.
    retry_on = {m.EarlyRetry.MOUNTS} if input_.storage.mount else set()
    if not input_.writable:
        failure = StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=input_.detail)
        return block(state, now, m.Goal.LOAD, failure, Event.STORE_NOT_WRITABLE, retry_on=retry_on)
    if (volatile := input_.storage.volatile) and not state.policy.allow_volatile:
        failure = StoreFailure(fault=StoreFault.VOLATILE, detail=volatile)
        return block(state, now, m.Goal.LOAD, failure, Event.STORE_VOLATILE, retry_on=retry_on)
    step = register(state, now)
    if input_.others:
        step = first(m.Announce(event=Event.OTHER_DEVICE, details=Details(detail=_listed(input_.others))), step)
    if input_.damage:
        step = first(m.Announce(event=Event.SECRET_DAMAGED, details=Details(detail=input_.damage)), step)
    return step


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _MAX_NAMES
    return ", ".join(names[:_MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def load_failed(state: State, input_: m.LoadFailed, now: Now) -> Transition:
    """Retry the read; never register, because the secret may be fine. After a temporary error retry soon."""
    failure = input_.failure
    if isinstance(failure, StoreFailure) and failure.temporary:
        failure = Transient(cause=Cause.LOCAL, detail=failure.detail)
    if isinstance(failure, Transient):
        return wait(state, now, m.Goal.LOAD, failure, Event.SECRET_UNREADABLE)
    misconfigured = isinstance(failure, Misconfigured)
    event = Event.SECRET_FILE_INVALID if misconfigured else Event.SECRET_UNREADABLE
    return block(state, now, m.Goal.LOAD, failure, event)


def registered(state: State, input_: m.Registered, now: Now) -> Transition:
    """Make the newest answer durable before anything else."""
    fresh = replace(state, credentials=input_.credentials, durable=False, failures=0, refusals=0, rejected=None)
    details = Details(duration_ms=ms_since(state.began_at, now), timings=input_.timings)
    return first(m.Announce(event=Event.REGISTERED, details=details), save(fresh, now))


def register_failed(state: State, input_: m.RegisterFailed, now: Now) -> Transition:
    """Wait or block; if an older secret is stored, use it again: its login may have been refused by mistake."""
    failure = input_.failure
    goal = m.Goal.CONNECT if state.durable else m.Goal.REGISTER
    if isinstance(failure, Misconfigured):
        return block(replace(state, rejected=failure), now, goal, failure, Event.SECRET_FILE_INVALID)
    if isinstance(failure, StoreFailure) and failure.fault is StoreFault.VOLATILE:
        # Found by the last look before the request. Another mount covers the directory now: what would end that is
        # known after a look at the store. Or a stored secret is refused, whose successor would not last.
        if not state.durable:
            return load(state, input_, now)
        return block(replace(state, rejected=failure), now, goal, failure, Event.STORE_VOLATILE)
    if isinstance(failure, Rejected):
        failure = _explained(failure, state.storage.volatile)
        event = Event.LOGIN_BLOCKED if state.durable else Event.REGISTRATION_REFUSED
        return block(replace(state, rejected=failure), now, goal, failure, event)
    if isinstance(failure, Throttled):
        return wait(state, now, goal, failure, Event.REGISTRATION_THROTTLED)
    if clock_is_why(failure, input_.clock_trusted):
        return wait(state, now, goal, failure, Event.CLOCK_NOT_SET, retry_on={m.EarlyRetry.CLOCK})
    return wait(state, now, goal, failure, Event.REGISTRATION_FAILED, slow=state.durable)


def _explained(failure: Rejected, volatile: str) -> Rejected:
    """Name the likely reason for a missing secret: a directory that does not survive a reboot."""
    if failure.code != _ACTIVATED or not volatile:
        return failure
    detail = f"{failure.detail}; the state directory did not survive the reboot: it is on {volatile}"
    cure = f"set state_dir to a directory on a disk or SD card first; then {failure.cure}"
    return Rejected(code=failure.code, detail=detail, cure=cure)


def saved(state: State, _: m.Saved, now: Now) -> Transition:
    """Connect, now that the secret is durable and read back."""
    durable = replace(state, durable=True, failures=0)
    details = Details(duration_ms=ms_since(state.began_at, now))
    return first(m.Announce(event=Event.SECRET_STORED, details=details), connect(durable, now))


def save_failed(state: State, input_: m.SaveFailed, now: Now) -> Transition:
    """Keep the secret in memory and retry the write; never connect."""
    return wait(state, now, m.Goal.SAVE, input_.failure, Event.SAVE_FAILED)
