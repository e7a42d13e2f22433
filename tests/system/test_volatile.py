"""A state directory that does not outlast a boot: no secret is lost, since none is asked for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from support.machine import images
from support.machine.fieldfaults import MINE, STATE
from support.machine.machine import Machine
from support.machine.site import PRODUCT_KEY, Site

BOOKWORM, TRIXIE = images.RELEASES
OVERLAY, STATELESS = "--volatile=overlay", "--volatile=state"
# From the end of what was in the way.
HEALED_S = 20


def lasting(machine: Machine) -> dict[str, str]:
    """Return what the doctor says of the state directory."""
    done = machine.try_run("iot-onboard", "doctor", "--json", "--only", "state-persistent")
    found = [check for check in json.loads(done.stdout)["checks"] if check["id"] == "state-persistent"]
    return {key: str(found[0][key]) for key in ("status", "sentence")}


def blocked(site: Site, gateway: Machine, where: str, registrations: int = 0) -> None:
    """Not a byte for the registration, the cause and the cure in the line and in the status, and it stays alive."""
    told = gateway.wait_for_event("store-volatile")["MESSAGE"]
    assert where in told
    assert "set state_dir to a directory on a disk or SD card, or set allow_volatile: true" in told
    assert gateway.status()["state"] == "blocked"
    assert where in gateway.run("sh", "-c", "iot-onboard status; true")
    assert gateway.show("ActiveState") == {"ActiveState": "active"}
    assert len(site.sandbox.seen("register")) == registrations
    assert gateway.events() == ["started", "store-volatile"]


@pytest.mark.parametrize("release", [TRIXIE])
def test_a_root_in_memory_and_a_partition_that_comes_late(site: Site, gateway: Machine, tmp_path: Path) -> None:
    """Blocked until the partition is there, then online within seconds; the same after a power cut, with its secret."""
    disk = tmp_path / "disk"
    (disk / "iot-onboard").mkdir(parents=True)
    assert gateway.offline("mkdir", "-p", "/data/iot-onboard", "/disk").returncode == 0
    uid, gid = gateway.offline("sh", "-c", "id -u iot-onboard; id -g iot-onboard").stdout.split()
    for directory in (disk / "iot-onboard", gateway.root / "data/iot-onboard"):
        os.chown(directory, int(uid), int(gid))
    gateway.write(MINE, "state_dir: /data/iot-onboard\n")
    gateway.drop_in("state", "[Service]\nReadWritePaths=/data\n")
    gateway.options = (OVERLAY, f"--bind={disk}:/disk")
    gateway.boot()
    blocked(site, gateway, "overlay at /")
    assert lasting(gateway)["status"] == "fail"
    gateway.run("mount", "--bind", "/disk", "/data")
    gateway.wait_for_state("online", HEALED_S)
    assert lasting(gateway)["status"] == "ok"
    gateway.cut_power()
    gateway.boot()
    blocked(site, gateway, "overlay at /", registrations=1)
    gateway.run("mount", "--bind", "/disk", "/data")
    gateway.wait_for_state("online", HEALED_S)
    assert "secret-found" in gateway.events()
    assert len(site.sandbox.seen("register")) == 1


@pytest.mark.parametrize("release", [BOOKWORM])
def test_state_in_memory(site: Site, gateway: Machine) -> None:
    """Neither the service nor `register` asks; where it is meant it does, and after a power cut 6289 has its reason."""
    gateway.options = (STATELESS,)
    gateway.boot()
    blocked(site, gateway, "tmpfs at /var")
    gateway.run("systemctl", "stop", "iot-onboard")
    done = gateway.try_run("iot-onboard", "register")
    assert done.returncode == 78, done.stderr
    assert "does not survive a reboot" in done.stderr
    gateway.run("systemctl", "start", "iot-onboard")
    gateway.wait_for_event("store-volatile", count=2)
    gateway.write(MINE, "allow_volatile: true\n")
    gateway.wait_for_state("online", HEALED_S)
    found = lasting(gateway)
    assert (found["status"], "does not survive a reboot" in found["sentence"]) == ("warn", True)
    gateway.cut_power()
    gateway.boot()
    told = gateway.wait_for_event("registration-refused")
    assert told["IOT_CODE"] == "6289"
    assert "the state directory did not survive the reboot: it is on tmpfs at /var" in told["MESSAGE"]
    site.sandbox.command("reset", PRODUCT_KEY, "gw0001")


@pytest.mark.parametrize("release", [BOOKWORM])
def test_a_secret_on_the_card_is_used_under_an_overlay(site: Site, gateway: Machine) -> None:
    """The way to use a read-only card: online once, then the overlay; reset in the console, it asks for no secret."""
    gateway.boot()
    gateway.wait_for_state("online")
    gateway.power_off()
    gateway.options = (OVERLAY,)
    gateway.boot()
    gateway.wait_for_state("online")
    assert gateway.events()[:2] == ["started", "secret-found"]
    found = lasting(gateway)
    assert (found["status"], "% of the memory" in found["sentence"]) == ("warn", True)
    assert gateway.exists(f"{STATE}/credentials/{PRODUCT_KEY}.gw0001.json")
    site.sandbox.command("reset", PRODUCT_KEY, "gw0001")
    site.sandbox.command("kick", PRODUCT_KEY, "gw0001")
    gateway.wait_for_event("store-volatile", 60)
    assert len(site.sandbox.seen("register")) == 1
