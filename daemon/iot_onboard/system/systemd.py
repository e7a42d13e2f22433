"""Ask systemd to start the service afresh, where there is a systemd to ask."""

from __future__ import annotations

import enum
import subprocess
from pathlib import Path

from ..core import units

_TIMEOUT_S = 90


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
