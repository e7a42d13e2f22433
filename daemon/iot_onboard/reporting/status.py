"""What the daemon tells of itself, as the status file holds it. Pure."""

from __future__ import annotations

from ..fast_start.fast_dataclasses import dataclass, replace
from ..lifecycle.model import Phase

# A new number where a name goes away or changes its meaning; none for a name that is new.
SCHEMA = 1
# What a gateway without names is; every other state is the state machine's.
NOT_PROVISIONED = "not-provisioned"
# More than any machine runs; JSON also holds infinity, and what is no number.
_MAX_S = 1e12
# What every daemon tells of itself.
_REQUIRED_FIELDS = ("since", "product_key", "device_name", "endpoint", "attempt", "agent_version", "pid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Hold what the daemon tells of itself; times are ISO 8601 in UTC, or seconds of the monotonic clock.

    The latter are of this boot, as the process is: whoever reads them computes spans that no setting of the clock
    upsets. `status_view` says what each name means to a reader.
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
    """Return a status with the state that systemd's line about the same process begins with, where that is another."""
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
        last_cure="see why the status file is old: sudo iot-onboard doctor" if error else None,
    )


def status_of(record: object) -> Status | None:
    """Return the status that a record holds, or `None` where it makes no sense.

    One of another version may lack names or have more: an upgrade leaves the old daemon running until it is restarted.
    """
    # Only who reads a status pays for it.
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
    entries = (status.since_monotonic_s, status.next_try_monotonic_s)
    return status if well_typed and whole and all(at is None or abs(at) < _MAX_S for at in entries) else None
