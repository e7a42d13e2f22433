"""Boxes on the way that end idle connections: named, and outlived where the keep-alive may be short enough."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.gateway.clocks import quick_clock
from support.gateway.gateway import Gateway
from support.gateway.stored import point
from support.platform.broker import Broker
from support.platform.idle_box import Cut, IdleBox
from support.platform.sandbox import wait_for

SPEED = 10.0
NAMED = "idle time-out on the network path"


def behind(box: IdleBox, directory: Path, ca_file: Path, keepalive_s: int) -> Gateway:
    """Start a gateway whose clocks run fast, and whose way to the server leads through the box."""
    gateway = Gateway(directory)
    point(gateway, box.port, ca_file)
    gateway.config.write_text(gateway.config.read_text().replace("keepalive_s: 30", f"keepalive_s: {keepalive_s}"))
    gateway.environment |= quick_clock(SPEED)
    gateway.start()
    return gateway


def shortened(gateway: Gateway) -> None:
    """It says that its keep-alive is shorter now, and is online again."""
    assert "the keep-alive is" in gateway.wait_for_line(NAMED, 60)
    gateway.wait_for_state("online")


@pytest.mark.realtime
def test_no_idle_timeout_is_taken_for_a_clone(tmp_path: Path) -> None:
    """Boxes that close, reset or forget after 50 s of silence, and one that closes after 20 s."""
    with Broker() as broker, ExitStack() as stack:

        def place(name: str, cut: Cut, idle_s: float, keepalive_s: int) -> tuple[IdleBox, Gateway]:
            box = stack.enter_context(IdleBox(broker.port, idle_s / SPEED, cut))
            return box, stack.enter_context(behind(box, tmp_path / name, broker.ca_file, keepalive_s))

        forgets = place("forgets", Cut.FORGETS, 50.0, 60)
        closes = place("closes", Cut.CLOSES, 50.0, 300)
        resets = place("resets", Cut.RESETS, 50.0, 1200)
        short = place("short", Cut.CLOSES, 20.0, 300)
        for _, gateway in (forgets, closes, resets):
            shortened(gateway)
        # The service may be restarted: what was learnt stays.
        assert closes[1].stop() == 0
        closes[1].online()
        time.sleep(1.5 * closes[0].idle_s)
        # Three sessions each, or two where the ping shows it, and the next one lasts.
        assert [box.cuts for box, _ in (forgets, closes, resets)] == [2, 3, 3]
        for _, gateway in (forgets, closes, resets):
            assert gateway.status()["state"] == "online"
        # Back within 40 s each time, and online for 20.
        assert "less than the shortest keep-alive, 30 s" in short[1].wait_for_line(NAMED)
        wait_for(lambda: short[0].cuts >= 5, "two more sessions", 15.0)
        for _, gateway in (forgets, closes, resets, short):
            assert "another device" not in gateway.lines()
