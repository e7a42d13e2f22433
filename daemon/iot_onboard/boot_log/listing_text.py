"""The story and the timeline of a boot as they are read: out of the journal, as lines of text."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..system.text_style import Style
from .entries import TimedEntry, steps
from .journalctl import boots, read, starts
from .listing import columns_of, heading, line
from .timeline import timeline
from .timeline_model import Timeline


def story_of(boot: int | None) -> tuple[TimedEntry, ...]:
    """Return the story of one boot, or of all; raise `Unreadable`."""
    moments = read(boot)
    offsets = boots() if boot is None else dict.fromkeys((moment.boot_id for moment in moments), boot)
    origins = {boot_id: start.origin_us for boot_id, start in starts(moments, offsets).items()}
    return steps(moments, origins, offsets)


def lines_of(told: tuple[TimedEntry, ...], how: Style) -> Iterator[str]:
    """Yield a line an event, under a heading for each boot."""
    columns = columns_of(told)
    for before, step in zip((None, *told), told, strict=False):
        if before is None or before.moment.boot_id != step.moment.boot_id:
            yield ("" if before is None else "\n") + heading(step, columns)
        yield line(step, columns, how)


def timeline_of(boot: int) -> Timeline:
    """Return where the time of one boot went; raise `Unreadable`."""
    moments = read(boot)
    (start,) = starts(moments, dict.fromkeys((moment.boot_id for moment in moments), boot)).values()
    return timeline(boot, start, moments, time.monotonic_ns() // 1000 if boot == 0 else None)
