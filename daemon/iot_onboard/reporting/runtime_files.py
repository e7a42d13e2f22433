"""What is stored in the runtime directory until the next boot: recent logins, and what was reported."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path

from ..core.backoff import (
    BUDGET_CONNECTS,
    FREE_RESTARTS,
    MIN_KEEPALIVE_S,
    REREGISTER_CAP_S,
    REREGISTER_FIRST_S,
    SHORT_RUN_S,
    Budget,
    restart_delay_s,
    within_window,
)
from ..disk.files import read_plain, remove_temps, write_atomically
from ..fast_start.typing_names import Any
from .history import History, history_of, record_of

_MAX_RUNS = 1000
_MAX_BYTES = 65_536
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class BudgetLog:
    """Remember what was sent in the last minute, so that a restart of the service does not forget the budget."""

    def __init__(self, runtime_dir: Path, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._path = runtime_dir / "connects.json"
        # Where an older version keeps what it knows of registrations.
        self._older_path = runtime_dir / "registrations.json"
        self._monotonic_s = monotonic_s

    def read(self) -> Budget:
        """Return the budget as this boot has left it.

        Invalid stamps do not count: one in the future would keep the gateway off line until then. A file that is there
        and says nothing counts as a budget that is spent: the wait for it ends within a minute, a ban by the platform
        may not. After a restart nobody waits longer than ten minutes for a registration that refused logins lead to,
        for an operator may have reset the device.
        """
        now_s = self._monotonic_s()
        spent = (now_s,) * BUDGET_CONNECTS
        try:
            record = _load(self._path)
        except (OSError, ValueError):
            return Budget(connects=spent, registrations=spent)
        connects = _stamps(record.get("connects"), now_s) if _is_of_this_boot(record) else ()
        if "registrations" not in record:
            try:
                record = _load(self._older_path)
            except (OSError, ValueError):
                return Budget(connects=connects, registrations=spent)
        if not _is_of_this_boot(record):
            return Budget(connects=connects)
        at: Any = record.get("reregister_at")
        gap_s: Any = record.get("reregister_gap_s")
        return Budget(
            connects=connects,
            registrations=_stamps(record.get("registrations"), now_s),
            reregister_at=min(float(at), now_s + REREGISTER_FIRST_S) if _within(at, 0, 1e12) else float("-inf"),
            reregister_gap_s=float(gap_s)
            if _within(gap_s, REREGISTER_FIRST_S, REREGISTER_CAP_S)
            else REREGISTER_FIRST_S,
        )

    def write(self, budget: Budget) -> bool:
        """Remember; say whether that went well."""
        record: dict[str, object] = {
            "connects": budget.connects,
            "registrations": budget.registrations,
            "reregister_gap_s": budget.reregister_gap_s,
        }
        if budget.reregister_at >= 0:
            record["reregister_at"] = budget.reregister_at
        return _write(self._path, record, 0o600)


class KeepAliveLog:
    """Store the keep-alive that an idle time-out requires, so that a restart need not find it again."""

    def __init__(self, runtime_dir: Path) -> None:
        self._path = runtime_dir / "keepalive.json"

    def read(self, configured_s: int) -> int | None:
        """Return the keep-alive of this boot, `None` if the configured one is good."""
        record = _read(self._path)
        found: Any = record.get("keepalive_s")
        good = isinstance(found, int) and _within(found, MIN_KEEPALIVE_S, configured_s - 1)
        return found if good and _is_of_this_boot(record) else None

    def write(self, keepalive_s: int | None) -> bool:
        """Write or remove it; return whether that succeeded."""
        return _write(self._path, {"keepalive_s": keepalive_s}, 0o600)


class StartLog:
    """Count processes in a row that ended soon after their start without a stop signal."""

    def __init__(self, runtime_dir: Path) -> None:
        self._path = runtime_dir / "lives.json"

    def begin(self) -> int:
        """Record a start; return how many short runs there were just before. Remove their temporary files."""
        remove_temps(self._path.parent)
        now_s = time.monotonic()
        count = self._ended_soon(now_s)
        _write(self._path, {"begins_at": now_s + restart_delay_s(count), "short": count}, 0o600)
        return count

    def _ended_soon(self, now_s: float) -> int:
        try:
            record = _load(self._path)
        except OSError:
            # Enough to make the next process wait.
            return FREE_RESTARTS + 1
        except ValueError:
            return 0
        begins_at, short = record.get("begins_at"), record.get("short")
        known = _is_of_this_boot(record)
        if not known or not isinstance(begins_at, int | float) or not isinstance(short, int):
            return 0
        # A run begins after its wait: if it was ended during the wait, that time is in the future. Invalid records
        # count as zero.
        soon = now_s - SHORT_RUN_S < begins_at <= now_s + restart_delay_s(_MAX_RUNS)
        return min(max(short, 0), _MAX_RUNS) + 1 if soon else 0

    def end(self) -> None:
        """Reset the count: this process ends because it was asked to."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


