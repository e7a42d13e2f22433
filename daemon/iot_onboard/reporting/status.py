"""The daemon's status, as the status file holds it. Pure."""

from __future__ import annotations

from ..fast_start.fast_dataclasses import dataclass, replace
from ..lifecycle.model import Phase

# It changes when a name is removed or changes its meaning, not when a name is added.
SCHEMA = 1
# The state of a gateway without an identity; all other states are the state machine's.
NOT_PROVISIONED = "not-provisioned"
# Longer than any machine runs; JSON can also hold infinity and NaN.
_MAX_S = 1e12
# The fields that every daemon writes.
_REQUIRED_FIELDS = ("since", "product_key", "device_name", "endpoint", "attempt", "agent_version", "pid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Hold the daemon's status; times are ISO 8601 in UTC, or seconds of the monotonic clock.

    The latter are valid in this boot, as the process is: a reader computes durations from them that do not change when
    the clock is set. `status_view` has the meaning of each name.
    """

    schema: int
    state: str
    goal: str | None = None
    since: str | None = None
    since_monotonic_s: float | None = None
    product_key: str | None = None
    device_name: str | None = None
    endpoint: str | None = None
    attempt: int | None = None
    next_try_at: str | None = None
    next_try_monotonic_s: float | None = None
    online_since: str | None = None
    last_error: str | None = None
    last_error_at: str | None = None
    last_cause: str | None = None
    last_cure: str | None = None
    last_event: str | None = None
    secret: str | None = None
    secret_issued_at: str | None = None
    agent_version: str | None = None
    paho_version: str | None = None
    pid: int | None = None
    pid_start_ticks: int = -1


def held_against(status: Status, headline: str) -> Status:
    """Return a status with the state in systemd's headline about the same process, if that is another state."""
    state = headline.split(maxsplit=1)[0] if headline.strip() else ""
    if state == status.state or state not in {phase.value for phase in Phase}:
        return status
    error = None if state == "online" else headline
    return replace(
        status,
        state=state,
        goal=None,
        since=None,
        since_monotonic_s=None,
        next_try_at=None,
        next_try_monotonic_s=None,
        online_since=None,
        last_error=error,
        last_error_at=None,
        last_cause=None,
        last_cure="see why the status file is out of date: sudo iot-onboard doctor" if error else None,
    )


def status_of(record: object) -> Status | None:
    """Return the status in a record, or `None` if the record is invalid.

    A record of another version may have fewer or more names: after an upgrade the old daemon runs until its restart.
    """
    # Imported here, because only readers need it.
    from typing import get_type_hints

    if not isinstance(record, dict):
        return None
    hints = get_type_hints(Status)
    try:
        status = Status(**{name: value for name, value in record.items() if name in hints})
    except TypeError:
        return None
    well_typed = all(isinstance(getattr(status, name), hint) for name, hint in hints.items())
    whole = status.schema == SCHEMA and all(getattr(status, name) is not None for name in _REQUIRED_FIELDS)
    times_s = (status.since_monotonic_s, status.next_try_monotonic_s)
    return status if well_typed and whole and all(at_s is None or abs(at_s) < _MAX_S for at_s in times_s) else None
