"""A link that flaps for long, in time that runs faster: how a gateway lives through it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from iot_onboard.events.rate_limit import MAX_LINES
from support.machine.fieldnetwork import MQTT
from support.machine.machine import Machine
from support.machine.site import Site
from support.platform.budget import assert_within_budget, window_at
from support.platform.sandbox import wait_for

PERIOD_S = 10.0
_VERDICTS = ("drop", "reject with tcp reset")
_LOOK_EVERY = 5
_MAX_GROWTH = 1.05
# An attempt under way has a socket or two.
_MAX_MORE_FILES = 3
# Of troubles in an hour, as many ends of them, and the story of the boot.
_MAX_LINES = 2 * MAX_LINES + 10


@dataclass(slots=True, kw_only=True)
class Flapped:
    """Hold what was seen; seconds are those of the gateway, which pass faster than ours."""

    flaps: int = 0
    logins: int = 0
    lines: int = 0
    memory_kb: list[int] = field(default_factory=list)
    open_files: list[int] = field(default_factory=list)
    online_after_s: float = 0.0


def flap(site: Site, gateway: Machine, *, seconds: float, speed: float, within_s: float) -> Flapped:
    """Pull and plug the cable every 10 s for so long; raise where it is not online `within_s` after that.

    Whenever the link is back, the router has forgotten what was connected, and drops it without a word or refuses it.
    """
    site.quicken(speed)
    gateway.quicken(speed)
    gateway.boot()
    gateway.wait_for_event("online", 60)
    found, half_s, began = Flapped(), PERIOD_S / speed / 2, time.monotonic()
    while (time.monotonic() - began) * speed < seconds:
        gateway.cable(plugged=False)
        time.sleep(half_s)
        site.forget(MQTT, _VERDICTS[found.flaps % 2])
        gateway.cable(plugged=True)
        time.sleep(half_s)
        found.flaps += 1
        if found.flaps % _LOOK_EVERY == 0:
            _look(gateway, found)
    ended = time.monotonic()
    # Online alone may be told of a connection that was forgotten, by either side.
    wait_for(lambda: site.connections(MQTT), "a connection that gets through", within_s / speed, every_s=0.1)
    gateway.wait_for_state("online", within_s / speed)
    found.online_after_s = (time.monotonic() - ended) * speed
    logins = [row["at"] for row in site.sandbox.seen("connect")]
    assert_within_budget(logins, window_at(speed=speed))
    found.logins = len(logins)
    found.lines = len(gateway.events())
    return found


def assert_flat(found: Flapped) -> None:
    """Fail where memory, open files or the journal grew with the number of flaps."""
    third = len(found.memory_kb) // 3
    assert third, "too short to tell"
    assert max(found.memory_kb[-third:]) <= max(found.memory_kb[:third]) * _MAX_GROWTH, found.memory_kb
    assert max(found.open_files[-third:]) <= max(found.open_files[:third]) + _MAX_MORE_FILES, found.open_files
    assert found.lines <= _MAX_LINES, found.lines


def _look(gateway: Machine, found: Flapped) -> None:
    pid = gateway.show("MainPID")["MainPID"]
    used = re.search(r"^Anonymous: +(\d+)", gateway.run("cat", f"/proc/{pid}/smaps_rollup"), re.MULTILINE)
    assert used is not None
    found.memory_kb.append(int(used[1]))
    found.open_files.append(len(gateway.run("ls", f"/proc/{pid}/fd").split()))
