"""The events and the timeline of a boot as text, from the journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from ..system.text_style import Style
from .entries import TimedEntry, timed_entries
from .journalctl import boots, follow, present_start, read, starts
from .listing import Columns, heading, line
from .timeline import timeline
from .timeline_model import Timeline


def entries_of(boot: int | None) -> tuple[TimedEntry, ...]:
    """Return the entries of one boot, or of all; raise `Unreadable`."""
    entries = read(boot)
    offsets = boots() if boot is None else dict.fromkeys((entry.boot_id for entry in entries), boot)
    found = starts(entries, offsets)
    return tuple(timed_entries(entries, lambda boot_id: found[boot_id].origin_us, offsets.get))


def follow_entries() -> Iterator[TimedEntry]:
    """Yield the entries of the present boot, and new ones as they come; raise `Unreadable`."""
    origin_us = present_start().origin_us
    return timed_entries(follow(), lambda _: origin_us, lambda _: 0)


def lines_of(entries: Iterable[TimedEntry], columns: Columns, style: Callable[[], Style]) -> Iterator[str]:
    """Yield one line for each event, under a heading for each boot; `style` is called for each line."""
    boot_id: str | None = None
    for timed_entry in entries:
        if timed_entry.entry.boot_id != boot_id:
            yield ("" if boot_id is None else "\n") + heading(timed_entry, columns)
            boot_id = timed_entry.entry.boot_id
        yield line(timed_entry, columns, style())


def timeline_of(boot: int) -> Timeline:
    """Return the timeline of one boot; raise `Unreadable`."""
    entries = read(boot)
    (start,) = starts(entries, dict.fromkeys((entry.boot_id for entry in entries), boot)).values()
    return timeline(boot, start, entries, time.monotonic_ns() // 1000 if boot == 0 else None)
