"""A journald that is stopped dead with its queue full, and what a gateway does meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from support.machine.machine import UNIT, Machine
from support.machine.site import PRODUCT_KEY, Site
from support.platform.sandbox import wait_for

WATCHDOG_S = 6
# A third session in a row that lasts less than a minute looks like a clone, and is held off.
_FIRST_KICKS, _KICK_EVERY_S = 2, 65.0
# Each sender may have so much on its way; the queue is full when a fresh one gets nothing in.
_FILL = """
import socket
while True:
    journal, sent = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), 0
    journal.setblocking(False)
    journal.connect("/run/systemd/journal/socket")
    try:
        while True:
            journal.send(b"MESSAGE=noise\\nPRIORITY=7\\n")
            sent += 1
    except BlockingIOError:
        if not sent:
            break
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Hold how long it went on, and what was seen."""

    seconds: float
    kicks: int
    logins: int
    restarts: int
    start_s: float
    stop_s: float
    late_lines: int
    lost: str


def prepare(gateway: Machine) -> None:
    """Have the watchdog bite within seconds, and none bite a journald that hangs."""
    gateway.drop_in("watchdog", f"[Service]\nWatchdogSec={WATCHDOG_S}s\n")
    gateway.drop_in("watchdog", "[Service]\nWatchdogSec=0\n", unit="systemd-journald.service")


@contextmanager
def stopped_journal(gateway: Machine) -> Iterator[None]:
    """Stop journald and fill its queue; let it go on at the end."""
    gateway.run("systemctl", "kill", "--signal=STOP", "systemd-journald.service")
    gateway.run("python3", "-c", _FILL)
    try:
        yield
    finally:
        gateway.run("systemctl", "kill", "--signal=CONT", "systemd-journald.service")


def hang(site: Site, gateway: Machine, seconds: float) -> Found:
    """Kick a gateway that is online for so long, then stop and start it; all of it without a journal."""
    began_s, kicks, before = time.monotonic(), 0, len(connects(site))
    with stopped_journal(gateway):
        while (left_s := began_s + seconds - time.monotonic()) > 0:
            at = len(connects(site))
            site.sandbox.command("kick", PRODUCT_KEY, gateway.name)
            kicks += 1
            wait_for(lambda at=at: len(connects(site)) > at, "a login after a kick", 30)  # type: ignore[misc]
            gap_s = 10.0 if kicks < _FIRST_KICKS else _KICK_EVERY_S
            time.sleep(min(gap_s, max(0.0, left_s)))
        gateway.wait_for_state("online")
        restarts = int(gateway.show("NRestarts")["NRestarts"])
        logins = len(connects(site)) - before
        gateway.run("systemctl", "stop", UNIT)
        stop_s = exit_time_s(gateway)
        at, start_at = len(connects(site)), time.monotonic()
        gateway.run("systemctl", "start", UNIT)
        wait_for(lambda: len(connects(site)) > at, "a login after a start", 60)
        start_s = time.monotonic() - start_at
    gateway.wait_for_event("online", 30, count=2)
    # What the second process could not say yet.
    wait_for(lambda: "started" in gateway.events()[-5:], "its lines", 30)
    lines = [entry["MESSAGE"] for entry in gateway.journal()]
    return Found(
        seconds=seconds,
        kicks=kicks,
        logins=logins,
        restarts=restarts,
        start_s=start_s,
        stop_s=stop_s,
        late_lines=sum("taken late)" in line for line in lines),
        lost=next((line for line in lines if "are lost" in line), ""),
    )


def connects(site: Site) -> list[object]:
    return [row for row in site.sandbox.seen() if row["what"] == "connect"]


def exit_time_s(gateway: Machine) -> float:
    """Return how long the service took from the order to stop to its end."""
    found = gateway.show("ActiveExitTimestampMonotonic", "ExecMainExitTimestampMonotonic", "Result", "ExecMainStatus")
    assert (found["Result"], found["ExecMainStatus"]) == ("success", "0"), found
    return (int(found["ExecMainExitTimestampMonotonic"]) - int(found["ActiveExitTimestampMonotonic"])) / 1e6


def assert_unmoved(found: Found) -> None:
    """Every kick led to one login of the same process; a stop and a start were as quick as ever."""
    assert found.restarts == 0, found
    assert found.logins == found.kicks, found
    assert 0 < found.stop_s <= 0.5, found
    assert found.start_s <= 10, found
    assert found.late_lines > 0, found
