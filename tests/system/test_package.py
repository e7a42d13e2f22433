"""The package's own life: install, upgrade, remove, purge; and what of it others can see."""

from __future__ import annotations

import json
import stat
import tarfile

from support.machine import images
from support.machine.machine import Machine
from support.machine.site import PRODUCT_KEY, Site
from support.platform.sandbox import wait_for

STORED = f"/var/lib/iot-onboard/credentials/{PRODUCT_KEY}.gw0001.json"


def online(gateway: Machine) -> str:
    gateway.boot()
    gateway.wait_for_event("reported")
    return gateway.read(STORED)


def test_upgrade_keeps_state_and_connection(site: Site) -> None:
    """The old version's connection stays up until the new one takes over, and nothing is registered anew."""
    machine = site.bare_machine("gw0001")
    site.sandbox.add_device(PRODUCT_KEY, "gw0001")
    site.identify(machine, "gw0001")
    machine.boot()
    machine.install(images.package(images.OLD_VERSION))
    machine.wait_for_state("online")
    before = machine.read(STORED)
    old = machine.show("MainPID")["MainPID"]
    machine.install(images.package())
    machine.wait_for_event("online", count=2)
    assert machine.show("MainPID")["MainPID"] != old
    assert machine.read(STORED) == before
    assert len(site.sandbox.seen("register")) == 1
    assert machine.events().count("stopping") == 1
    entries = {entry["IOT_EVENT"]: entry for entry in machine.journal() if "IOT_EVENT" in entry}
    offline_us = int(entries["online"]["__MONOTONIC_TIMESTAMP"]) - int(entries["stopping"]["__MONOTONIC_TIMESTAMP"])
    assert offline_us < 8_000_000


def test_remove_and_install_again(site: Site, gateway: Machine) -> None:
    """`remove` keeps configuration and secrets; installed again it is online without a registration."""
    before = online(gateway)
    gateway.run("apt-get", "remove", "--yes", "-q", "iot-onboard")
    wait_for(lambda: not site.connected("gw0001"), "offline at the platform", 5)
    assert gateway.read(STORED) == before
    assert gateway.exists("/etc/iot-onboard/conf.d/50-identity.yaml")
    assert gateway.exists("/etc/iot-onboard/product-secret")
    assert not gateway.exists("/usr/bin/iot-onboard")
    gateway.install(images.package())
    gateway.wait_for_state("online")
    assert gateway.read(STORED) == before
    assert len(site.sandbox.seen("register")) == 1


def test_purge_leaves_a_copy_of_the_secret_and_nothing_else(gateway: Machine) -> None:
    """`purge` removes all, but puts the device's secret where only root finds it, and says so."""
    before = online(gateway)
    meter = "/var/lib/iot-onboard/subdevices/a1subsubsub.m1.json"
    gateway.run("install", "-d", "-m", "700", "-o", "iot-onboard", "-g", "iot-onboard", meter.rpartition("/")[0])
    gateway.run("install", "-m", "600", "-o", "iot-onboard", STORED, meter)
    told = gateway.run("apt-get", "purge", "--yes", "-q", "iot-onboard")
    assert "/var/backups/iot-onboard-credentials-" in told
    for path in ("/etc/iot-onboard", "/var/lib/iot-onboard", "/run/iot-onboard", "/usr/bin/iot-onboard"):
        assert not gateway.exists(path), path
    assert gateway.try_run("getent", "passwd", "iot-onboard").returncode != 0
    archive = next((gateway.root / "var/backups").glob("iot-onboard-credentials-*.tar.gz"))
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert archive.stat().st_uid == 0
    with tarfile.open(archive) as tar:
        kept = tar.extractfile(f"credentials/{PRODUCT_KEY}.gw0001.json")
        assert kept is not None
        assert kept.read().decode() == before
        assert "subdevices/a1subsubsub.m1.json" in tar.getnames()


