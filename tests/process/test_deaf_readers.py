"""Whoever reads the daemon's lines takes none, and the service manager hangs: the daemon works and ends as ever."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.gateway.gateway import PRODUCT_KEY, Gateway
from support.platform.sandbox import Sandbox, wait_for
from support.process.deaf import KINDS, deaf, drain, fill, hanging_manager

STOP_S = 0.5


@pytest.fixture(autouse=True)
def _manager(gateway: Gateway, tmp_path: Path) -> Iterator[None]:
    """A service manager that hangs, and waits for the watchdog."""
    with hanging_manager(tmp_path / "notify"):
        gateway.environment |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        yield


@pytest.mark.parametrize("kind", KINDS)
def test_a_gateway_stays_online(sandbox: Sandbox, gateway: Gateway, kind: str) -> None:
    """It registers, is online, is kicked and comes back, and stops in time; its lines come when somebody reads."""
    gateway.configure(sandbox, "log_level: debug\n")
    with deaf(kind) as (writer, reader):
        fill(writer)
        gateway.start(stderr=writer)
        gateway.wait_for_state("online")
        sandbox.command("kick", PRODUCT_KEY, gateway.device_name)
        gateway.wait_for_state("waiting")
        gateway.wait_for_state("online", 30)
        # One read: with the room that it makes, the lines begin to come.
        lines = os.read(reader, 65536).decode()
        assert "Online" not in lines

        def read() -> bool:
            nonlocal lines
            lines += drain(reader)
            return lines.count("Online at") == 2

        wait_for(read, "its lines", 20)
        fill(writer)
        assert gateway.stop_time_s() <= STOP_S


def test_a_start_that_is_refused_ends(gateway: Gateway) -> None:
    """With the code for a wrong configuration."""
    gateway.config.write_text("product_keys: x\n")
    with deaf("pipe") as (writer, _):
        fill(writer)
        gateway.start(stderr=writer)
        assert gateway.wait(5) == 78


def test_a_wait_for_a_setup_ends(gateway: Gateway) -> None:
    """And says so in its status meanwhile."""
    gateway.config.write_text(f"state_dir: {gateway.state_dir}\nruntime_dir: {gateway.runtime_dir}\n")
    with deaf("pipe") as (writer, _):
        fill(writer)
        gateway.start(stderr=writer)
        gateway.wait_for_state("not-provisioned")
        assert gateway.stop_time_s() <= STOP_S


def test_a_pause_after_short_lives_ends(sandbox: Sandbox, gateway: Gateway) -> None:
    """Nobody knows how many there were, so it pauses."""
    gateway.configure(sandbox)
    (gateway.runtime_dir / "lives.json").mkdir(parents=True)
    with deaf("pipe") as (writer, _):
        fill(writer)
        gateway.start(stderr=writer)
        wait_for(lambda: is_caught(gateway.pid), "it hears of signals", 10)
        assert gateway.stop_time_s() <= STOP_S
        assert not sandbox.seen("register")


def is_caught(pid: int) -> bool:
    """Say whether a process catches SIGTERM."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    mask = next(line for line in lines if line.startswith("SigCgt:"))
    return bool(int(mask.split()[1], 16) >> 14 & 1)
