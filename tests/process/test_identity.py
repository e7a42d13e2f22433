"""The real daemon, named by its hardware: what it takes, what it keeps, and what it waits for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from iot_onboard.config.device_name import Facts, expand
from support.gateway.clocks import quick_clock
from support.gateway.gateway import PRODUCT_KEY, Gateway
from support.platform.sandbox import Sandbox, wait_for

TEMPLATE = "gw-{machine_id}"
FIRST, SECOND = "3f6a" * 7 + "91c2", "70b5" * 7 + "2d1e"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="puts files of its own over those of the machine")
SHOW_HOSTNAME = 'mount --bind "$1" /etc/hostname && shift && exec "$@"'


class Board:
    """Show a daemon another machine id, and a serial number."""

    def __init__(self, directory: Path) -> None:
        self.machine_id = directory / "machine-id"
        self.cpuinfo = directory / "cpuinfo"
        self.cpuinfo.write_text("Serial\t\t: 10000000a7c3e9f1\n")

    def start(self, gateway: Gateway, machine_id: str) -> str:
        """Start the daemon on it; return the name that the hardware gives."""
        self.machine_id.write_text(f"{machine_id}\n")
        script = 'mount --bind "$1" /etc/machine-id && mount --bind "$2" /proc/cpuinfo && shift 2 && exec "$@"'
        gateway.start("unshare", "--mount", "sh", "-c", script, "sh", str(self.machine_id), str(self.cpuinfo))
        return expand(TEMPLATE, Facts(machine_id=machine_id))


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def configure(sandbox: Sandbox, gateway: Gateway) -> None:
    gateway.configure(sandbox)
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace(f"device_name: {gateway.device_name}", f"device_name: '{TEMPLATE}'"))


def test_a_name_is_taken_once(sandbox: Sandbox, gateway: Gateway, board: Board) -> None:
    """Remembered with its secret, written once, and kept under another machine id."""
    configure(sandbox, gateway)
    name = expand(TEMPLATE, Facts(machine_id=FIRST))
    sandbox.add(PRODUCT_KEY, name)
    assert board.start(gateway, FIRST) == name
    gateway.wait_for_line("Online at")
    assert gateway.stop() == 0
    memory = gateway.state_dir / "identity.json"
    record = json.loads(memory.read_text())
    assert (record["device_name"], record["board"]) == (name, "10000000a7c3e9f1")
    assert FIRST not in memory.read_text()
    written = memory.stat().st_mtime_ns
    gateway.log.unlink()
    other = board.start(gateway, SECOND)
    gateway.wait_for_line(
        f"This gateway keeps the name {name}, because its secret belongs to that name: the hardware gives {other} now."
    )
    gateway.wait_for_line("Online at")
    assert gateway.stop() == 0
    assert memory.stat().st_mtime_ns == written
    assert gateway.lines().count("Registering") == 0


def test_another_reason_is_told(gateway: Gateway, tmp_path: Path) -> None:
    """A host name that is no name gives way to another one that is none: said within a minute, here quickened."""
    gateway.write_config("https://127.0.0.1:1/", 1, tmp_path / "none")
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace(f"device_name: {gateway.device_name}", "device_name: '{hostname}'"))
    hostname = tmp_path / "hostname"
    hostname.write_text("p-7\n")
    gateway.environment |= quick_clock(20)
    gateway.start("unshare", "--mount", "sh", "-c", SHOW_HOSTNAME, "sh", str(hostname))
    gateway.wait_for_line("expands to 'p-7', which has 3 characters")
    hostname.write_text("raspberrypi\n")
    gateway.wait_for_line(
        "The device name cannot be determined: the host name is raspberrypi, which many gateways have"
    )
    hostname.write_text("pump-07\n")
    assert gateway.wait() == 0
    assert gateway.lines().count("cannot be determined") == 2


def test_another_fact_ends_a_block_without_a_secret(sandbox: Sandbox, gateway: Gateway, board: Board) -> None:
    """The platform does not know a name that was taken too early; the right one is noticed."""
    configure(sandbox, gateway)
    board.start(gateway, FIRST)
    wait_for(lambda: gateway.status().get("state") in {"blocked", "waiting"}, "a refusal", 20)
    board.machine_id.write_text(f"{SECOND}\n")
    assert gateway.wait(30) == 0
    sandbox.add(PRODUCT_KEY, board.start(gateway, SECOND))
    gateway.wait_for_line("Online at")
