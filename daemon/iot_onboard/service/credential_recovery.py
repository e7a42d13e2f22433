"""Let the service start without a secret that systemd cannot load; `start_recovery` calls this.

`unloadable` decides. A gateway with a stored device secret then comes online; any other one can log what is missing.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..config.unloadable import DROP_IN, SHIPPED, CredentialSource, decide, read_drop_in, read_unit
from ..core import units
from ..disk.files import make_directory, write_durably
from ..events.model import Details, Event
from ..reporting.announce import announce
from ..system.processes import ask

_ASK_S = 90.0
# The largest credential that systemd accepts.
_MAX_BYTES = 1024 * 1024
_NOT_OURS = f"a credential that does not belong to iot-onboard (systemctl cat {units.SERVICE} shows it)"


def update_drop_in(root: Path, *, failed: bool) -> bool:
    """Write or remove the drop-in that replaces unloadable secrets; return whether that changed anything.

    `failed`: systemd has just failed because of a secret. Otherwise this is the check before a start.
    """
    unit = ask(["systemctl", "cat", units.SERVICE], timeout_s=_ASK_S)
    if unit.code != 0:
        return False
    path = root / DROP_IN.relative_to("/")
    present = _read(path)
    if not present and not failed:
        return False
    sources = read_unit(unit.text)
    wanted = decide(
        present, failed=failed, sources=sources, loadable={one: is_loadable(one) for one in (*sources, *SHIPPED)}
    )
    if wanted == present:
        return False
    _put_in_place(path, wanted)
    return True


def is_loadable(source: CredentialSource) -> bool | None:
    """Say whether systemd could probably load a secret now; `None`: there is none.

    The value of the secret is discarded.
    """
    if not source.path:
        return False
    try:
        kind = Path(source.path).stat().st_mode
        if source.encrypted:
            command = ["systemd-creds", "decrypt", f"--name={source.name}", source.path, os.devnull]
            return ask(command, timeout_s=_ASK_S).code == 0
        if not stat.S_ISREG(kind):
            return stat.S_ISDIR(kind)
        with open(source.path, "rb", buffering=0) as file:
            return len(file.read(_MAX_BYTES + 1)) <= _MAX_BYTES
    except FileNotFoundError:
        # Then systemd uses the unit's placeholder.
        return None
    except OSError:
        return False


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _put_in_place(path: Path, text: str) -> None:
    if text:
        make_directory(path.parent)
        write_durably(path, text.encode(), 0o644)
        names = " and ".join(read_drop_in(text).values()) or _NOT_OURS
        announce(Event.SECRET_UNLOADABLE, Details(detail=names), unit=units.SERVICE)
    else:
        path.unlink(missing_ok=True)
        announce(Event.SECRET_LOADABLE, Details(), unit=units.SERVICE)
    ask(["systemctl", "daemon-reload"], timeout_s=_ASK_S)
