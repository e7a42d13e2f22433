"""Wait before the work begins if several processes in a row ended soon after their start."""

from __future__ import annotations

import time

from ..config.schema import Config
from ..core.backoff import restart_delay_s
from ..events.model import Details, Event
from ..reporting.announce import announce, context_of
from ..reporting.journal import Journal
from ..system.notify import Notifier
from .loop import Loop, Source
from .stop_signals import StopSignals


def wait_before_start(config: Config, short_runs: int, journal: Journal) -> bool:
    """Log why, and wait; return whether to go on, which is false after a stop signal."""
    wait_s = restart_delay_s(short_runs)
    details = Details(detail=f"{short_runs} times", next_try_s=wait_s)
    loop, goes_on = Loop(), True

    def stop() -> None:
        nonlocal goes_on
        goes_on = False
        loop.end()

    ends_at = time.monotonic() + wait_s
    loop.add(Source(due_at=lambda: ends_at, on_due=loop.end))
    # Before anything is logged: whoever reads of the pause may end it.
    with StopSignals(loop, stop):
        notifier = Notifier()
        announce(Event.RESTART_DELAYED, details, context_of(config), notifier=notifier, journal=journal)
        notifier.extend_start_timeout(wait_s)
        loop.run()
    return goes_on
