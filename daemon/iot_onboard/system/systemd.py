"""Ask systemd for the state of the service, or to restart it, if the system runs systemd."""

from __future__ import annotations

import enum
import sys
from pathlib import Path

from ..core import units
from .processes import ask

_TIMEOUT_S = 90
_SHOW_TIMEOUT_S = 4.0
_PROPERTIES = (
    "LoadState,LoadError,UnitFileState,ActiveState,SubState,Result,ExecMainStatus,ExecMainCode,MainPID,NRestarts,NeedDaemonReload,"
    "ActiveEnterTimestamp,ActiveEnterTimestampMonotonic"
)


class Restart(enum.Enum):
    """Name the result of a restart."""

    DONE = "done"
    NO_SYSTEMD = "no systemd runs here"
    NO_UNIT = f"{units.SERVICE} is not installed"
    FAILED = f"systemctl restart {units.SERVICE} failed"


def is_booted(root: Path = Path("/")) -> bool:
    """Say whether systemd runs this system: the check of sd_booted(3)."""
    return (root / "run/systemd/system").is_dir()


def _sd_booted(root: Path) -> bool:
    try:
        # Imported here: quick commands and the daemon do not need the library.
        from systemd.daemon import booted
    except ImportError:
        return is_booted(root)
    return bool(booted()) if root == Path("/") else is_booted(root)


def restart(root: Path = Path("/")) -> Restart:
    """Restart the service; in an image build or a chroot there is no service manager."""
    if not _sd_booted(root):
        return Restart.NO_SYSTEMD
    shown = ask(["systemctl", "show", "--property=LoadState", "--value", units.SERVICE], timeout_s=_TIMEOUT_S)
    if shown.text.strip() != "loaded":
        return Restart.NO_UNIT
    done = ask(["systemctl", "restart", units.SERVICE], timeout_s=_TIMEOUT_S)
    sys.stderr.write(done.errors.decode("utf-8", "replace"))
    return Restart.DONE if done.code == 0 else Restart.FAILED


def service_properties() -> units.UnitProperties:
    """Return the properties of the service, with the recovery unit's text if systemd cannot start the service."""
    service = show(_PROPERTIES, units.SERVICE, timeout_s=_SHOW_TIMEOUT_S)
    if service.trouble or service.get("ActiveState") not in {"failed", "inactive"}:
        return service
    recovery = show("ActiveState,StatusText", units.RECOVERY, timeout_s=_SHOW_TIMEOUT_S)
    prevented = recovery.get("StatusText") if recovery.get("ActiveState") == "active" else ""
    return units.UnitProperties(properties={**service.properties, units.PREVENTED: prevented})


def show(properties: str, *unit: str, timeout_s: float) -> units.UnitProperties:
    """Return properties of a unit, or of systemd itself if none is named; times are in UTC."""
    answer = ask(["systemctl", "show", *unit, f"--property={properties}", "--timestamp=utc"], timeout_s=timeout_s)
    pairs = (line.partition("=") for line in answer.text.splitlines())
    found = {name: value for name, _, value in pairs} if answer.code == 0 else {}
    return units.UnitProperties(properties=found, trouble=answer.complaint)
