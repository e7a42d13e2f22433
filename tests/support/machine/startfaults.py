"""What keeps systemd from starting the service: how each fault is made, how it ends, and what of it is told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from support.platform.sandbox import wait_for

from .machine import Machine

STATE = "/var/lib/iot-onboard"
UNITS = ("iot-onboard.service", "iot-onboard-recovery.service", "iot-onboard-probe.service")
# What systemd logs of one start that fails: "Starting", two lines of the step, how the process ended, the result of the
# unit, "Failed to start", and that it starts the other unit.
MAX_LINES_OF_A_START = 7
HEALS_S = 60.0
DROP_IN = "start-fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartFault:
    """Hold one fault: a drop-in and a script that make it, the words that name it, and a script that ends it.

    Without such a script the cure that is told is followed.
    """

    id: str
    words: tuple[str, ...]
    drop_in: str = ""
    make: str = ""
    end: str = ""


START_FAULTS = (
    StartFault(
        id="226: a directory that a drop-in opens",
        drop_in="[Service]\nReadWritePaths=/srv/gone\n",
        end="mkdir /srv/gone",
        words=("/srv/gone", "status 226"),
    ),
    StartFault(
        id="200: the working directory",
        drop_in="[Service]\nWorkingDirectory=/srv/work\n",
        end="mkdir /srv/work",
        words=("/srv/work", "status 200"),
    ),
    StartFault(
        id="238: a link in the place of the state directory",
        make=f"mv {STATE} /srv/state && ln -s /srv/state {STATE}",
        words=(f"{STATE} is a link to /srv/state", "status 238"),
    ),
    StartFault(
        id="238: a link that leads to nothing",
        make=f"mv {STATE} /srv/kept && ln -s /srv/nothing {STATE}",
        end=f"rm {STATE} && mv /srv/kept {STATE}",
        words=(f"{STATE} is a link to /srv/nothing, which does not exist", "status 238"),
    ),
    StartFault(
        id="217: the service's user",
        make="sed -i /^iot-onboard:/d /etc/passwd /etc/shadow",
        words=("no user iot-onboard", "status 217"),
    ),
    StartFault(
        id="216: a group of a drop-in",
        drop_in="[Service]\nSupplementaryGroups=late\n",
        end="groupadd late",
        words=("no group late", "status 216"),
    ),
    StartFault(
        id="a file of EnvironmentFile=",
        drop_in="[Service]\nEnvironmentFile=/srv/environment\n",
        end="touch /srv/environment",
        words=("/srv/environment", "EnvironmentFile="),
    ),
    StartFault(
        id="a command before the service",
        drop_in="[Service]\nExecStartPre=/usr/bin/test -e /srv/ready\n",
        end="touch /srv/ready",
        words=("a command that the unit runs before",),
    ),
    StartFault(
        id="238: a file in the place of the state directory",
        make=f"mv {STATE} /srv/kept && touch {STATE}",
        end=f"rm {STATE} && mv /srv/kept {STATE}",
        words=(f"{STATE} is not a directory", "status 238"),
    ),
    StartFault(
        id="222: where its errors go",
        drop_in="[Service]\nStandardError=append:/srv/log/iot-onboard\n",
        end="mkdir /srv/log",
        words=("standard error", "status 222"),
    ),
    StartFault(
        id="203: its program",
        drop_in="[Service]\nExecStart=\nExecStart=/srv/run run\n",
        end="ln -s /usr/bin/iot-onboard /srv/run",
        words=("/srv/run cannot be run", "status 203"),
    ),
)


def cursor(machine: Machine) -> str:
    """Return where the journal ends now."""
    text = machine.run("journalctl", "--quiet", "--lines=0", "--show-cursor")
    return text.partition("-- cursor: ")[2].strip()


def lines_since(machine: Machine, place: str) -> list[dict[str, Any]]:
    """Return what was logged of our units since then: systemd's lines, the service's, and those about it."""
    machine.run("journalctl", "--sync")
    units = [f"--unit={name}" for name in UNITS]
    text = machine.run("journalctl", "--quiet", "--output=json", f"--after-cursor={place}", *units)
    return [json.loads(line) for line in text.splitlines()]


def events_of(lines: list[dict[str, Any]]) -> list[str]:
    return [line["IOT_EVENT"] for line in lines if "IOT_EVENT" in line]


def break_start(machine: Machine, fault: StartFault) -> str:
    """Make a fault while the service is stopped, have it started in vain, and return where the journal was."""
    machine.run("systemctl", "stop", "iot-onboard")
    if fault.make:
        machine.run("sh", "-c", fault.make)
    if fault.drop_in:
        machine.drop_in(DROP_IN, fault.drop_in)
        machine.run("systemctl", "daemon-reload")
    place = cursor(machine)
    machine.try_run("systemctl", "start", "iot-onboard")
    return place


def end_start_fault(machine: Machine, fault: StartFault, message: str) -> None:
    """End it, by the cure that the line names where the fault has no other."""
    script = fault.end or message.partition("To do: ")[2].partition(";")[0].rstrip(".").replace("sudo ", "")
    machine.run("sh", "-c", script)


def tidy(machine: Machine) -> None:
    """Take the drop-in away, whose fault has ended."""
    machine.run("rm", "-f", f"/etc/systemd/system/iot-onboard.service.d/{DROP_IN}.conf")
    machine.run("systemctl", "daemon-reload")


def is_active(machine: Machine, unit: str = UNITS[0]) -> bool:
    return machine.try_run("systemctl", "is-active", unit).stdout == "active\n"


def wait_until_reported(machine: Machine, place: str) -> dict[str, Any]:
    """Return the line that says why the service is not started."""

    def logged() -> dict[str, Any] | None:
        found = [line for line in lines_since(machine, place) if line.get("IOT_EVENT") == "start-prevented"]
        return found[-1] if found else None

    return wait_for(logged, "why it is not started is told", 40, every_s=0.3)
