"""SIGTERM and SIGINT are heard where the loop waits."""

from __future__ import annotations

import os
import select
import signal

import pytest

from iot_onboard.service.stop_signals import StopSignals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_readable(number: signal.Signals) -> None:
    """It interrupts nothing: no exception, and the process goes on."""
    with StopSignals() as stop_signals:
        assert not select.select([stop_signals], [], [], 0)[0]
        os.kill(os.getpid(), number)
        assert select.select([stop_signals], [], [], 5)[0]


def test_a_flood_of_signals_does_no_harm() -> None:
    """More than the descriptor holds: it stays readable."""
    with StopSignals() as stop_signals:
        for _ in range(2000):
            os.kill(os.getpid(), signal.SIGTERM)
        assert select.select([stop_signals], [], [], 5)[0]


def test_what_was_there_before_is_there_again() -> None:
    """Handlers and the wake-up descriptor are those of whoever was here first."""
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with StopSignals():
            os.kill(os.getpid(), signal.SIGTERM)
        assert heard == []
        os.kill(os.getpid(), signal.SIGTERM)
        assert heard == [signal.SIGTERM]
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.signal(signal.SIGTERM, before)
