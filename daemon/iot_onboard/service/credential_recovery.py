"""Let the service start without a secret that systemd cannot hand out; `start_recovery` calls this.

`unloadable` decides. A gateway whose device secret is stored comes online then, and another one can say what it lacks.
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
# systemd takes no more for a credential.
_MAX_BYTES = 1024 * 1024
_NOT_OURS = f"a credential that is not ours (systemctl cat {units.SERVICE} shows it)"


def withhold(root: Path, *, failed: bool) -> bool:
    """Put what cannot be loaded out of the unit's way, and back; say whether that changed anything.

    `failed`: systemd has just failed because of it. Else this is the look before a start.
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
    """Say whether systemd could load a secret now, as far as that shows from here; `None`: there is none.

    What it is goes nowhere.
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
        # Then the unit's stand-in is taken.
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
