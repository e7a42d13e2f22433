"""What keeps systemd from starting the service at all: named once, quiet, and healed by itself when it ends."""

from __future__ import annotations

import time

import pytest

from support.machine import images
from support.machine.machine import Machine
from support.machine.site import Site
from support.machine.startfaults import (
    HEALS_S,
    MAX_LINES_OF_A_START,
    START_FAULTS,
    StartFault,
    break_start,
    end_start_fault,
    events_of,
    is_active,
    lines_since,
    tidy,
    wait_until_reported,
)
from support.platform.sandbox import wait_for

RECOVERY = "iot-onboard-recovery.service"
# A whole look, which comes every 20 s, is in it.
QUIET_S = 22.0
MAX_FAULTS = 8
MOUNT = "[Mount]\nWhat=/srv/stick\nWhere=/data\nType=none\nOptions=bind\n"
OPENED = "[Unit]\nRequiresMountsFor=/data/iot-onboard\n[Service]\nReadWritePaths=/data/iot-onboard\n"


def operator_output(gateway: Machine) -> str:
    """Return what an operator sees at one look, and what the doctor says."""
    status = gateway.try_run("iot-onboard", "status")
    assert status.returncode == 2
    doctor = gateway.try_run("iot-onboard", "doctor", "--only", "service-running")
    assert "FAIL" in doctor.stdout
    words = status.stdout.split(), doctor.stdout.split()
    assert "not running" in status.stdout
    return " ".join(words[0]) + "\n" + " ".join(words[1])


def check_shown(gateway: Machine, words: tuple[str, ...], message: str) -> None:
    shown = operator_output(gateway)
    for word in words:
        assert word in message
        assert all(word in line for line in shown.splitlines()), shown


def heals(gateway: Machine) -> None:
    began_s = time.monotonic()
    wait_for(lambda: is_active(gateway), f"the service starts\n{gateway.journal_text()}", HEALS_S)
    assert time.monotonic() - began_s < HEALS_S
    tidy(gateway)


@pytest.mark.timeout(400)
def test_it_is_named_and_heals(site: Site, gateway: Machine, release: str) -> None:
    """One boot with the guide's own recipe, whose mount fails at first; then one fault after the other."""
    late_mount(site, gateway, release)
    # The others are for `make torture`.
    for fault in START_FAULTS[images.RELEASES.index(release) : MAX_FAULTS : 2]:
        one_fault(gateway, fault)
    operator_stops(gateway)
    if release == "bookworm":
        operator_stops_one_that_is_killed(gateway)


def late_mount(site: Site, gateway: Machine, release: str) -> None:
    """The mount fails at the boot, and then comes: by somebody's hand, or because its source is there again."""
    gateway.write("/etc/systemd/system/data.mount", MOUNT)
    gateway.write("/etc/iot-onboard/conf.d/60-state.yaml", "state_dir: /data/iot-onboard\n")
    gateway.drop_in("60-state", OPENED)
    # A link that leads to nothing: systemd would make a directory.
    (gateway.root / "srv/stick").symlink_to("/srv/late")
    gateway.boot()
    entry = gateway.wait_for_event("start-prevented")
    time.sleep(QUIET_S)
    check_shown(gateway, ("data.mount (/data)",), entry["MESSAGE"])
    lines = lines_of_this_boot(gateway)
    assert len(lines) <= 6, lines
    gateway.run("sh", "-c", "mkdir -p /srv/late/iot-onboard && chown iot-onboard: /srv/late/iot-onboard")
    if release == "bookworm":
        gateway.run("systemctl", "start", "data.mount")
    heals(gateway)
    gateway.wait_for_state("online")
    gateway.wait_for_event("start-possible")
    assert len(site.sandbox.seen("register")) == 1
    # As the guide has it: a mount that goes away stops the service, and brings it back.
    gateway.run("systemctl", "add-wants", "data.mount", "iot-onboard.service")
    gateway.run("systemctl", "stop", "data.mount")
    assert not is_active(gateway)
    gateway.run("systemctl", "start", "data.mount")
    gateway.wait_for_state("online")


def lines_of_this_boot(gateway: Machine) -> list[str]:
    options = [option for unit in ("iot-onboard.service", RECOVERY) for option in ("--unit", unit)]
    return gateway.run("journalctl", "--boot", "--quiet", "--output=cat", *options).splitlines()


def one_fault(gateway: Machine, fault: StartFault) -> None:
    place = break_start(gateway, fault)
    output = wait_until_reported(gateway, place)
    check_shown(gateway, fault.words, output["MESSAGE"])
    lines = lines_since(gateway, place)
    assert events_of(lines) == ["start-prevented"], fault.id
    assert len(lines) <= MAX_LINES_OF_A_START + 1, [line["MESSAGE"] for line in lines]
    end_start_fault(gateway, fault, output["MESSAGE"])
    heals(gateway)


def operator_stops(gateway: Machine) -> None:
    """Who stops the service is not contradicted, even where what was in the way then goes."""
    fault = START_FAULTS[0]
    gateway.run("rm", "-rf", "/srv/gone")
    wait_until_reported(gateway, break_start(gateway, fault))
    assert is_active(gateway, RECOVERY)
    gateway.run("systemctl", "stop", "iot-onboard")
    assert not is_active(gateway, RECOVERY)
    end_start_fault(gateway, fault, "")
    time.sleep(3)
    assert not is_active(gateway)


def operator_stops_one_that_is_killed(gateway: Machine) -> None:
    """systemd kills it, here without a wait, and calls that a failure: it stays stopped all the same."""
    tidy(gateway)
    gateway.drop_in("kill", "[Service]\nKillSignal=SIGKILL\n")
    gateway.run("systemctl", "daemon-reload")
    gateway.run("systemctl", "start", "iot-onboard")
    gateway.run("systemctl", "stop", "iot-onboard")
    assert gateway.show("ActiveState", "Result") == {"ActiveState": "failed", "Result": "signal"}
    wait_for(lambda: not is_active(gateway, RECOVERY), "the recovery unit ends", 10)
    time.sleep(3)
    assert not is_active(gateway)