def test_purge_keeps_a_secret_given_by_hand(site: Site) -> None:
    """It may be the only copy, and nothing but the gateway's own configuration directory has it."""
    machine = site.machine("gw0001")
    machine.boot()
    machine.write("/etc/iot-onboard/device-secret", "0123456789abcdef0123456789abcdef\n", 0o600)
    output = machine.run("sh", "-c", "apt-get purge --yes -q iot-onboard 2>&1")
    copy = next((machine.root / "var/backups").glob("iot-onboard-device-secret-*"))
    assert f"/var/backups/{copy.name}" in output
    assert copy.read_text() == "0123456789abcdef0123456789abcdef\n"
    assert (stat.S_IMODE(copy.stat().st_mode), copy.stat().st_uid) == (0o600, 0)


def test_purge_without_a_secret_leaves_nothing(site: Site) -> None:
    """Where no secret was stored there is nothing to keep."""
    machine = site.machine("gw0001")
    machine.boot()
    machine.run("apt-get", "purge", "--yes", "-q", "iot-onboard")
    assert list((machine.root / "var/backups").glob("iot-onboard*")) == []


def test_nothing_runs_as_root_and_no_secret_shows(site: Site, gateway: Machine) -> None:
    """No process of the package is root's; no secret is in an argument, an environment, the journal or a core dump."""
    gateway.write("/etc/iot-onboard/conf.d/60-debug.yaml", "log_level: debug\n")
    stored = json.loads(online(gateway))
    secrets = [site.product_secret.strip(), stored["device_secret"]]
    look = 'for it in /proc/[0-9]*; do echo "$(stat -c %U $it) $(tr "\\0" " " <$it/cmdline)"; done 2>/dev/null'
    ours = [line for line in gateway.run("sh", "-c", look).splitlines() if "/iot-onboard " in line]
    assert {line.partition(" ")[0] for line in ours} == {"iot-onboard"}, ours
    main = gateway.show("MainPID")["MainPID"]
    owner = gateway.run("stat", "--format=%U", f"/proc/{main}").strip()
    assert owner == "iot-onboard"
    gateway.run("systemctl", "kill", "--signal=ABRT", "iot-onboard.service")
    gateway.wait_for_event("online", 40, count=2)
    shown = [
        gateway.run("sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; true"),
        gateway.run("journalctl", "--output=verbose", "--boot", "--no-pager"),
        gateway.run("systemctl", "show", "iot-onboard.service"),
        gateway.run("cat", "/run/iot-onboard/status.json"),
    ]
    for text in shown:
        assert not [secret for secret in secrets if secret in text]
    dumps = gateway.run(
        "find", "/", "-xdev", "-name", "core*", "-newer", "/etc/machine-id", "-type", "f", "-size", "+64k"
    )
    assert dumps == ""


def test_the_journal_explains_its_lines(gateway: Machine) -> None:
    """`journalctl -x` shows what the catalog says of each line, with nothing to be run after the installation."""
    online(gateway)
    output = gateway.run("journalctl", "--catalog", "--boot", "--no-pager", "--unit=iot-onboard.service")
    assert "░░ Subject: " in output
    explained = gateway.run("journalctl", "--list-catalog", "--no-pager")
    for entry in gateway.journal():
        if "IOT_EVENT" in entry:
            assert entry["MESSAGE_ID"] in explained, entry["IOT_EVENT"]


def test_the_story_reads_well(gateway: Machine) -> None:
    """`journalctl -u iot-onboard` of a first and a second boot: a line a step, nothing raw, nothing twice."""
    online(gateway)
    gateway.reboot()
    gateway.wait_for_event("reported")
    for boot in ("-1", "0"):
        lines = [str(entry["MESSAGE"]) for entry in gateway.journal(f"--boot={boot}") if "IOT_EVENT" in entry]
        assert len(lines) == len(set(lines))
        assert len(lines) <= 9
        for line in lines:
            assert line[0].isupper() or line.startswith("iot-onboard")
            assert line.endswith(".")
            assert not any(word in line for word in ("Traceback", "None", "{", "<"))
