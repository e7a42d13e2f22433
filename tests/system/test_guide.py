"""The operator's guide, followed word by word on whole systems: every block of commands in it is run here."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from support.machine import images
from support.machine.machine import Machine
from support.machine.site import PRODUCT_KEY, Site
from support.platform.sandbox import wait_for
from support.process.terminal import Terminal
from support.tree import ROOT

GUIDE = ROOT / "docs" / "operator-guide.md"
STORED = f"/var/lib/iot-onboard/credentials/{PRODUCT_KEY}.gw0001.json"
_BLOCK = re.compile(r"^#+ ([^\n]*)$|^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> dict[str, list[str]]:
    """Return the blocks of commands, by the heading that they stand under."""
    found: dict[str, list[str]] = {}
    heading = ""
    for match in _BLOCK.finditer(GUIDE.read_text()):
        if match[1] is not None:
            heading = match[1]
        else:
            found.setdefault(heading, []).append(match[2])
    return found


BLOCKS = blocks()


def follow(
    machine: Machine, heading: str, number: int = 0, stdin: str = ""
) -> dict[str, subprocess.CompletedProcess[str]]:
    """Run a block as it stands, a command after the other, and return how each ended; here everybody is root."""
    machine.write("/usr/local/bin/sudo", '#!/bin/sh\nexec "$@"\n', 0o755)
    block = BLOCKS[heading][number]
    # A here-document is one command, over several lines.
    commands = [block] if "<<END" in block else block.splitlines()
    return {command: machine.try_run("sh", "-c", f"cd /root; set -e; {command}", stdin=stdin) for command in commands}


def succeed(machine: Machine, heading: str, number: int = 0, stdin: str = "") -> str:
    """Run a block in which everything succeeds, and return what it said."""
    done = follow(machine, heading, number, stdin)
    for command, ended in done.items():
        assert ended.returncode == 0, (
            f"{command}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}\n{machine.journal_text()}"
        )
    return "".join(ended.stdout + ended.stderr for ended in done.values())


def bring(machine: Machine, *, secret: str = "") -> None:
    """Put what the guide speaks of into root's home: the package, and a secret in a file."""
    package = images.package()
    (machine.root / "root" / package.name).write_bytes(package.read_bytes())
    if secret:
        machine.write("/root/secret", f"{secret.strip()}\n", 0o600)


def online(gateway: Machine) -> Machine:
    gateway.boot()
    gateway.wait_for_event("reported")
    return gateway


@pytest.fixture
def bare(site: Site) -> Machine:
    """A machine without the package, whose device the platform knows."""
    site.sandbox.add_device(PRODUCT_KEY, "gw0001")
    machine = site.bare_machine("gw0001")
    bring(machine, secret=site.product_secret)
    return machine


def test_every_block_of_the_guide_is_followed() -> None:
    """A block that is added has to be tried below."""
    tried = Path(__file__).read_text()
    for heading in BLOCKS:
        assert tried.count(f'"{heading}"') >= len(BLOCKS[heading]), heading


def test_install_and_set_up_at_the_gateway(bare: Machine) -> None:
    """Asked for nothing but what it needs; with the answers in the command line as well."""
    bare.boot()
    succeed(bare, "Install")
    bare.wait_for_event("not-provisioned")
    (command,) = BLOCKS["At the gateway"][0].splitlines()
    enter = ["nsenter", "-t", str(bare.pid), "-a", "--", *command.removeprefix("sudo ").split()]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "dumb", "LANG": "C.UTF-8"}
    with Terminal(enter, environment) as terminal:
        terminal.answer("Product key", PRODUCT_KEY)
        terminal.answer("Device name", "gw0001")
        terminal.answer("Region", "")
        terminal.answer("Instance ID", "-")
        terminal.answer("Product secret", bare.read("/root/secret").strip())
        assert terminal.wait() == 0, terminal.shown
    bare.wait_for_state("online")
    bare.run("rm", "-r", "/etc/iot-onboard/conf.d/50-identity.yaml", "/etc/iot-onboard/product-secret")
    succeed(bare, "At the gateway", 1)
    assert bare.status()["state"] == "online"


