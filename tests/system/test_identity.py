"""A name out of the hardware or the system: waited for, taken once, and kept."""

from __future__ import annotations

import json

import pytest

from iot_onboard.config.device_name import Facts, expand
from support.machine import images
from support.machine.interrupted import SCENARIOS, copy_in, prepare
from support.machine.machine import Machine
from support.machine.site import PRODUCT_KEY, Site

BOOKWORM, TRIXIE = images.RELEASES
STATE = "/var/lib/iot-onboard"
# What a board without a virtual machine's network shows of its interfaces.
SHOW_NET = "[Service]\nBindReadOnlyPaths=/etc/board/net:/sys/class/net\n"
# As a root that is read-only has it: in memory, by systemd, which cannot write it to the disk; another at each boot.
MADE_UP_MACHINE_ID = """\
[Unit]
DefaultDependencies=no
Before=systemd-journald.service sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'tr -d - </proc/sys/kernel/random/uuid >/run/machine-id'
ExecStart=/bin/mount --bind /run/machine-id /etc/machine-id
"""


def rename_host(machine: Machine, name: str) -> None:
    """Name a machine as cloud-init does."""
    machine.run("sh", "-c", 'echo "$1" >/etc/hostname; hostname "$1"', "sh", name)


def reason(machine: Machine) -> str:
    """Return why there is no name now; that is no mistake in the configuration, so it is not 78."""
    done = machine.try_run("iot-onboard", "check-config")
    assert done.returncode == 1, done.stdout
    return done.stderr


def interface(machine: Machine, name: str, before: str = "") -> None:
    """Give its board a wired interface, or another name to it."""
    if before:
        (machine.root / f"etc/board/net/{before}").rename(machine.root / f"etc/board/net/{name}")
        return
    machine.write(f"/etc/board/net/{name}/address", "dc:a6:32:4f:11:ab\n")
    (machine.root / f"etc/board/net/{name}/device").mkdir()


@pytest.mark.parametrize("release", [TRIXIE], indirect=True)
def test_a_host_name_that_comes_later(site: Site) -> None:
    """Waited for, with nothing registered until it is there; kept when it changes, and changed on purpose."""
    machine = site.machine("image")
    site.identify(machine, "{hostname}")
    for name in ("pump-07", "pump-08"):
        site.sandbox.add_device(PRODUCT_KEY, name)
    machine.write("/etc/hostname", "rpi\n")
    enabled = "[Unit]\nDefaultDependencies=no\nBefore=sysinit.target\n[Service]\nType=oneshot\n"
    enabled += "ExecStart=/bin/mkdir /run/cloud-init\nExecStart=/bin/touch /run/cloud-init/enabled\n"
    machine.write("/etc/systemd/system/cloud-init-generator.service", enabled)
    assert machine.offline("systemctl", "add-wants", "sysinit.target", "cloud-init-generator.service").returncode == 0
    machine.boot()
    assert "cloud-init has not finished" in machine.wait_for_event("device-name-unknown")["MESSAGE"]
    machine.run("touch", "/run/cloud-init/result.json")
    assert "the host name is rpi, which many gateways have" in reason(machine)
    rename_host(machine, "p-7")
    assert "'p-7', which has 3 characters" in reason(machine)
    rename_host(machine, "raspberrypi")
    assert "the host name is raspberrypi, which many gateways have" in reason(machine)
    assert machine.show("ActiveState", "NRestarts") == {"ActiveState": "active", "NRestarts": "0"}
    assert site.sandbox.seen("register") == []
    # The cure that the reason names.
    machine.run("hostnamectl", "set-hostname", "pump-07")
    machine.wait_for_state("online")
    assert site.connected("pump-07")
    remembered = json.loads(machine.read(f"{STATE}/identity.json"))
    assert (remembered["device_name"], remembered["made_of"]) == ("pump-07", {"hostname": "pump-07"})

    rename_host(machine, "pump-08")
    machine.run("systemctl", "restart", "iot-onboard")
    kept = machine.wait_for_event("device-name-kept")["MESSAGE"]
    assert "keeps the name pump-07" in kept
    assert "the hardware gives pump-08 now" in kept
    machine.wait_for_state("online")
    assert "stays pump-07" in machine.try_run("iot-onboard", "doctor", "--only", "device-name").stdout
    assert "device name  pump-07" in machine.run("iot-onboard", "check-config")
    # The cure that the line names.
    machine.run("iot-onboard", "setup", "--device-name", "pump-08")
    site.wait_connected("pump-08")
    assert [row["device_name"] for row in site.sandbox.seen("register")] == ["pump-07", "pump-08"]
    assert not machine.exists(f"{STATE}/identity.json")


