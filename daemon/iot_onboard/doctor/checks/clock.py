"""Check the wall clock: it decides whether a certificate is valid now. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..model import Finding, fail, ok, skipped, warn

SET = "connect it to the network and see `timedatectl`; or by hand: sudo timedatectl set-time 'YYYY-MM-DD hh:mm:ss'"
_TOO_LATE = timedelta(days=15 * 365)
_SLACK = timedelta(minutes=1)
_BIG_STEP = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFacts:
    """Hold the time and how reliable it is; all times are UTC.

    `kernel_synchronised` is the result of adjtimex, `None` if that is not permitted. `lived` has times that this
    gateway has already had, by name. `step_since_start` is by how much the clock was changed since the service started.
    """

    now: datetime
    built_at: datetime
    timesyncd_flag: bool = False
    kernel_synchronised: bool | None = None
    lived: tuple[tuple[str, datetime], ...] = ()
    step_since_start: timedelta | None = None


def plausible(facts: ClockFacts) -> Finding:
    """Check that the time is possible: not too early, not too late."""
    now = _shown(facts.now)
    if facts.now < facts.built_at:
        sentence = f"The clock says {now}, before this program was built ({facts.built_at:%Y-%m-%d}): it is not set."
        return fail(sentence, SET)
    if facts.now > facts.built_at + _TOO_LATE:
        return fail(f"The clock says {now}, more than 15 years after this program was built.", SET)
    return ok(f"The clock says {now}.")


def gone_back(facts: ClockFacts) -> Finding | None:
    """Check that the clock is not before a time that this gateway has already had."""
    what, latest = max(facts.lived, key=lambda pair: pair[1], default=("", facts.now))
    if latest - facts.now <= _SLACK:
        return None
    times = f"it says {_shown(facts.now)}, but {what} has the time {_shown(latest)}"
    return fail(f"The clock went back by {_length(latest - facts.now)}: {times}.", SET)


def synchronised(facts: ClockFacts) -> Finding:
    """Check that a program keeps the clock synchronised."""
    if facts.timesyncd_flag:
        return ok("systemd-timesyncd has synchronised the clock.")
    if facts.kernel_synchronised:
        return ok("The kernel's clock is synchronised.")
    if facts.kernel_synchronised is None:
        return skipped("It is unknown whether the clock is synchronised.")
    fix = "sudo timedatectl set-ntp true, and see `timedatectl timesync-status`; NTP needs UDP port 123"
    return warn("The clock is not synchronised: it was not set since the boot.", fix)


def jumped(facts: ClockFacts) -> Finding | None:
    """Check that the clock was not changed by much while the service ran."""
    step = facts.step_since_start
    if step is None or abs(step) < _BIG_STEP:
        return None
    way = "forward" if step > timedelta() else "back"
    sentence = f"The clock was set {way} by {_length(abs(step))} since the service started"
    if step > timedelta() and facts.now - step < facts.built_at:
        return ok(f"{sentence}, which is normal after a boot without a battery clock.")
    fix = "no action is needed once; if it happens again, check whether two programs set the clock"
    return warn(f"{sentence}: times in the journal before that are wrong.", fix)


def _shown(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _length(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"
