"""Show the boot log: one line for each entry for people, one record for programs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ..events.format import span
from ..events.model import Event, Priority
from ..fast_start.fast_dataclasses import as_dict
from ..lifecycle.model import Phase
from ..system.text_style import Style, painted, printable
from .entries import JournalEntry, TimedEntry

SCHEMA = 1
_COLOURS = {Priority.CRIT: "1;31", Priority.ERR: "1;31", Priority.WARNING: "33", Priority.NOTICE: "32"}
_MIN_MESSAGE = 16
_STATE, _EVENT, _CODE = "state", "event", "code"
# Wide enough for later entries: `closed-by-server`.
_CODE_WIDTH = 16
_MAX_CELL = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Hold the widths of the columns."""

    state: int
    name: int
    code: int


def columns_of(entries: Sequence[TimedEntry]) -> Columns:
    """Return columns that are wide enough for these entries."""
    return Columns(
        state=max(len(_STATE), *(len(_cell(timed_entry.entry.state)) for timed_entry in entries)),
        name=max(len(_EVENT), *(len(_cell(timed_entry.entry.name)) for timed_entry in entries)),
        code=max(len(_CODE), *(len(_code(timed_entry.entry)) for timed_entry in entries)),
    )


def wide_columns() -> Columns:
    """Return columns that are wide enough for any entry."""
    return Columns(
        state=max(len(name) for name in (*(phase.value for phase in Phase), Event.NOT_PROVISIONED.value)),
        name=max(len(event.value) for event in Event),
        code=_CODE_WIDTH,
    )


def heading(timed_entry: TimedEntry, columns: Columns) -> str:
    """Return the lines above the entries of a boot."""
    began = (timed_entry.entry.utc - timedelta(microseconds=timed_entry.since_boot_us)).replace(microsecond=0)
    name = "Boot" if timed_entry.offset is None else f"Boot {timed_entry.offset}"
    times = f"{'since boot':>12} {'':>9}"
    names = f"{_STATE:<{columns.state}}  {_EVENT:<{columns.name}}  {_CODE}"
    boot_id = printable(timed_entry.entry.boot_id[:8])
    return f"{name} ({boot_id}), from {began:%Y-%m-%d %H:%M:%S} UTC\n{times}  {names}".rstrip()


def line(timed_entry: TimedEntry, columns: Columns, style: Style) -> str:
    """Return an entry in one line that fits the terminal."""
    entry = timed_entry.entry
    gap = "" if timed_entry.since_previous_us is None else f"+{duration(timed_entry.since_previous_us)}"
    name = f"{_cell(entry.name):<{columns.name}}"
    colour = _COLOURS.get(_priority(entry))
    head = f"{clock(timed_entry.since_boot_us):>12} {gap:>9}  {_cell(entry.state):<{columns.state}}  "
    rest = f"  {_code(entry):<{columns.code}}"
    message = printable(entry.message)
    if entry.other:
        message = f"[{_cell(entry.other)}] {message}"
    room = len(message) if style.width is None else style.width - len(head) - len(name) - len(rest) - 2
    if len(message) > room:
        message = f"{message[: room - 3]}..." if room >= _MIN_MESSAGE else ""
    return f"{head}{painted(name, colour, style) if colour else name}{rest}  {message}".rstrip()


def record(timed_entry: TimedEntry) -> dict[str, object]:
    """Return an entry as docs/boot-log.md describes it."""
    entry = timed_entry.entry
    gap_us = timed_entry.since_previous_us
    return {
        "schema": SCHEMA,
        "boot": timed_entry.offset,
        "boot_id": entry.boot_id,
        "at": entry.utc.isoformat(timespec="milliseconds"),
        "since_boot_s": timed_entry.since_boot_us / 1_000_000,
        "since_previous_s": None if gap_us is None else gap_us / 1_000_000,
        "source": "daemon" if entry.event else ("systemd" if entry.by_manager else "output"),
        "event": entry.event,
        "state": entry.state,
        "priority": _priority(entry).name.lower(),
        "code": entry.code,
        "cause": entry.cause,
        "attempt": entry.attempt,
        "next_try_s": entry.next_try_s,
        "endpoint": entry.endpoint,
        "duration_ms": entry.duration_ms,
        **as_dict(entry.timings),
        "product_key": entry.product_key,
        "device_name": entry.device_name,
        "gateway": entry.gateway,
        "message": entry.message,
    }


def clock(us: int) -> str:
    """Write a time since boot: `0:00:12.345`, `3d 04:05:06`."""
    seconds, milliseconds = divmod(max(us, 0) // 1000, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}:{minutes:02}:{seconds:02}.{milliseconds:03}"
    return f"{hours // 24}d {hours % 24:02}:{minutes:02}:{seconds:02}"


def duration(us: int) -> str:
    """Write a length of time, short: `12 ms`, `4.1 s`, `12 min`."""
    us = max(us, 0)
    if us < 999_500:
        return f"{round(us / 1000)} ms"
    return f"{us / 1_000_000:.1f} s" if us < 119_950_000 else span(us / 1_000_000)


def _priority(entry: JournalEntry) -> Priority:
    # systemd also uses priorities above `crit`.
    return Priority(min(max(entry.priority, Priority.CRIT), Priority.DEBUG))


def _code(entry: JournalEntry) -> str:
    """Return the cause or the code, which `explain` accepts."""
    return _cell(entry.cause if entry.cause and entry.cause != entry.event else entry.code)


def _cell(words: str | None) -> str:
    """Return the text of a column: the journal can hold any text, and a program may have forged a line."""
    shown = printable(words or "-")
    return shown if len(shown) <= _MAX_CELL else f"{shown[: _MAX_CELL - 3]}..."
