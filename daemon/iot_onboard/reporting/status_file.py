"""The status file: what `iot-onboard status` shows, readable by all, without secrets."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..disk.files import write_atomically
from ..events.model import Context, Event
from ..fast_start.fast_dataclasses import as_dict
from .headline import Trouble
from .status import SCHEMA, Status, status_of


class StatusFile:
    """Write the status when it has changed."""

    def __init__(self, runtime_dir: Path) -> None:
        self._path = runtime_dir / "status.json"
        self._last: Status | None = None

    def write(self, status: Status) -> bool:
        """Write the status to its file; say whether that succeeded."""
        if status == self._last:
            return True
        written = write_atomically(self._path, (json.dumps(as_dict(status), indent=1) + "\n").encode(), 0o644)
        # After a failure the next call tries again, even if nothing has changed.
        self._last = status if written else None
        return written


def read(runtime_dir: Path) -> Status | None:
    """Return the status of the running daemon, or `None` if none runs or the file is invalid."""
    # Imported here, because only readers need it: the directory may belong to another user.
    from ..disk.untrusted_path import read_foreign

    try:
        status = status_of(json.loads(read_foreign(runtime_dir / "status.json", 65536)))
    except (OSError, ValueError, RecursionError):
        return None
    # `start_ticks` returns -1 for a process that has ended; an invalid file may hold -1 too.
    return status if status is not None and 0 <= status.pid_start_ticks == start_ticks(status.pid) else None


def read_checked(runtime_dir: Path, root: Path = Path("/")) -> Status | None:
    """Return the status, compared with the daemon's headline in systemd: a file that could not be replaced is old."""
    # Imported here, because a program that only writes a status does not need it.
    from ..core.units import SERVICE
    from ..system.systemd import is_booted, show
    from .status import held_against

    status = read(runtime_dir)
    if status is None or not is_booted(root):
        return status
    unit = show("MainPID,StatusText", SERVICE, timeout_s=4.0)
    return held_against(status, unit.get("StatusText")) if unit.number("MainPID") == status.pid else status


def own_status(
    state: str, since: str, since_monotonic_s: float, context: Context, last: Trouble | None, last_event: Event | None
) -> Status:
    """Return the status of this process, with the fields that every program of ours knows."""
    return Status(
        schema=SCHEMA,
        state=state,
        since=since,
        since_monotonic_s=since_monotonic_s,
        product_key=context.product_key,
        device_name=context.device_name,
        endpoint=context.endpoint,
        attempt=0,
        last_error=last.what if last else None,
        last_error_at=last.at if last else None,
        last_cause=last.cause if last else None,
        last_cure=last.cure if last else None,
        last_event=last_event.value if last_event else None,
        agent_version=context.version,
        pid=os.getpid(),
        pid_start_ticks=start_ticks(os.getpid()),
    )


def start_ticks(pid: int | None) -> int:
    """Return when a process started, in clock ticks since boot (proc(5), field 22), or -1 if it does not exist."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        return int(stat.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return -1
