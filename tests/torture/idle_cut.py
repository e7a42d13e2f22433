"""Ten minutes behind boxes that end idle connections: named, no clone, and online for the rest where that can be."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass

from support.gateway.gateway import Gateway
from support.platform.idle_box import Cut, IdleBox

from .tally import Tally
from .world import World

TEN_MINUTES_S = 600.0
_NAMED = "idle time-out on the network path"
_LOOK_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Say how a box ends connections, what the gateway behind it is configured to, and what is to come of it."""

    cut: Cut
    idle_s: float
    keepalive_s: int
    is_outlived: bool

    def __str__(self) -> str:
        return f"{self.cut.value} after {self.idle_s:.0f} s, keep-alive {self.keepalive_s} s"


PLACES = (
    Place(cut=Cut.CLOSES, idle_s=45.0, keepalive_s=300, is_outlived=True),
    Place(cut=Cut.RESETS, idle_s=55.0, keepalive_s=1200, is_outlived=True),
    Place(cut=Cut.FORGETS, idle_s=45.0, keepalive_s=60, is_outlived=True),
    Place(cut=Cut.CLOSES, idle_s=20.0, keepalive_s=300, is_outlived=False),
)


@dataclass(slots=True)
class Seen:
    """Count what was seen of one gateway: seconds online before and after the line that names the time-out."""

    named_after_s: float | None = None
    online_before_s: float = 0.0
    online_after_s: float = 0.0

    def look(self, gateway: Gateway, at_s: float, step_s: float) -> None:
        if self.named_after_s is None and _NAMED in gateway.lines():
            self.named_after_s = at_s
        if gateway.status().get("state") == "online":
            if self.named_after_s is None:
                self.online_before_s += step_s
            else:
                self.online_after_s += step_s


def attack(seconds: float) -> Tally:
    """Run a gateway behind each box, side by side."""
    tally = Tally(attack="boxes that end idle connections")
    with World(name="idle") as world, ExitStack() as stack:
        running = []
        for place in PLACES:
            box = stack.enter_context(IdleBox(world.sandbox.mqtt_port, place.idle_s, place.cut))
            gateway = stack.enter_context(world.gateway())
            text = gateway.config.read_text().replace(f"port: {world.sandbox.mqtt_port}", f"port: {box.port}")
            gateway.config.write_text(text.replace("keepalive_s: 30", f"keepalive_s: {place.keepalive_s}"))
            gateway.start()
            running.append((place, box, gateway, Seen()))
        began = last = time.monotonic()
        while last - began < seconds:
            time.sleep(_LOOK_S)
            now = time.monotonic()
            for _, _, gateway, seen in running:
                seen.look(gateway, now - began, now - last)
            last = now
        for place, box, gateway, seen in running:
            _judge(tally, place, box, gateway, seen, last - began)
    return tally


def _judge(tally: Tally, place: Place, box: IdleBox, gateway: Gateway, seen: Seen, lasted_s: float) -> None:
    rest_s = lasted_s - (seen.named_after_s or lasted_s)
    share = seen.online_after_s / rest_s if rest_s else 0.0
    # The first wait after the line has 5 s at the most; behind the short box it is online for 20 s of 60 at the least.
    enough = seen.online_after_s >= rest_s - 10.0 if place.is_outlived else share >= 1 / 3
    names_clone = "another device" in gateway.lines()
    tally.check(seen.named_after_s is not None and enough and not names_clone, f"{place}: {gateway.lines()[-600:]}")
    named = "never" if seen.named_after_s is None else f"after {seen.named_after_s:.0f} s"
    tally.facts.append(
        f"idle-cut: {place}: named {named}, {box.connections} connections, {box.cuts} cut, online "
        f"{seen.online_before_s:.0f} s before and {seen.online_after_s:.0f} s of {rest_s:.0f} s after ({share:.0%})"
    )
