"""A report that the server hangs up on costs no connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.gateway.clocks import quick_clock
from support.gateway.gateway import Gateway
from support.gateway.stored import DEVICE, point
from support.platform.fakebroker import FakeBroker
from support.platform.mosquitto import mosquitto

CLONE = "another device uses the identity of"


def test_mosquitto_ends_the_session_over_a_long_report(gateway: Gateway, tmp_path: Path) -> None:
    """The tags are too long for it: after two sessions they are left out, by the next process of the boot as well."""
    with mosquitto(tmp_path, DEVICE, "max_packet_size 200\n") as (port, ca_file):
        point(gateway, port, ca_file)
        gateway.environment |= quick_clock(5.0)
        gateway.start()
        gateway.wait_for_line("acknowledged the tags report: 2. The gateway now skips this report", 30)
        gateway.wait_for_state("online", 30)
        assert gateway.stop() == 0
        lines = gateway.lines()
        assert "Connection lost" in lines
        assert CLONE not in lines
        gateway.online()
        with pytest.raises(AssertionError):
            gateway.wait_for_line("no such line", 3.0)
        assert gateway.status()["state"] == "online"
        assert gateway.stop() == 0
        assert "Connection lost" not in gateway.lines().removeprefix(lines)


def test_a_server_that_ends_every_session_is_told_as_a_clone_in_the_end(gateway: Gateway) -> None:
    """Two sessions may have ended over the report; three without one did not."""
    with FakeBroker("close-on-report", "close-on-report", "close") as broker:
        point(gateway, broker.port, broker.ca_file)
        gateway.environment |= quick_clock(10.0)
        gateway.start()
        gateway.wait_for_line("acknowledged the version report: 2. The gateway now skips this report", 30)
        gateway.wait_for_line(CLONE, 40)
        assert len(broker.connects) == 5
