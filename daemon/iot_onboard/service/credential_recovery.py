"""Start the service without a credential that systemd cannot hand out; iot-onboard-credentials.service runs this.

`withheld` decides. A gateway whose device secret is stored comes online then, and another one can say what it lacks.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

from .. import __version__
from ..config.unloadable import (
    CREDENTIALS,
    DROP_IN,
    CredentialSource,
    Override,
    decide,
    read_override,
    read_unit,
    render,
)
from ..core import units
from ..disk.files import make_directory, write_durably
from ..events.format import line_of
from ..events.model import Context, Details, Event
from ..fast_start.fast_dataclasses import replace
from ..reporting.journal import Journal, open_journal
from ..system.processes import ask, environment
from ..system.terminal import complain

_ASK_S = 90.0
# systemd takes no more for a credential.
_MOST_BYTES = 1024 * 1024


def main(root: Path = Path("/"), pause_s: float = 60.0) -> int:
    """Look, decide, and have systemd do so; 1 where systemd does not answer."""
    shown = ask(
        ["systemctl", "show", units.SERVICE, "--property=ExecMainStatus,ExecMainExitTimestampMonotonic"],
        timeout_s=_ASK_S,
    )
    unit = ask(["systemctl", "cat", units.SERVICE], timeout_s=_ASK_S)
    if shown.code != 0 or unit.code != 0:
        complain("systemd does not answer")
        return 1
    properties = dict(line.partition("=")[::2] for line in shown.text.splitlines())
    failed = properties.get("ExecMainStatus") == CREDENTIALS
    path = root / DROP_IN.relative_to("/")
    present = _present(path)
    given = read_unit(unit.text)
    closed = [one for one in given if not opens(one)]
    wanted = decide(present, properties.get("ExecMainExitTimestampMonotonic", "") if failed else None, given, closed)
    if wanted != present:
        if present is not None and wanted is not None:
            # It fails without what was taken away, too: that is no cause for haste.
            time.sleep(pause_s)
        _put_in_place(path, wanted)
    if failed:
        ask(["systemctl", "start", "--no-block", units.SERVICE], timeout_s=_ASK_S)
    return 0


def opens(given: CredentialSource) -> bool:
    """Say whether systemd could hand a secret out now, as far as that shows from here; what it is goes nowhere."""
    if not given.path:
        return False
    try:
        found = Path(given.path).stat()
        if given.encrypted:
            return _decrypts(given)
        if stat.S_ISREG(found.st_mode):
            with open(given.path, "rb", buffering=0) as file:
                return len(file.read(_MOST_BYTES + 1)) <= _MOST_BYTES
    except FileNotFoundError:
        # Then the unit's stand-in is taken.
        return True
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode)


def _decrypts(given: CredentialSource) -> bool:
    command = ["systemd-creds", "decrypt", f"--name={given.name}", given.path, "-"]
    try:
        done = subprocess.run(  # noqa: S603 - a path of the unit's own files
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
            timeout=_ASK_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _present(path: Path) -> Override | None:
    try:
        return read_override(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def _put_in_place(path: Path, override: Override | None) -> None:
    journal = open_journal(os.environ, sys.stderr, "info")
    if override is None:
        path.unlink(missing_ok=True)
        _tell(journal, Event.SECRET_HANDED_OUT, "")
    else:
        make_directory(path.parent)
        write_durably(path, render(override).encode(), 0o644)
        _tell(journal, Event.SECRET_WITHHELD, " and ".join(one.words for one in override.withheld) or "a credential")
    ask(["systemctl", "daemon-reload"], timeout_s=_ASK_S)


def _tell(journal: Journal, event: Event, detail: str) -> None:
    line = line_of(event, Details(detail=detail), Context(product_key="", device_name="", version=__version__), "boot")
    # So that `journalctl -u iot-onboard` shows it: a line of root's about that unit.
    journal.write(replace(line, fields=(*line.fields, ("OBJECT_SYSTEMD_UNIT", units.SERVICE))))


if __name__ == "__main__":
    sys.exit(main())
