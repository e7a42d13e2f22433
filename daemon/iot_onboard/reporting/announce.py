"""Log an event outside the loop, where there is no state machine and no reporter."""

from __future__ import annotations

import os
import sys

from .. import __version__
from ..config.schema import Config
from ..events.format import Line, line_of
from ..events.model import Context, Details, Event
from ..fast_start.fast_dataclasses import replace
from ..system.notify import Notifier
from .journal import Journal, open_journal

# The name of the gateway is not known yet.
UNNAMED = Context(product_key="", device_name="", version=__version__)


def context_of(config: Config) -> Context:
    """Return which gateway an event is about, as far as the configuration says it."""
    return replace(UNNAMED, product_key=config.product_key, device_name=config.device_name)


def announce(
    event: Event,
    details: Details,
    context: Context = UNNAMED,
    *,
    state: str = "boot",
    level: str = "info",
    unit: str = "",
    notifier: Notifier | None = None,
    journal: Journal | None = None,
) -> None:
    """Write the line of an event to the journal, else to stderr; with a notifier `systemctl status` shows it, too.

    Without a `journal` of the caller's that may take it later, a line that is not taken at once is lost.
    `unit` is the unit that the line is about, if that is not the unit that this process runs in.
    """
    line = line_of(event, details, context, state)
    written_to = journal or open_journal(os.environ, sys.stderr, level)
    written_to.write(about(unit, line) if unit else line)
    if journal is None:
        written_to.close()
    if notifier is not None:
        notifier.status(line.message)


def about(unit: str, line: Line) -> Line:
    """Return a line of root's that `journalctl -u` shows for another unit."""
    return replace(line, fields=(*line.fields, ("OBJECT_SYSTEMD_UNIT", unit)))
