"""Make a unit that systemd starts like the service, with a program that does nothing. Pure.

If it starts, systemd could start the service now. For a service that fails to start systemd logs six lines or more; for
this unit it logs none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from ..core import units

PATH = PurePosixPath(f"/run/systemd/system/{units.PROBE}")
NOTHING = "/bin/true"
_HEAD = """\
# Made by {recovery}: it shows whether systemd could start {service}. See iot-onboard.service(8).
[Unit]
Description=See whether systemd could start iot-onboard
StartLimitIntervalSec=0
[Service]
"""
# At the end, so that these lines win. RuntimeDirectoryPreserve keeps the service's runtime directory.
_TAIL = """\
Type=oneshot
ExecStart=
ExecStart={program}
ExecStartPost=
ExecStop=
ExecStopPost=
ExecReload=
RemainAfterExit=no
Restart=no
RestartForceExitStatus=
SuccessExitStatus=
RuntimeDirectoryPreserve=yes
WatchdogSec=0
LogLevelMax=emerg
"""
_CREDENTIALS = re.compile(r"(Load|Set|Import)Credential")


def render(unit: str, *, program: str = NOTHING, credentials: bool = False) -> str:
    """Return the unit; `unit` is what `systemctl cat` prints of the service.

    Its dependencies are left out, because they would be started. Without `credentials` its secrets are left out,
    because systemd 252 logs a line for the mount at each start of such a unit. A secret in the unit itself is never
    copied.
    """
    kept = [line for line in _service_lines(unit) if not _CREDENTIALS.match(line) or (credentials and _is_open(line))]
    head = _HEAD.format(recovery=units.RECOVERY, service=units.SERVICE)
    return "".join((head, *(f"{line}\n" for line in kept), _TAIL.format(program=program)))


def _is_open(line: str) -> bool:
    return not line.startswith("Set") or line.partition(":")[2] == "\\n"


def _service_lines(unit: str) -> Iterator[str]:
    """Return the directives of [Service], each in one line; skip comments inside continued lines."""
    section, begun = "", ""
    for raw in unit.splitlines():
        text = raw.strip()
        if text.startswith(("#", ";")) or (not text and not begun):
            continue
        if text.endswith("\\"):
            begun += f"{text[:-1]} "
            continue
        whole, begun = (begun + text).strip(), ""
        if whole.startswith("[") and whole.endswith("]"):
            section = whole
        elif section == "[Service]" and "=" in whole:
            yield whole
