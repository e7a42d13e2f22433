"""The status file: what `iot-onboard status` shows, readable by all, without secrets."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, get_type_hints

from .events import span
from .runtime_files import replace_file

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Hold what the daemon tells of itself; times are ISO 8601 in UTC."""

    schema: int
    state: str
    goal: str | None
    since: str
    product_key: str
    device_name: str
    endpoint: str
    attempt: int
    next_try_at: str | None
    online_since: str | None
    last_error: str | None
    last_event: str | None
    agent_version: str
    pid: int
    pid_start_ticks: int


class StatusFile:
    """Write the status where it changed."""

    def __init__(self, runtime_dir: Path) -> None:
        self._path = runtime_dir / "status.json"
        self._last: Status | None = None

    def write(self, status: Status) -> bool:
        """Put the status in place; say whether that went well."""
        if status == self._last:
            return True
        written = replace_file(self._path, json.dumps(asdict(status), indent=1) + "\n", 0o644)
        # What failed is tried again with the next call, though nothing changed.
        self._last = status if written else None
        return written


def read(runtime_dir: Path) -> Status | None:
    """Return the status of the running daemon, or `None` where none runs or the file makes no sense."""
    try:
        record = json.loads((runtime_dir / "status.json").read_bytes()[:65536])
        status = Status(**record)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    if not _well_typed(status) or status.schema != SCHEMA:
        return None
    # A process that is gone has -1, and so may a file that makes no sense.
    return status if 0 <= status.pid_start_ticks == start_ticks(status.pid) else None


def start_ticks(pid: int) -> int:
    """Return when a process started, in clock ticks since boot (proc(5), field 22), or -1 where there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        return int(stat.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return -1


def render(status: Status, now: datetime) -> str:
    """Return the status as a few lines for a person."""
    rows = [
        ("state", f"{status.state}{f' (next: {status.goal})' if status.goal else ''}, since {status.since}"),
        ("device", f"{status.device_name} of product {status.product_key}"),
        ("endpoint", status.endpoint),
    ]
    if status.next_try_at is not None:
        left_s = (_parsed(status.next_try_at, now) - now).total_seconds()
        rows.append(("next try", f"in {span(left_s)}, attempt {status.attempt + 1}"))
    if status.last_error is not None and status.state != "online":
        rows.append(("last error", status.last_error))
    return "\n".join(f"{name:<11} {value}" for name, value in rows)


def _parsed(text: str, default: datetime) -> datetime:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return default
    return parsed if parsed.tzinfo is not None else default


def _well_typed(status: Status) -> bool:
    hints: dict[str, Any] = get_type_hints(Status)
    return all(isinstance(getattr(status, field.name), hints[field.name]) for field in fields(Status))
