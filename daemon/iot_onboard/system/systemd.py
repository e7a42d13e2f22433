"""Ask systemd how the service is, or to start it afresh, where there is a systemd to ask."""

from __future__ import annotations

import enum
import sys
from pathlib import Path

from ..core import units
from .processes import ask

_TIMEOUT_S = 90
_SHOW_TIMEOUT_S = 4.0
_PROPERTIES = (
    "LoadState,UnitFileState,ActiveState,SubState,Result,ExecMainStatus,ExecMainCode,MainPID,NRestarts,NeedDaemonReload,"
    "ActiveEnterTimestamp,ActiveEnterTimestampMonotonic"
)


class Restart(enum.Enum):
    """Say what came of it."""

    DONE = "done"
    NO_SYSTEMD = "no systemd runs here"
    NO_UNIT = f"{units.SERVICE} is not installed"
    FAILED = f"systemctl restart {units.SERVICE} failed"


def restart(root: Path = Path("/")) -> Restart:
    """Restart the service; an image build or a chroot has no service manager (sd_booted(3))."""
    if not (root / "run/systemd/system").is_dir():
        return Restart.NO_SYSTEMD
    shown = ask(["systemctl", "show", "--property=LoadState", "--value", units.SERVICE], timeout_s=_TIMEOUT_S)
    if shown.text.strip() != "loaded":
        return Restart.NO_UNIT
    done = ask(["systemctl", "restart", units.SERVICE], timeout_s=_TIMEOUT_S)
    sys.stderr.write(done.errors.decode("utf-8", "replace"))
    return Restart.DONE if done.code == 0 else Restart.FAILED


def service_properties() -> units.UnitProperties:
    """Return what systemd says of the service; times are in UTC."""
    command = ["systemctl", "show", units.SERVICE, f"--property={_PROPERTIES}", "--timestamp=utc"]
    answer = ask(command, timeout_s=_SHOW_TIMEOUT_S)
    pairs = (line.partition("=") for line in answer.text.splitlines())
    properties = {name: value for name, _, value in pairs} if answer.code == 0 else {}
    return units.UnitProperties(properties=properties, trouble=answer.complaint)