def test_answers_ahead(bare: Machine) -> None:
    """The installation asks nothing, and the gateway is online after it."""
    bare.boot()
    succeed(bare, "Answers before the installation")
    assert bare.status()["state"] == "online"


def test_a_file_on_the_boot_partition(site: Site) -> None:
    """Written on the card, taken in at the next boot, as the guide says where it says."""
    site.sandbox.add_device(PRODUCT_KEY, "gw0001")
    machine = site.machine("gw0001")
    machine.write("/boot/firmware/config.txt", "")
    bring(machine, secret=site.product_secret)
    block = BLOCKS["A file on the boot partition"][0]
    done = machine.offline("sh", "-ec", f"cd /root; {block}")
    assert done.returncode == 0, done.stderr
    machine.boot()
    machine.wait_for_state("online")
    assert machine.exists("/boot/firmware/iot-onboard-taken.txt")
    assert not machine.exists("/boot/firmware/iot-onboard.yaml")


def test_a_healthy_gateway(gateway: Machine) -> None:
    """Every command ends well, and says what the guide says it says."""
    online(gateway)
    output = succeed(gateway, "What healthy looks like")
    assert re.search("^state +online", output, re.MULTILINE)
    assert "Active: active (running)" in output
    assert "tags reported" in output


def test_the_two_minute_diagnosis(site: Site, gateway: Machine) -> None:
    """Each step names the cause, in well under two minutes; the last writes the file."""
    site.sandbox.command("activate", PRODUCT_KEY, "gw0001")
    gateway.boot()
    gateway.wait_for_event("registration-refused")
    done = follow(gateway, "The two-minute diagnosis")
    codes = {command.removeprefix("sudo ").partition(" --")[0]: ended.returncode for command, ended in done.items()}
    assert codes == {
        "iot-onboard status": 1,
        "systemctl status iot-onboard": 0,
        "journalctl -x -b -u iot-onboard": 0,
        "iot-onboard doctor": 1,
        "iot-onboard explain 6289": 0,
        "iot-onboard bundle": 0,
    }
    for command, ended in done.items():
        assert "6289" in ended.stdout or "bundle" in command, command
    assert list((gateway.root / "root").glob("iot-onboard-bundle-*.tar.gz"))


def test_a_secret_by_hand(site: Site, gateway: Machine) -> None:
    """An activated device is online with the secret that the console shows, and does not register."""
    online(gateway)
    secret = json.loads(gateway.read(STORED))["device_secret"]
    gateway.run("systemctl", "stop", "iot-onboard")
    gateway.run("rm", "-r", "/var/lib/iot-onboard/credentials")
    bring(gateway, secret=secret)
    succeed(gateway, "Give a secret by hand")
    assert gateway.status()["secret"] == "given by hand"
    assert "device secret given by hand" in gateway.run("iot-onboard", "check-config")
    gateway.run("systemctl", "stop", "iot-onboard")
    # By hand neither: the platform would refuse, or put another secret in the place of this one.
    gateway.run("iot-onboard", "register")
    assert len(site.sandbox.seen("register")) == 1
    assert not gateway.exists("/root/secret")


def test_a_reset_device(site: Site, gateway: Machine) -> None:
    """Set aside by hand, the old secret is kept, and the new one comes with a registration."""
    online(gateway)
    site.sandbox.command("reset", PRODUCT_KEY, "gw0001")
    succeed(gateway, "A device that was reset in the console")
    assert len(site.sandbox.seen("register")) == 2
    assert len(list((gateway.root / "var/lib/iot-onboard/credentials").iterdir())) >= 2


def test_a_new_card(site: Site, gateway: Machine) -> None:
    """With the old card's secret on it, the new one is online without a registration."""
    online(gateway)
    before = gateway.read(STORED)
    gateway.power_off()
    card = site.machine("newcard")
    site.identify(card, "gw0001")
    card.write(f"/root/credentials/{Path(STORED).name}", before, 0o644)
    card.boot()
    card.wait_for_event("registration-refused")
    succeed(card, "Move a card")
    assert card.status()["state"] == "online"
    assert card.read(STORED) == before


