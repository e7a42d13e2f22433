"""What is remembered until the next boot, in the runtime directory: recent logins, and what was reported."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

from .pacing import within_window

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def replace_file(path: Path, text: str, mode: int) -> bool:
    """Put a file in place at once, and say whether that went well; no sync, for the directory is in memory."""
    temp = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        temp.write_text(text)
        temp.chmod(mode)
        temp.rename(path)
    except OSError:
        with contextlib.suppress(OSError):
            temp.unlink(missing_ok=True)
        return False
    return True


class ConnectLog:
    """Remember when CONNECTs were sent, so that a restart of the service does not forget the budget."""

    def __init__(self, runtime_dir: Path) -> None:
        self._path = runtime_dir / "connects.json"

    def read(self) -> tuple[float, ...]:
        """Return when this boot's CONNECTs of the budget's window were sent, in monotonic seconds.

        Whatever makes no sense is no stamp: one in the future would keep the gateway off line until then.
        """
        record = _read(self._path)
        stamps = record.get("connects") if record.get("boot_id") == _boot_id() else None
        if not isinstance(stamps, list):
            return ()
        now_s = time.monotonic()
        # Compared before they become floats: JSON holds integers that no float can.
        past = (at for at in stamps[-64:] if type(at) in {int, float} and 0 <= at <= now_s)
        return within_window(tuple(float(at) for at in past), now_s)

    def write(self, stamps: tuple[float, ...]) -> bool:
        """Remember; say whether that went well."""
        return replace_file(self._path, json.dumps({"boot_id": _boot_id(), "connects": stamps}), 0o600)


class ReportLog:
    """Remember which version was reported in this boot."""

    def __init__(self, runtime_dir: Path) -> None:
        self._path = runtime_dir / "reported.json"

    def reported(self, version: str) -> bool:
        """Say whether this boot has told the platform this version."""
        return _read(self._path) == {"boot_id": _boot_id(), "version": version}

    def mark(self, version: str) -> bool:
        """Remember; say whether that went well."""
        return replace_file(self._path, json.dumps({"boot_id": _boot_id(), "version": version}), 0o600)


def _read(path: Path) -> dict[str, object]:
    try:
        record = json.loads(path.read_bytes()[:65536])
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        # Without /proc two boots look alike; a stamp too many costs a minute's wait, one too few breaks the limit.
        return ""
