"""The power goes in the middle of an installation: the next boot is online. `make torture` cuts everywhere."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.disk.tracing import why_no_strace
from support.machine import images
from support.machine.interrupted import ENVIRONMENT, SCENARIOS, copy_in, install, prepare, state
from support.machine.machine import Machine
from support.machine.site import PRODUCT_KEY, Site
from support.machine.stops import Stop, stops
from support.platform.sandbox import wait_for

SERIAL = "00000000gw000001"
CURRENT = '"/usr/share/iot-onboard/current"'
FINISHES = "/usr/libexec/iot-onboard/finish-upgrade"

pytestmark = pytest.mark.skipif(why_no_strace() is not None, reason=str(why_no_strace()))


@pytest.fixture
def site(tmp_path: Path, _bootable: None) -> Iterator[Site]:
    with Site(tmp_path / "site", []) as site:
        site.sandbox.add_device(PRODUCT_KEY, SERIAL)
        yield site


def prepared(site: Site, release: str, scenario: str) -> Machine:
    machine = prepare(site, release, SCENARIOS[scenario], "cut")
    machine.board(SERIAL)
    return machine


def installs(machine: Machine, package: Path) -> Generator[Stop, None, None]:
    """Install a package on a machine that runs, stopping at each call."""
    options = ["--force-confdef", "--force-confold", "--install", copy_in(machine, package)]
    # nsenter that forks continues its child whenever it is continued itself, and that takes a pending stop away.
    inside = ["nsenter", "-t", str(machine.pid), "-a", "--no-fork", "--", "sh", "-c", '"$@"; exit $?', "sh"]
    return stops([*inside, "dpkg", *options], ENVIRONMENT)


# Where the next boot meets something else than the one before: each is the last argument of a rename.
SWITCHES = (
    ("upgrade-first", '"/usr/bin/iot-onboard"'),
    ("upgrade-first", CURRENT),
    ("upgrade", CURRENT),
    ("upgrade", '"/var/lib/dpkg/info/iot-onboard.postinst"'),
    ("downgrade", CURRENT),
    ("downgrade-first", '"/usr/lib/python3/dist-packages/iot_onboard/lifecycle/model.py"'),
)


@pytest.mark.parametrize(("scenario", "target"), SWITCHES, ids=[f"{name} {path}" for name, path in SWITCHES])
def test_the_next_boot_is_online(site: Site, release: str, scenario: str, target: str) -> None:
    """With the secret that it has, by old code or new; what dpkg left, the unit or the same command again finishes."""
    machine = prepared(site, release, scenario)
    machine.boot()
    site.wait_connected(SERIAL)
    new = images.package(SCENARIOS[scenario].new)
    with closing(installs(machine, new)) as found:
        assert any(stop.name.startswith("rename") and target in stop.arguments for stop in found), "no such rename"
    machine.cut_power()
    left, logins = state(machine.root), len(site.sandbox.seen("connect"))
    machine.boot()
    wait_for(lambda: len(site.sandbox.seen("connect")) > logins, "a login after the boot", 60)
    assert len(site.sandbox.seen("register")) == 1
    if left in {"unpacked", "half-configured"} and machine.exists(FINISHES):
        wait_for(lambda: state(machine.root) == "installed", "what dpkg began is finished", 60)
    machine.run("dpkg", "--force-confdef", "--force-confold", "--install", copy_in(machine, new))
    assert state(machine.root) == "installed"
    assert machine.show("ActiveState")["ActiveState"] == "active"
    site.wait_connected(SERIAL)
    assert not machine.exists("/usr/libexec/iot-onboard-stand-in")
    assert "50-stand-in" not in machine.run("systemctl", "cat", "iot-onboard.service")
    assert len(site.sandbox.seen("register")) == 1


def test_a_first_installation_is_finished_by_the_next_boot(site: Site, release: str) -> None:
    """Cut off before its scripts have run, with its identity in debconf: dpkg finishes it, and nothing else."""
    machine = prepared(site, release, "install-answered")
    (machine.root / "var/lib/dpkg/status").open("a").write(OTHER)
    with closing(install(machine, images.package())) as found:
        assert any(state(machine.root) == "unpacked" for stop in found if "/var/lib/dpkg/" in stop.arguments)
    assert machine.offline("id", "iot-onboard").returncode != 0
    machine.start()
    site.wait_connected(SERIAL, 60)
    wait_for(lambda: state(machine.root) == "installed", "dpkg has finished", 60)
    assert machine.run("dpkg-query", "--show", "--showformat=${db:Status-Status}", "other") == "unpacked"
    assert "an installation was interrupted" in machine.run("journalctl", "--unit=iot-onboard-upgrade.service")


def test_the_moment_before_dpkg_notes_its_end(site: Site, release: str) -> None:
    """Every script has ended, and dpkg does not know yet: the next boot has it finish."""
    machine = prepared(site, release, "upgrade")
    seen: list[str] = []
    with closing(install(machine, images.package(images.NEWER_VERSION))) as found:
        # The last sync is that of the compiled files; what comes then is dpkg's own.
        for stop in found:
            seen.append(stop.name)
            if stop.name == "syncfs" and state(machine.root) == "half-configured" and seen.count("syncfs") > 1:
                break
    assert state(machine.root) == "half-configured"
    machine.boot()
    site.wait_connected(SERIAL)
    wait_for(lambda: state(machine.root) == "installed", "dpkg has finished", 60)


# Half done, as ours is: nothing of ours is to touch it.
OTHER = """
Package: other
Status: install ok unpacked
Priority: optional
Section: misc
Maintainer: nobody <nobody@example.com>
Architecture: all
Version: 1
Description: another package
"""

# What another dpkg would hold, for as long as it runs.
HOLD = """
import fcntl, time
lock = open("/var/lib/dpkg/lock", "w")
fcntl.lockf(lock, fcntl.LOCK_EX)
open("/root/held", "w").close()
time.sleep(600)
"""


def test_what_cannot_be_finished_is_said(site: Site, release: str) -> None:
    """Half installed, or while another dpkg runs: one line says who has to do what, and the service runs on."""
    machine = prepared(site, release, "upgrade")
    new = images.package(images.NEWER_VERSION)
    with closing(install(machine, new)) as found:
        assert any(CURRENT in stop.arguments for stop in found)
    assert state(machine.root) == "half-installed"
    machine.boot()
    site.wait_connected(SERIAL)
    output = machine.run("journalctl", "--unit=iot-onboard-upgrade.service", "--output=cat")
    assert "half-installed" in output
    assert "install the package again" in output
    doctor = machine.try_run("iot-onboard", "doctor", "--only", "package-files").stdout
    assert "dpkg reports the package as half-installed" in doctor
    machine.run("dpkg", "--force-confold", "--install", copy_in(machine, new))
    machine.write("/usr/share/iot-onboard/unfinished", "")
    status = machine.read("/var/lib/dpkg/status")
    at = status.index("Package: iot-onboard\n")
    machine.write("/var/lib/dpkg/status", status[:at] + status[at:].replace("ok installed", "ok unpacked", 1))
    machine.run("systemd-run", "--unit=holder", "python3", "-c", HOLD)
    wait_for(lambda: machine.exists("/root/held"), "dpkg's lock is held", 20)
    start = ("systemctl", "start", "iot-onboard-upgrade.service")
    assert machine.try_run(*start).returncode != 0
    output = machine.run("journalctl", "--unit=iot-onboard-upgrade.service", "--output=cat")
    assert "could not be configured" in output
    assert machine.show("ActiveState")["ActiveState"] == "active"
    machine.run("systemctl", "stop", "holder.service")
    machine.run(*start)
    assert state(machine.root) == "installed"


def test_a_healthy_boot_does_not_start_the_unit(site: Site, release: str) -> None:
    """The first one after an installation looks once; then its condition is a file that is not there."""
    machine = prepared(site, release, "reinstall")
    machine.boot()
    assert machine.show("Result", unit="iot-onboard-upgrade.service") == {"Result": "success"}
    assert not machine.exists("/usr/share/iot-onboard/unfinished")
    machine.reboot()
    shown = machine.show("ActiveState", "ConditionResult", unit="iot-onboard-upgrade.service")
    assert shown == {"ActiveState": "inactive", "ConditionResult": "no"}
    wanted = machine.show("WantedBy", unit="iot-onboard-upgrade.service")
    assert wanted == {"WantedBy": "multi-user.target"}


def test_damaged_code_gives_way_and_the_cure_cures(site: Site, release: str) -> None:
    """A file of the current code is cut: the code of before brings the gateway online, and the line's cure mends it."""
    machine = prepared(site, release, "upgrade-first")
    machine.boot()
    machine.run("dpkg", "--install", copy_in(machine, images.package()))
    site.wait_connected(SERIAL)
    code = f"/usr/share/iot-onboard/code/{machine.read('/usr/share/iot-onboard/current').strip()}"
    damaged = f"{code}/iot_onboard/net/dial.py"
    whole = machine.read(damaged)
    machine.cut_power()
    machine.write(damaged, whole[: len(whole) // 2] + "\ndef half(")
    machine.boot()
    site.wait_connected(SERIAL)
    logged = machine.journal_text()
    assert f"{damaged} cannot be loaded (SyntaxError): the code of before the last upgrade runs instead." in logged
    assert "To do: sudo apt-get install --reinstall iot-onboard" in logged
    doctor = machine.try_run("iot-onboard", "doctor", "--only", "package-files").stdout
    assert damaged in doctor
    # What apt does with --reinstall, where it has the package.
    machine.run("dpkg", "--install", copy_in(machine, images.package()))
    assert machine.read(damaged) == whole
    machine.reboot()
    site.wait_connected(SERIAL)
    assert "cannot be loaded" not in machine.journal_text()