def test_the_secret_on_another_partition(site: Site, gateway: Machine) -> None:
    """The secret goes along, and from then on service and commands look there; without leave the line says what is."""
    online(gateway)
    before = gateway.read(STORED)
    succeed(gateway, "Large fleets")
    gateway.run("iot-onboard", "check-config")
    gateway.run("mkdir", "/data")
    succeed(gateway, "Keep the secret on another partition")
    gateway.run("rm", "-r", "/var/lib/iot-onboard/credentials")
    gateway.reboot()
    gateway.wait_for_event("reported")
    assert gateway.read(f"/data/iot-onboard/credentials/{Path(STORED).name}") == before
    assert "/data/iot-onboard" in gateway.run("iot-onboard", "doctor", "--only", "state-directory")
    assert len(site.sandbox.seen("register")) == 1

    gateway.run("systemctl", "stop", "iot-onboard")
    assert "/data/iot-onboard" in gateway.run("iot-onboard", "forget", "--yes")
    site.sandbox.command("reset", PRODUCT_KEY, "gw0001")
    gateway.run("rm", "/etc/systemd/system/iot-onboard.service.d/60-state.conf")
    gateway.run("systemctl", "daemon-reload")
    gateway.run("systemctl", "start", "iot-onboard")
    entry = gateway.wait_for_event("store-not-writable")
    assert "/data/iot-onboard/credentials: Read-only file system" in entry["MESSAGE"]
    assert len(site.sandbox.seen("register")) == 1
    gateway.run("apt-get", "purge", "--yes", "-q", "iot-onboard")
    assert gateway.run("sh", "-c", "cat /data/iot-onboard/credentials/*.json*") == before, "set aside, and kept"


def test_update_remove_purge_and_back(site: Site, gateway: Machine) -> None:
    """Through all of it the device keeps its one secret."""
    online(gateway)
    before = gateway.read(STORED)
    bring(gateway, secret=site.product_secret)
    succeed(gateway, "Update and remove", 0)
    succeed(gateway, "Update and remove", 1, stdin="y\n")
    assert gateway.read(STORED) == before
    assert "/var/backups/" in succeed(gateway, "Update and remove", 2, stdin="y\n")
    assert not gateway.exists("/var/lib/iot-onboard")
    succeed(gateway, "Install")
    gateway.write("/etc/iot-onboard/ca.pem", site.sandbox.ca_file.read_text())
    gateway.write("/etc/iot-onboard/conf.d/10-site.yaml", "tls: {ca_file: /etc/iot-onboard/ca.pem}\n")
    done = follow(gateway, "At the gateway", 1)
    assert [ended.returncode for ended in done.values()] == [0, 1], "refused with 6289"
    assert "6289" in "".join(ended.stdout for ended in done.values())
    succeed(gateway, "After a purge")
    assert gateway.read(STORED) == before


def test_a_slow_boot(gateway: Machine) -> None:
    """Bars, a comparison, a picture, and systemd's own word."""
    online(gateway)
    gateway.reboot()
    gateway.wait_for_event("reported")
    told = succeed(gateway, "A slow boot")
    assert "other units" in told
    assert "difference" in told
    assert gateway.read("/root/boot.svg").startswith("<svg")


def test_a_journal_that_lasts(gateway: Machine) -> None:
    """A journal that was in memory is there after the next boot."""
    gateway.write("/etc/systemd/journald.conf.d/00-image.conf", "[Journal]\nStorage=volatile\n")
    online(gateway)
    succeed(gateway, "Keep the journal over boots")
    gateway.reboot()
    wait_for(lambda: gateway.events(), "this boot's story", 30)
    assert "online" in gateway.run("iot-onboard", "events", "--boot", "-1")


def test_what_goes_to_support(gateway: Machine) -> None:
    """The bundle; and without the program what the system knows."""
    online(gateway)
    assert "MANIFEST.txt" in succeed(gateway, "What to send to support")
    done = follow(gateway, "What to send to support", 1)
    assert [ended.returncode for ended in done.values()] == [0, 0]
    assert "Online at" in gateway.read("/root/journal.txt")
    assert "iot-onboard" in gateway.read("/root/versions.txt")
