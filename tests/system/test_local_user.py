"""A shell as the service's user: a script that tries all it can think of against root comes away with nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from support.machine.machine import Machine
from support.machine.site import PRODUCT_KEY

STORED = f"{PRODUCT_KEY}.gw0001.json"
STATE, RUN = "/var/lib/iot-onboard", "/run/iot-onboard"
MARKER = "r00tAl0neKn0ws"
AS_SERVICE = ("setpriv", "--reuid=iot-onboard", "--regid=iot-onboard", "--clear-groups", "--")
# What a command of root's may end with over such directories; 70 is none of them.
ENDS = {0, 1, 2, 78}
COMMANDS = ("status", "doctor --only secrets,state", "register", "forget --yes", "bundle --output /tmp/b.tar.gz")
TRICKS = {
    "the store is /etc": f"mv {STATE}/credentials {STATE}/c2; ln -s /etc {STATE}/credentials",
    "the secret is root's": f"ln -sf /root/alone {STATE}/credentials/{STORED}",
    "the secret waits": f"rm -f {STATE}/credentials/{STORED}; mkfifo {STATE}/credentials/{STORED}",
    "what is remembered is root's": f"cd {RUN}; for f in *.json x.json; do ln -sf /root/alone $f; done",
    "what is remembered waits": f"cd {RUN}; rm -f *.json; mkfifo status.json connects.json lives.json x.json",
    "temporary files are there": f"cd {RUN}; for f in status connects lives; do ln -sf /root/alone $f.json.new; done",
    "second names": f"cd {RUN}; ln /etc/passwd p.json; ln /etc/shadow a.json; ln /etc/shadow {STATE}/s.json",
    "directories": f"cd {RUN}; rm -f *.json; mkdir status.json connects.json lives.json; rm -rf {STATE}/credentials",
    "the way to the store": f"rm -rf {STATE}/credentials; ln -s . {STATE}/credentials; ln -s /etc {STATE}/etc",
    "set-uid and names": f"cd {STATE}; cp /bin/sh s; chmod 6777 s; touch 'credentials/\n\x1b[2J;id'",
    "sizes": f"cd {RUN}; truncate -s 1T status.json x.json {STATE}/credentials/{STORED}",
}
# Round and round while root is at work.
SWAPS = f"""
cd {STATE}; mkdir -p credentials
while :; do
    mv -T credentials away 2>/dev/null; ln -sfn /etc credentials; ln -sf /root/alone {RUN}/status.json
    for f in {RUN}/*.new credentials/*.new; do ln -sf /root/alone "$f" 2>/dev/null; done
    rm -f credentials; mv -T away credentials 2>/dev/null; rm -f {RUN}/status.json
done
"""


def alone(machine: Machine) -> dict[str, tuple[int, int, int, bytes]]:
    """Return what is root's and near: owners, modes, and what is in it."""
    found: dict[str, tuple[int, int, int, bytes]] = {}
    paths = [machine.root / name for name in ("etc", "root", "root/alone", "var/lib", "run", "usr/bin")]
    # What dpkg and systemd keep for themselves changes by itself.
    paths += [path for path in (machine.root / "etc").rglob("*") if path.name != "resolv.conf"]
    for path in paths:
        seen = path.lstat()
        data = path.read_bytes() if stat.S_ISREG(seen.st_mode) else b""
        found[str(path.relative_to(machine.root))] = (seen.st_mode, seen.st_uid, seen.st_gid, data)
    return found


@pytest.fixture
def machine(gateway: Machine) -> Machine:
    gateway.write("/root/alone", MARKER, 0o600)
    gateway.boot()
    gateway.wait_for_event("reported")
    gateway.run("systemctl", "stop", "iot-onboard")
    return gateway


def shell(machine: Machine, script: str) -> None:
    """Run a script as the service's user, and let it fail: what it may not do is the system's to refuse."""
    machine.try_run(*AS_SERVICE, "sh", "-c", script)


def hold(machine: Machine, before: dict[str, tuple[int, int, int, bytes]], what: str) -> None:
    for command in COMMANDS:
        done = machine.try_run("timeout", "60", "iot-onboard", *command.split())
        assert done.returncode in ENDS, (what, command, done)
        assert MARKER not in done.stdout + done.stderr, (what, command)
        assert "\x1b" not in done.stdout + done.stderr, (what, command)
    packed = machine.try_run(
        "sh", "-c", f"tar -xzOf /tmp/b.tar.gz | grep -c -e {MARKER} -e 'root:[*!$]'; rm -f /tmp/b.tar.gz"
    )
    assert packed.stdout.strip() in {"", "0"}, what
    assert alone(machine) == before, what


def restored(machine: Machine, kept: Path) -> None:
    machine.run("sh", "-c", f"rm -rf {STATE} {RUN}/* && cp -a {kept} {STATE}")


def test_tricks_lead_nowhere(machine: Machine) -> None:
    """Root's commands change nothing, show nothing and wait for nothing; the gateway comes online again afterwards."""
    machine.run("cp", "-a", STATE, "/root/kept")
    before = alone(machine)
    for what, trick in TRICKS.items():
        shell(machine, trick)
        hold(machine, before, what)
        restored(machine, Path("/root/kept"))
    machine.run("systemctl", "start", "iot-onboard")
    machine.wait_for_state("online")


def test_swaps_lead_nowhere(machine: Machine) -> None:
    """A loop of the service's user swaps links in and out while root is at work."""
    before = alone(machine)
    machine.run("systemd-run", "--unit=swaps", "--uid=iot-onboard", "sh", "-c", SWAPS)
    for number in range(4):
        hold(machine, before, f"turn {number}")
    machine.run("systemctl", "stop", "swaps")


def test_root_and_the_service_take_turns(machine: Machine) -> None:
    """What root forgets, registers and runs is the service's to go on with, its budget of logins included."""
    assert machine.try_run("iot-onboard", "forget", "--yes").returncode == 0
    assert machine.try_run("timeout", "--signal=TERM", "5", "iot-onboard", "run").returncode in {0, 124}
    owners = machine.run("find", STATE, RUN, "-not", "-user", "iot-onboard")
    assert owners.strip() == ""


def test_a_purge_packs_nothing_of_roots(machine: Machine) -> None:
    """The secret is kept, beside links, pipes and a file without end."""
    store = f"{STATE}/credentials"
    shell(machine, f"ln -s /root/alone {store}/a.json; mkfifo {store}/p.json; truncate -s 1T {store}/t.json")
    done = machine.run("timeout", "120", "apt-get", "purge", "--yes", "-q", "iot-onboard")
    assert "/var/backups/iot-onboard-credentials-" in done
    names = machine.run("sh", "-c", "tar -tzf /var/backups/iot-onboard-credentials-*.tar.gz").split()
    assert names == ["credentials/", f"credentials/{STORED}"]