class ReportLog:
    """Store which version was reported in this boot, and the progress of its reports."""

    def __init__(self, runtime_dir: Path) -> None:
        self._path = runtime_dir / "reported.json"

    def reported(self, version: str) -> bool:
        """Say whether this version was reported to the platform in this boot."""
        return _read(self._path) == {"boot_id": _boot_id(), "version": version}

    def mark(self, version: str) -> bool:
        """Record that all is reported; return whether that succeeded."""
        return _write(self._path, {"version": version}, 0o600)

    def progress(self, version: str) -> object:
        """Return what `note` was given for this version in this boot, or `None`."""
        record = _read(self._path)
        same = _is_of_this_boot(record) and record.get("version") == version
        return record.get("reports") if same else None

    def note(self, version: str, reports: dict[str, object]) -> bool:
        """Record the progress of the reports; return whether that succeeded."""
        return _write(self._path, {"version": version, "reports": reports}, 0o600)


class HistoryLog:
    """Store the history, readable by all users."""

    def __init__(self, runtime_dir: Path) -> None:
        self._path = runtime_dir / "history.json"

    def read(self) -> History:
        """Return the history of this boot."""
        record = _read(self._path)
        return history_of(record) if _is_of_this_boot(record) else History()

    def read_as_reader(self) -> History:
        """Return what the running daemon has written, without a check of the boot id.

        In a container the boot id is different inside the sandbox of a service, which has its own /proc. The daemon
        writes the history when it starts, so if it runs, the file is of this boot.
        """
        # Imported here: only readers need it, because another user may own the directory.
        from ..disk.untrusted_path import read_foreign

        try:
            return history_of(_record(read_foreign(self._path, _MAX_BYTES)))
        except (OSError, ValueError):
            return History()

    def write(self, history: History) -> bool:
        """Write it; return whether that succeeded."""
        return _write(self._path, record_of(history), 0o644)


def _is_of_this_boot(record: dict[str, object]) -> bool:
    return record.get("boot_id") == _boot_id()


def _stamps(found: object, now_s: float) -> tuple[float, ...]:
    """Return the times of a list that lie in the window of a budget."""
    if not isinstance(found, list):
        return ()
    return within_window(tuple(float(at) for at in found[-64:] if _within(at, 0, now_s)), now_s)


def _within(value: object, lowest: float, highest: float) -> bool:
    # Compared before it becomes a float: JSON holds integers that no float can.
    return isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value <= highest


def _read(path: Path) -> dict[str, object]:
    try:
        return _load(path)
    except (OSError, ValueError):
        return {}


def _load(path: Path) -> dict[str, object]:
    """Return the content of a file, empty if there is none; raise `OSError` or `ValueError` if it is not readable."""
    try:
        data = read_plain(path, _MAX_BYTES, follow=False)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return _record(data)


def _record(data: bytes) -> dict[str, object]:
    try:
        record = json.loads(data)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(record, dict):
        raise ValueError("not an object")  # noqa: TRY004 - as of any other text that is no record
    return record


def _write(path: Path, record: dict[str, object], mode: int) -> bool:
    return write_atomically(path, json.dumps({"boot_id": _boot_id(), **record}).encode(), mode)


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        # Without /proc two boots look the same; one stamp too many costs a wait of a minute, one too few breaks the
        # limit.
        return ""
