"""How the doctor judges the wall clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from iot_onboard.doctor.checks import clock
from iot_onboard.doctor.checks.clock import ClockFacts
from support.text.judged import FAIL, NOTHING, OK, SKIPPED, WARN, Row

NOW = datetime(2026, 12, 24, 12, tzinfo=UTC)
TIME = ClockFacts(now=NOW, built_at=datetime(2026, 11, 1, tzinfo=UTC))
BEFORE = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
CLOCK = [
    Row("plausible", clock.plausible, TIME, OK, "2026-12-24 12:00:00 UTC"),
    Row("1970", clock.plausible, replace(TIME, now=BEFORE), FAIL, "1970-01-01 00:01:00 UTC, before", "timedatectl"),
    Row(
        "far ahead",
        clock.plausible,
        replace(TIME, now=NOW.replace(year=2060)),
        FAIL,
        "more than 15 years",
        "timedatectl",
    ),
    Row("flag", clock.synchronised, replace(TIME, timesyncd_flag=True), OK, "timesyncd"),
    Row("kernel", clock.synchronised, replace(TIME, kernel_synchronised=True), OK, "kernel"),
    Row(
        "not synchronised",
        clock.synchronised,
        replace(TIME, kernel_synchronised=False),
        WARN,
        "not synchronised",
        "set-ntp true",
    ),
    Row("unknown", clock.synchronised, TIME, SKIPPED, "It is unknown"),
    Row("nothing lived", clock.gone_back, TIME, NOTHING),
    Row("forward", clock.gone_back, replace(TIME, lived=(("a", BEFORE),)), NOTHING),
    Row(
        "back",
        clock.gone_back,
        replace(TIME, lived=(("a", BEFORE), ("b", NOW + timedelta(days=3)))),
        FAIL,
        "went back by 3 days: it says 2026-12-24 12:00:00 UTC, but b has the time 2026-12-27",
        "timedatectl",
    ),
    Row("a little back", clock.gone_back, replace(TIME, lived=(("a", NOW + timedelta(seconds=30)),)), NOTHING),
    Row("no service", clock.jumped, TIME, NOTHING),
    Row("steady", clock.jumped, replace(TIME, step_since_start=timedelta(seconds=3)), NOTHING),
    Row("set at boot", clock.jumped, replace(TIME, step_since_start=NOW - BEFORE), OK, "which is normal after a boot"),
    Row(
        "stepped forward",
        clock.jumped,
        replace(TIME, step_since_start=timedelta(hours=3)),
        WARN,
        "forward by 3 hours",
        "two programs",
    ),
    Row(
        "stepped back", clock.jumped, replace(TIME, step_since_start=timedelta(minutes=-20)), WARN, "back by 20 minutes"
    ),
]


@pytest.mark.parametrize("row", CLOCK, ids=str)
def test_judgements(row: Row) -> None:
    """These facts, this level, these words, this fix."""
    row.holds()
