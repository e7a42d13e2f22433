"""An attack for long: interfaces come and go each second, one of them the uplink, the others with no part in it."""

from __future__ import annotations

import re
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from iot_onboard.core.backoff import BUDGET_CONNECTS
from support.gateway.gateway import Gateway
from support.gateway.stored import point
from support.machine import namespace
from support.machine.churn import CONTAINER, UPLINK, churning
from support.platform.tlsserver import certificates
from support.process.resting import wakeups

from .tally import Tally

TEN_MINUTES_S = 600.0
MAX_WAKEUPS_MINUTE = 4
_HOST, _NOBODY = "10.9.9.2", "10.9.9.77"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Say how the platform is: `online` where it is well."""

    name: str
    host: str = _HOST
    port: int = 8883
    trusted: bool = True
    cable: bool = True
    online: bool = False
    flaps: str = CONTAINER


WAYS = (
    Way(name="online", online=True),
    Way(name="refuses", port=8884),
    Way(name="drops packets", host=_NOBODY),
    Way(name="has a foreign certificate", trusted=False),
    Way(name="has no name", host="platform.test", cable=False),
    Way(name="refuses, and the uplink flaps", port=8884, flaps=UPLINK),
)


class Patient:
    """Run one daemon in a network of its own, and count what it does."""

    def __init__(self, way: Way, home: Path, stack: ExitStack) -> None:
        self.way = way
        self.gateway = stack.enter_context(Gateway(home / "gateway"))
        if way.cable:
            cable = namespace.Cable(home / "cable")
            prefix, ca_file = cable.prefix, cable.ca_file
        else:
            prefix, ca_file = namespace.network(home / "network"), certificates("ours")[0]
        point(self.gateway, way.port, ca_file if way.trusted else certificates("foreign")[0], host=way.host)
        # This platform answers no ping: none is sent in ten minutes.
        text = self.gateway.config.read_text().replace("keepalive_s: 30", "keepalive_s: 1200")
        self.gateway.config.write_text(f"{text}log_level: debug\n")
        # Half a minute, as in the unit.
        self.gateway.environment["WATCHDOG_USEC"] = "60000000"
        self.gateway.start(*prefix)

    def wait_until_ready(self) -> None:
        self.gateway.wait_for_state("online" if self.way.online else "waiting", 40)
        if self.way.host == _NOBODY:
            # Somebody is there, by the kernel's knowledge, and answers nothing.
            neighbour = f"ip neigh replace {_NOBODY} lladdr 02:00:00:00:00:77 dev v0 nud permanent"
            namespace.shell(self.gateway.pid, neighbour)

    def begin(self) -> None:
        self._before = (self._connects(), len(self.attempts()), wakeups(self.gateway.pid))

    def end(self) -> None:
        connects, attempts, woken = self._before
        self.syns, self.wakeups = self._connects() - connects, wakeups(self.gateway.pid) - woken
        self.dials = len(self.attempts()) - attempts
        self.state = self.gateway.status().get("state")

    def said(self, seconds: float) -> str:
        minutes = seconds / 60
        return (
            f"the platform {self.way.name}, {seconds:.0f} s: {self.dials} dials, {self.syns} connects, "
            f"{self.wakeups / minutes:.1f} wake-ups a minute"
        )

    def attempts(self) -> list[int]:
        return [int(number) for number in re.findall(r"Connecting to .*\(attempt (\d+)\)", self.gateway.lines())]

    def _connects(self) -> int:
        lines = Path(f"/proc/{self.gateway.pid}/net/snmp").read_text().splitlines()
        names, values = (line.split() for line in lines if line.startswith("Tcp:"))
        return int(dict(zip(names, values, strict=True))["ActiveOpens"])


def attack(seconds: float, *, compared: bool = True) -> Tally:
    """Let each kind of platform be met with such an interface, and to compare without, all at the same time."""
    tally = Tally(attack="an interface that flaps")
    if (why_not := namespace.why_no_namespace()) is not None:
        tally.facts.append(f"flapping interface: not tried: {why_not}")
        return tally
    with tempfile.TemporaryDirectory(prefix="torture-") as home, ExitStack() as stack:
        flapping, quiet = (
            [Patient(way, _made(Path(home) / f"{number}-{kind}"), stack) for number, way in enumerate(ways)]
            for kind, ways in (("flapping", WAYS), ("quiet", WAYS if compared else ()))
        )
        for patient in (*flapping, *quiet):
            patient.wait_until_ready()
        for patient in flapping:
            stack.enter_context(churning(patient.gateway.pid, patient.way.flaps))
        # A few messages of a quiet kernel are looked at at once.
        time.sleep(4.0)
        for patient in (*flapping, *quiet):
            patient.begin()
        time.sleep(seconds)
        for patient in (*flapping, *quiet):
            patient.end()
        for patient in flapping:
            _judge(tally, patient, seconds)
        tally.facts += [f"flapping interface: {patient.said(seconds)}" for patient in flapping]
        tally.facts += [f"flapping interface: without it, {patient.said(seconds)}" for patient in quiet]
    return tally


def _made(home: Path) -> Path:
    home.mkdir()
    return home


def _judge(tally: Tally, flapping: Patient, seconds: float) -> None:
    name, minutes = flapping.way.name, seconds / 60
    if flapping.way.online:
        tally.check(flapping.state == "online" and not flapping.dials, f"{name}: {flapping.state}")
        most = MAX_WAKEUPS_MINUTE * minutes + 1
        tally.check(flapping.wakeups <= most, f"{name}: {flapping.wakeups} wake-ups in {seconds:.0f} s")
        return
    attempts = flapping.attempts()
    if flapping.way.flaps == CONTAINER:
        # Attempts that news lead to are counted from one again.
        tally.check(attempts == list(range(1, len(attempts) + 1)), f"{name}: attempts {attempts}")
    most = BUDGET_CONNECTS * max(1.0, minutes)
    tally.check(flapping.dials <= most, f"{name}: {flapping.dials} dials in {seconds:.0f} s")
