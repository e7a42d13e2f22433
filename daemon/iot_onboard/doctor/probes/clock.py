"""Look at the clocks."""

from __future__ import annotations

import ctypes
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ...system.clock import BUILT_AT, TIMESYNCD_FLAG
from ..checks.clock import ClockFacts
from ..model import Probe, Seen
from .service import UNIT_PROPERTIES

# adjtimex(2) returns it while nobody keeps the clock right.
_TIME_ERROR = 5
# struct timex is 208 bytes on 64-bit systems, and smaller on others.
_TIMEX_BYTES = 512
_LIVED = (
    ("the clock that systemd-timesyncd keeps on disk", "var/lib/systemd/timesync/clock"),
    ("the last log-in record", "var/log/wtmp"),
    ("the package database", "var/lib/dpkg/status"),
)


def _clock(seen: Seen) -> ClockFacts:
    now = datetime.now(UTC)
    return ClockFacts(
        now=now,
        built_at=BUILT_AT,
        timesyncd_flag=(seen.root / TIMESYNCD_FLAG).exists(),
        kernel_synchronised=_kernel_synchronised(),
        lived=tuple(_lived(seen.root)),
        step_since_start=_step(seen, now),
    )


def _kernel_synchronised() -> bool | None:
    """Ask the kernel; `modes` of 0 changes nothing."""
    state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return None if state < 0 else state != _TIME_ERROR


def _lived(root: Path) -> list[tuple[str, datetime]]:
    found: list[tuple[str, datetime]] = []
    for what, name in _LIVED:
        try:
            found.append((what, datetime.fromtimestamp((root / name).stat().st_mtime, UTC)))
        except (OSError, OverflowError, ValueError):
            continue
    return found


def _step(seen: Seen, now: datetime) -> timedelta | None:
    """Return how far the wall clock ran away from the monotonic one since the service started."""
    unit = seen.of(UNIT_PROPERTIES)
    started_us = unit.number("ActiveEnterTimestampMonotonic")
    if not started_us or unit.of("ActiveState") != "active":
        return None
    try:
        # "Mon 2026-11-02 10:00:00 UTC", as it was asked for.
        _, day, clock, _ = unit.of("ActiveEnterTimestamp").split()
        at = datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=UTC)
    except ValueError:
        return None
    passed = timedelta(seconds=time.monotonic() - started_us / 1_000_000)
    return now - at - passed


CLOCK: Probe[ClockFacts] = Probe(name="reading the clock", look=_clock, needs=(UNIT_PROPERTIES,))
