"""Read the clocks."""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ...system.clock import BUILT_AT, TIMESYNCD_FLAG
from ..checks.clock import ClockFacts
from ..model import Facts, Probe
from .service import UNIT

# adjtimex(2) returns it while the clock is not synchronised.
_TIME_ERROR = 5
# struct timex is 208 bytes on 64-bit systems, and smaller on others.
_TIMEX_BYTES = 512
_LIVED = (
    ("the clock that systemd-timesyncd keeps on disk", "var/lib/systemd/timesync/clock"),
    ("the last log-in record", "var/log/wtmp"),
    ("the package database", "var/lib/dpkg/status"),
)


def _clock(facts: Facts) -> ClockFacts:
    now = datetime.now(UTC)
    return ClockFacts(
        now=now,
        built_at=BUILT_AT,
        timesyncd_flag=(facts.root / TIMESYNCD_FLAG).exists(),
        kernel_synchronised=_kernel_synchronised(),
        lived=tuple(_lived(facts.root)),
        step_since_start=_step(facts, now),
    )


def _kernel_synchronised() -> bool | None:
    """Ask the kernel; `modes` of 0 changes nothing."""
    state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return None if state < 0 else state != _TIME_ERROR


def _lived(root: Path) -> Iterator[tuple[str, datetime]]:
    for what, name in _LIVED:
        with contextlib.suppress(OSError, OverflowError, ValueError):
            yield what, datetime.fromtimestamp((root / name).stat().st_mtime, UTC)


def _step(facts: Facts, now: datetime) -> timedelta | None:
    """Return the change of the wall clock against the monotonic one since the service started."""
    unit = facts.get(UNIT)
    started_us = unit.number("ActiveEnterTimestampMonotonic")
    if not started_us or unit.get("ActiveState") != "active":
        return None
    try:
        # The query asks for UTC.
        at = datetime.strptime(unit.get("ActiveEnterTimestamp"), "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
    except ValueError:
        return None
    return now - at - timedelta(seconds=time.monotonic() - started_us / 1_000_000)


CLOCK = Probe(name="the read of the clock", collect=_clock, needs=(UNIT,))
