"""Disks that are full, read-only, or were in another machine."""

from __future__ import annotations

import json

from support.machine.fieldfaults import MINE
from support.machine.machine import Machine
from support.machine.site import PRODUCT_KEY, Site

STATE = "/var/lib/iot-onboard"


def state_disk(machine: Machine, *, size: str = "64k", read_only: bool = False) -> None:
    """Put the state directory on a small disk of its own."""
    options = f"size={size},mode=0700" + (",ro" if read_only else "")
    unit = "[Unit]\nBefore=iot-onboard.service\n[Mount]\nWhat=tmpfs\nType=tmpfs\n"
    machine.write("/etc/systemd/system/var-lib-iot\\x2donboard.mount", f"{unit}Where={STATE}\nOptions={options}\n")
    machine.drop_in("disk", f"[Unit]\nRequiresMountsFor={STATE}\n")
    (machine.root / STATE.lstrip("/")).mkdir(exist_ok=True)


def test_a_full_state_directory(site: Site, gateway: Machine) -> None:
    """A secret that cannot be kept is not asked for; once there is room the gateway comes online by itself."""
    state_disk(gateway)
    gateway.write(MINE, "allow_volatile: true\n")
    gateway.write(
        "/etc/fill", "#!/bin/sh\ndd if=/dev/zero of=/var/lib/iot-onboard/fill bs=4k 2>/dev/null; true\n", 0o755
    )
    gateway.drop_in("fill", "[Service]\nExecStartPre=+/etc/fill\n")
    gateway.boot()
    entry = gateway.wait_for_event("store-not-writable")
    assert "No space left" in entry["MESSAGE"]
    assert site.sandbox.seen("register") == []
    assert gateway.show("ActiveState") == {"ActiveState": "active"}
    gateway.run("rm", f"{STATE}/fill", "/etc/systemd/system/iot-onboard.service.d/fill.conf")
    gateway.run("systemctl", "daemon-reload")
    gateway.run("systemctl", "restart", "iot-onboard")
    gateway.wait_for_state("online")


def test_a_read_only_state_directory(site: Site, gateway: Machine) -> None:
    """On a read-only disk nothing is registered, and the line says what is wrong and what to do."""
    gateway.drop_in("ro", f"[Service]\nReadOnlyPaths={STATE}\n")
    gateway.boot()
    entry = gateway.wait_for_event("store-not-writable")
    assert "Read-only file system" in entry["MESSAGE"]
    assert site.sandbox.seen("register") == []
    assert gateway.show("ActiveState") == {"ActiveState": "active"}


def test_a_stored_secret_on_a_read_only_disk(site: Site, gateway: Machine) -> None:
    """A disk that turned read-only keeps no gateway offline that has its secret."""
    gateway.boot()
    gateway.wait_for_state("online")
    gateway.drop_in("ro", f"[Service]\nReadOnlyPaths={STATE}\n")
    gateway.reboot()
    gateway.wait_for_state("online")
    assert len(site.sandbox.seen("register")) == 1


def test_a_damaged_secret_is_set_aside(site: Site, gateway: Machine) -> None:
    """A card that ate the file: it is set aside, and the gateway registers again where the platform lets it."""
    gateway.boot()
    gateway.wait_for_state("online")
    gateway.power_off()
    path = f"{STATE}/credentials/{PRODUCT_KEY}.gw0001.json"
    gateway.write(path, "\0" * 200, 0o600)
    site.sandbox.command("reset", PRODUCT_KEY, "gw0001")
    gateway.boot()
    gateway.wait_for_event("secret-damaged")
    gateway.wait_for_state("online")
    names = [item.name for item in (gateway.root / f"{STATE}/credentials".lstrip("/")).iterdir()]
    assert any(".corrupt-" in name for name in names)


def test_a_card_moved_to_another_machine(site: Site) -> None:
    """In another machine the card registers as that machine, and keeps the first one's secret for its return."""
    card = site.machine("card", serial="00000000aaaa0001")
    site.identify(card, "{serial}")
    for serial in ("00000000aaaa0001", "00000000bbbb0002"):
        site.sandbox.add_device(PRODUCT_KEY, serial)
    card.boot()
    card.wait_for_state("online")
    assert site.connected("00000000aaaa0001")
    card.power_off()
    card.board("00000000bbbb0002")
    card.boot()
    card.wait_for_state("online")
    assert site.connected("00000000bbbb0002")
    card.power_off()
    card.board("00000000aaaa0001")
    card.boot()
    card.wait_for_state("online")
    assert "registering" not in card.events()
    assert len(site.sandbox.seen("register")) == 2
    stored = sorted(item.name for item in (card.root / f"{STATE}/credentials".lstrip("/")).glob("*.json"))
    assert stored == [f"{PRODUCT_KEY}.00000000aaaa0001.json", f"{PRODUCT_KEY}.00000000bbbb0002.json"]


def test_a_golden_image_makes_many_devices(site: Site) -> None:
    """One image, copied to several cards, gives a device of its own in each machine, and no two share anything."""
    golden = site.machine("golden")
    site.identify(golden, "gw-{serial}")
    upper = golden.root.parent / "upper"
    golden.close()
    gateways = []
    for number in (1, 2, 3):
        serial = f"00000000cafe000{number}"
        site.sandbox.add_device(PRODUCT_KEY, f"gw-{serial}")
        copy = site.machine(f"copy{number}", layers=[upper], serial=serial)
        copy.boot()
        gateways.append((copy, f"gw-{serial}"))
    for copy, name in gateways:
        copy.wait_for_state("online")
        assert site.connected(name)
    ids = {copy.read("/etc/machine-id") for copy, _ in gateways}
    assert len(ids) == 3


def test_register_on_the_production_line(site: Site, gateway: Machine) -> None:
    """`iot-onboard register` stores the secret for the service's user and does not log in; again, it does nothing."""
    gateway.write("/etc/systemd/system-preset/00-off.preset", "disable iot-onboard.service\n")
    assert gateway.offline("systemctl", "disable", "iot-onboard.service").returncode == 0
    gateway.boot()
    gateway.run("iot-onboard", "register")
    gateway.run("iot-onboard", "register")
    assert len(site.sandbox.seen("register")) == 1
    assert site.sandbox.device(PRODUCT_KEY, "gw0001")["activated"] is False
    gateway.run("systemctl", "enable", "--now", "iot-onboard.service")
    gateway.wait_for_state("online")
    assert len(site.sandbox.seen("register")) == 1


def test_status_is_for_all_and_secrets_for_none(gateway: Machine) -> None:
    """Anybody may ask for the status; the files that hold secrets are the service's and root's alone."""
    anybody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    gateway.boot()
    gateway.wait_for_state("online")
    done = gateway.try_run(*anybody, "iot-onboard", "status", "--json")
    record = json.loads(done.stdout)
    assert (done.returncode, record["state"]) == (0, "online")
    assert (record["secret"], record["last_registration"], record["sessions_24h"]) == ("on disk", "registered", 1)
    for path in ("/etc/iot-onboard/product-secret", f"{STATE}/credentials/{PRODUCT_KEY}.gw0001.json"):
        denied = gateway.try_run(*anybody, "cat", path)
        assert denied.returncode != 0, path
