"""Entries of the boot log, from the journal: one for each line, with the time since boot. Pure.

Times are microseconds of the journal's monotonic clock, which counts from the kernel's start and does not jump when the
wall clock is set.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from ..core.timings import Timings
from ..events.former_names import present_name
from ..events.model import Priority

# The fields that are requested from the journal.
FIELDS = (
    "MESSAGE", "MESSAGE_ID", "PRIORITY", "_PID", "UNIT", "IOT_EVENT", "IOT_STATE", "IOT_CODE", "IOT_CAUSE",
    "IOT_ATTEMPT", "IOT_NEXT_TRY_S", "IOT_ENDPOINT", "IOT_DURATION_MS", "IOT_DNS_MS", "IOT_TCP_MS", "IOT_TLS_MS",
    "IOT_ANSWER_MS", "IOT_PRODUCT_KEY", "IOT_DEVICE_NAME", "IOT_GATEWAY",
)  # fmt: skip
# The name of a line that is not an event.
MANAGER = "(systemd)"
OUTPUT = "(output)"
_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """Hold one line of the journal. `event`, `state` and `cause` have the names of this version."""

    boot_id: str
    at_us: int
    utc: datetime
    message: str
    priority: int
    message_id: str = ""
    unit: str = ""
    by_manager: bool = False
    event: str | None = None
    state: str | None = None
    code: str | None = None
    cause: str | None = None
    attempt: int | None = None
    next_try_s: float | None = None
    endpoint: str | None = None
    duration_ms: int | None = None
    timings: Timings = field(default_factory=Timings)
    product_key: str | None = None
    device_name: str | None = None
    gateway: str | None = None

    @property
    def is_shown(self) -> bool:
        """Say whether `events` shows it: of the service manager's lines only those about errors."""
        return not self.by_manager or self.priority <= Priority.NOTICE

    @property
    def other(self) -> str:
        """Return the device that it is about, if that is not the gateway itself: `product_key.device_name`."""
        return f"{self.product_key}.{self.device_name}" if self.gateway is not None else ""

    @property
    def name(self) -> str:
        """Return the name of the event, or of the line's origin if it is none."""
        return self.event or (MANAGER if self.by_manager else OUTPUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedEntry:
    """Hold an entry with the times that are shown for it; `offset` is 0 in this boot, -1 in the previous one."""

    entry: JournalEntry
    offset: int | None
    since_boot_us: int
    since_previous_us: int | None


def read_entry(line: str) -> JournalEntry | None:
    """Return the entry in a line of `journalctl -o json`, or `None` if the line is invalid."""
    try:
        record = json.loads(line)
        message_id = _text(record, "MESSAGE_ID") or ""
        return JournalEntry(
            boot_id=_text(record, "_BOOT_ID") or "",
            at_us=int(record["__MONOTONIC_TIMESTAMP"]),
            utc=datetime.fromtimestamp(int(record["__REALTIME_TIMESTAMP"]) / 1_000_000, UTC),
            message=_text(record, "MESSAGE") or "",
            priority=_number(record, "PRIORITY", int) or Priority.INFO,
            message_id=message_id,
            unit=_text(record, "UNIT") or "",
            by_manager=_text(record, "_PID") == "1",
            event=present_name(_text(record, "IOT_EVENT"), message_id),
            state=present_name(_text(record, "IOT_STATE")),
            code=_text(record, "IOT_CODE"),
            cause=present_name(_text(record, "IOT_CAUSE")),
            attempt=_number(record, "IOT_ATTEMPT", int),
            next_try_s=_number(record, "IOT_NEXT_TRY_S", float),
            endpoint=_text(record, "IOT_ENDPOINT"),
            duration_ms=_number(record, "IOT_DURATION_MS", int),
            product_key=_text(record, "IOT_PRODUCT_KEY"),
            device_name=_text(record, "IOT_DEVICE_NAME"),
            gateway=_text(record, "IOT_GATEWAY"),
            timings=Timings(
                dns_ms=_number(record, "IOT_DNS_MS", int),
                tcp_ms=_number(record, "IOT_TCP_MS", int),
                tls_ms=_number(record, "IOT_TLS_MS", int),
                answer_ms=_number(record, "IOT_ANSWER_MS", int),
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def timed_entries(
    entries: Iterable[JournalEntry], origin_us_of: Callable[[str], int], offset_of: Callable[[str], int | None]
) -> Iterator[TimedEntry]:
    """Yield the entries with their times; a boot's id gives its start and its number."""
    before: JournalEntry | None = None
    for entry in entries:
        if not entry.is_shown:
            continue
        same = before is not None and before.boot_id == entry.boot_id
        yield TimedEntry(
            entry=entry,
            offset=offset_of(entry.boot_id),
            since_boot_us=entry.at_us - origin_us_of(entry.boot_id),
            since_previous_us=entry.at_us - before.at_us if same and before is not None else None,
        )
        before = entry


def _text(record: Mapping[str, Any], name: str) -> str | None:
    value = record.get(name)
    # journalctl writes a value that is not text as a list of bytes, and a repeated field as a list of its values.
    if isinstance(value, list):
        if all(isinstance(item, int) for item in value):
            return bytes(value).decode("utf-8", "replace")
        value = value[0]
    return value if isinstance(value, str) else None


def _number(record: Mapping[str, Any], name: str, read: Callable[[str], _Number]) -> _Number | None:
    try:
        return read(_text(record, name) or "")
    except ValueError:
        return None