@pytest.mark.parametrize("release", [BOOKWORM], indirect=True)
def test_an_interface_and_a_machine_id_that_change(site: Site) -> None:
    """The same board under another name of its interface, then with a machine id in memory: online as before."""
    machine = site.machine("board")
    site.identify(machine, "gw-{mac:eth0}")
    site.sandbox.add_device(PRODUCT_KEY, "gw-dca6324f11ab")
    machine.drop_in("net", SHOW_NET)
    interface(machine, "eth0")
    machine.boot()
    machine.wait_for_state("online")
    machine.power_off()
    interface(machine, "end0", before="eth0")
    machine.boot()
    assert "this machine has no {mac:eth0} now" in machine.wait_for_event("device-name-kept")["MESSAGE"]
    machine.wait_for_state("online")
    assert len(site.sandbox.seen("register")) == 1

    name = expand("gw-{machine_id}", Facts(machine_id=machine.read("/etc/machine-id").strip()))
    site.sandbox.add_device(PRODUCT_KEY, name)
    machine.run("iot-onboard", "setup", "--device-name", "gw-{machine_id}")
    site.wait_connected(name)
    machine.write("/etc/systemd/system/machine-id.service", MADE_UP_MACHINE_ID)
    machine.run("systemctl", "add-wants", "sysinit.target", "machine-id.service")
    machine.run("systemctl", "mask", "systemd-machine-id-commit.service")
    machine.reboot()
    assert "generated at each boot" in machine.wait_for_event("device-name-kept")["MESSAGE"]
    site.wait_connected(name)
    machine.wait_for_state("online")
    assert len(site.sandbox.seen("register")) == 2
    assert f"stays {name}" in machine.try_run("iot-onboard", "doctor", "--only", "device-name").stdout


@pytest.mark.parametrize("release", [BOOKWORM])
def test_an_upgrade_keeps_a_name_that_everybody_has(old_site: Site, release: str) -> None:
    """Registered by 0.1.0 under the host name as shipped: online after the upgrade, with a warning."""
    machine = prepare(old_site, release, SCENARIOS["upgrade-first"], "old")
    old_site.identify(machine, "{hostname}")
    old_site.sandbox.add_device(PRODUCT_KEY, "raspberrypi")
    machine.write("/etc/hostname", "raspberrypi\n")
    machine.boot()
    old_site.wait_connected("raspberrypi")
    machine.run("dpkg", "--force-confold", "--install", copy_in(machine, images.package()))
    kept = machine.wait_for_event("device-name-kept")["MESSAGE"]
    assert (
        "keeps the name raspberrypi, because its secret belongs to that name: the host name is raspberrypi, which many"
        in kept
    )
    machine.wait_for_state("online")
    rename_host(machine, "pump-07")
    machine.run("systemctl", "restart", "iot-onboard")
    assert "gives pump-07 now" in machine.wait_for_event("device-name-kept", count=2)["MESSAGE"]
    machine.wait_for_state("online")
    assert old_site.connected("raspberrypi")
    assert len(old_site.sandbox.seen("register")) == 1
