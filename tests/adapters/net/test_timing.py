"""How long the parts of an exchange took, by the real clock."""

from __future__ import annotations

import time

from iot_onboard.core.timings import Timings
from iot_onboard.net.timing import PhaseTimer


def test_each_part_has_the_time_since_the_one_before_it() -> None:
    """And what nobody finished has none."""
    timer = PhaseTimer()
    timer.start()
    timer.finish("dns")
    time.sleep(0.05)
    timer.finish("tcp")
    timer.finish("tls")
    took = timer.timings()
    assert took.tcp_ms is not None
    assert took.tcp_ms >= 50
    assert took.dns_ms is not None
    assert took.tls_ms is not None
    assert max(took.dns_ms, took.tls_ms) < took.tcp_ms
    assert took.answer_ms is None


def test_what_was_before_the_start_belongs_to_no_part() -> None:
    """A timer may be made long before its exchange."""
    timer = PhaseTimer()
    time.sleep(0.2)
    timer.start()
    timer.finish("dns")
    took = timer.timings().dns_ms
    assert took is not None
    assert took < 200


def test_nothing_is_measured_before_anything_ended() -> None:
    """A dial that failed at once leaves no time behind."""
    timer = PhaseTimer()
    timer.start()
    assert timer.timings() == Timings()
