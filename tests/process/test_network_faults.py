"""Peers that vanish, fall silent or do not exist: noticed in time, told, and tried again."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from support.gateway.gateway import PRODUCT_KEY, Gateway
from support.gateway.stored import point, store
from support.machine import namespace
from support.platform.sandbox import wait_for

pytestmark = pytest.mark.skipif(namespace.why_no_namespace() is not None, reason=str(namespace.why_no_namespace()))
URL = "https://10.9.9.2/auth/register/device"


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.realtime
def test_a_peer_that_vanishes_is_noticed_within_one_and_a_half_keep_alives(gateway: Gateway, tmp_path: Path) -> None:
    """Half open, keep-alive 30: no FIN comes, the missing pong ends it by 45 s, and the peer's return mends it."""
    cable = namespace.Cable(tmp_path / "cable")
    point(gateway, 8883, cable.ca_file, host="10.9.9.2")
    gateway.start(*cable.prefix)
    gateway.wait_for_state("online")
    online, busy_s = time.monotonic(), cpu_s(gateway.pid)
    cable.vanish()
    assert "Next try in" in gateway.wait_for_line("no answer to the ping", 50)
    assert 30.0 < time.monotonic() - online <= 45.0
    assert cpu_s(gateway.pid) - busy_s < 1.0, "the loop spins while it waits for the answer"
    gateway.wait_for_state("waiting")
    cable.come_back()
    gateway.wait_for_state("online", 40)
    assert gateway.stop_time_s() <= 0.5


@pytest.mark.realtime
def test_a_peer_that_vanishes_while_the_network_changes_is_noticed_soon(gateway: Gateway, tmp_path: Path) -> None:
    """Another address of ours is a reason to ask: ten seconds without an answer end the session, whatever the
    keep-alive."""
    cable = namespace.Cable(tmp_path / "cable")
    point(gateway, 8883, cable.ca_file, host="10.9.9.2")
    gateway.config.write_text(gateway.config.read_text().replace("keepalive_s: 30", "keepalive_s: 1200"))
    gateway.start(*cable.prefix)
    gateway.wait_for_state("online")
    cable.vanish()
    changed = time.monotonic()
    namespace.shell(gateway.pid, "ip addr flush dev v0; ip addr add 10.9.9.3/24 dev v0")
    gateway.wait_for_line("no answer to the ping within 10 s", 15)
    assert 10.0 <= time.monotonic() - changed <= 12.0
    cable.come_back()
    gateway.wait_for_state("online", 40)


@pytest.mark.realtime
@pytest.mark.parametrize("vanishes", [False, True])
def test_a_registration_that_is_never_answered(gateway: Gateway, tmp_path: Path, vanishes: bool) -> None:
    """Whether the server is mute or gone: the time limit ends it, a next try follows, and SIGTERM is heard."""
    cable = namespace.Cable(tmp_path / "cable")
    gateway.write_config(URL, 8883, cable.ca_file, "log_level: debug\n")
    gateway.product_secret.write_text("0123456789abcdef\n")
    gateway.product_secret.chmod(0o600)
    gateway.start(*cable.prefix)
    wait_for(cable.asked.exists, "the request")
    asked = time.monotonic()
    if vanishes:
        cable.vanish()
    assert "Next try in" in gateway.wait_for_line("10.9.9.2 did not answer within the time limit")
    assert time.monotonic() - asked <= 2 * 2 + 1
    wait_for(lambda: gateway.lines().count("Registering gw-0001") >= 2, "a second try")
    assert gateway.stop_time_s() <= 0.5


@pytest.mark.parametrize("nameserver", [True, False])
@pytest.mark.parametrize("leg", ["registration", "login"])
def test_a_region_that_does_not_exist(gateway: Gateway, tmp_path: Path, leg: str, nameserver: bool) -> None:
    """The name that does not resolve is told, with the mistake it may be, and a next try follows."""
    gateway.config.write_text(
        f"product_key: {PRODUCT_KEY}\ndevice_name: gw-0001\nregion: nowhere-1\nlog_level: debug\n"
        f"state_dir: {gateway.state_dir}\nruntime_dir: {gateway.runtime_dir}\n"
    )
    gateway.product_secret.write_text("0123456789abcdef\n")
    gateway.product_secret.chmod(0o600)
    if leg == "login":
        store(gateway)
    gateway.start(*namespace.network(tmp_path / "net", nameserver=nameserver))
    host = {"registration": "iot-auth.nowhere-1", "login": f"{PRODUCT_KEY}.iot-as-mqtt.nowhere-1"}[leg]
    line = gateway.wait_for_line(f"the name {host}.aliyuncs.com does not resolve: ")
    assert ("check region" in line) == nameserver
    assert "Next try in" in line
    words = {"registration": "Registering gw-0001", "login": "Connecting to"}[leg]
    wait_for(lambda: gateway.lines().count(words) >= 2, "a second try")
    assert gateway.stop() == 0
