"""Pause before the work begins where process after process has ended soon after its start."""

from __future__ import annotations

import os
import select
import sys

from .. import __version__
from ..config.schema import Config
from ..core.pacing import restart_delay_s
from ..events.format import line_of
from ..events.model import Context, Details, Event
from ..reporting.journal import open_journal
from ..system.notify import Notifier
from .stop_signals import StopSignals


def pause(config: Config, short_lives: int) -> bool:
    """Say why, and wait; return whether to go on: not where asked to stop."""
    wait_s = restart_delay_s(short_lives)
    context = Context(product_key=config.product_key, device_name=config.device_name, version=__version__)
    details = Details(detail=f"{short_lives} times", next_try_s=wait_s)
    line = line_of(Event.SHORT_LIVES, details, context, "boot")
    # Before anything is told: whoever hears of the pause may end it.
    with StopSignals() as stop_signals:
        open_journal(os.environ, sys.stderr, config.log_level).write(line)
        notifier = Notifier()
        notifier.status(line.message)
        notifier.starts_later(wait_s)
        return not select.select([stop_signals], [], [], wait_s)[0]
