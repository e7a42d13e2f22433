"""SIGTERM and SIGINT are heard where the loop waits."""

from __future__ import annotations

import os
import signal
import time

import pytest

from iot_onboard.service.loop import Loop, Source
from iot_onboard.service.stop_signals import StopSignals


class Heard:
    """A loop that counts the stops that it is asked for, and ends a moment after the first."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.stops = 0
        self.turns = 0
        self.ends_at = time.monotonic() + 5.0
        self.loop.add(Source(due_at=self._end_at, on_due=self.loop.end))

    def _end_at(self) -> float:
        self.turns += 1
        return self.ends_at

    def stop(self) -> None:
        self.stops += 1
        self.ends_at = time.monotonic() + 0.1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_heard_by_the_loop(number: signal.Signals) -> None:
    """It interrupts nothing: no exception, and the process goes on. One signal is one stop."""
    heard = Heard()
    with StopSignals(heard.loop, heard.stop):
        os.kill(os.getpid(), number)
        heard.loop.run()
    assert heard.stops == 1


def test_a_flood_of_signals_does_no_harm() -> None:
    """More than the descriptor holds: they are one stop, and the loop sleeps again after it."""
    heard = Heard()
    with StopSignals(heard.loop, heard.stop):
        for _ in range(2000):
            os.kill(os.getpid(), signal.SIGTERM)
        heard.loop.run()
    assert heard.stops == 1
    assert heard.turns < 10


def test_who_has_left_hears_nothing() -> None:
    """The loop may go on after it."""
    heard = Heard()
    with StopSignals(heard.loop, heard.stop):
        pass
    heard.ends_at = time.monotonic() + 0.05
    heard.loop.run()
    assert heard.stops == 0


def test_what_was_there_before_is_there_again() -> None:
    """Handlers and the wake-up descriptor are those of whoever was here first."""
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with StopSignals(Loop(), lambda: None):
            os.kill(os.getpid(), signal.SIGTERM)
        assert heard == []
        os.kill(os.getpid(), signal.SIGTERM)
        assert heard == [signal.SIGTERM]
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.signal(signal.SIGTERM, before)
