"""Ask systemd how the service is, or to start it afresh, where there is a systemd to ask."""

from __future__ import annotations

import enum
import subprocess
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
    if (_systemctl("show", "--property=LoadState", "--value", units.SERVICE) or "").strip() != "loaded":
        return Restart.NO_UNIT
    return Restart.DONE if _systemctl("restart", units.SERVICE) is not None else Restart.FAILED


def service_properties() -> units.UnitProperties:
    """Return what systemd says of the service; times are in UTC."""
    command = ["systemctl", "show", units.SERVICE, f"--property={_PROPERTIES}", "--timestamp=utc"]
    answer = ask(command, timeout_s=_SHOW_TIMEOUT_S)
    pairs = (line.partition("=") for line in answer.text.splitlines())
    properties = {name: value for name, _, value in pairs} if answer.code == 0 else {}
    return units.UnitProperties(properties=properties, trouble=answer.complaint)


def _systemctl(*words: str) -> str | None:
    """Return what systemctl printed, or `None` where it failed."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            ["systemctl", *words],  # noqa: S607 - an administrator's path
            stdout=subprocess.PIPE,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
