"""What happens to a gateway that is online: it comes back by itself, or says who has to act."""

from __future__ import annotations

import time

from support.machine.machine import Machine
from support.machine.site import PRODUCT_KEY, Site
from support.platform.budget import assert_within_budget
from support.platform.sandbox import wait_for


def online(gateway: Machine) -> Machine:
    gateway.boot()
    gateway.wait_for_state("online")
    return gateway


def test_a_killed_service_is_back_without_registration(site: Site, gateway: Machine) -> None:
    """After SIGKILL the service manager starts it again, and it is online with the stored secret."""
    online(gateway)
    gateway.run("systemctl", "kill", "--signal=KILL", "iot-onboard.service")
    gateway.wait_for_event("online", count=2)
    assert gateway.show("NRestarts", "ActiveState") == {"NRestarts": "1", "ActiveState": "active"}
    assert len(site.sandbox.seen("register")) == 1


def test_kills_in_a_row_never_wedge_it(site: Site, gateway: Machine) -> None:
    """Killed ten times as fast as it starts, it is still started again: there is no start limit."""
    online(gateway)
    for _ in range(10):
        gateway.run("systemctl", "kill", "--signal=KILL", "iot-onboard.service")
        wait_for(lambda: gateway.show("ActiveState")["ActiveState"] != "failed", "not failed", 5)
        wait_for(lambda: gateway.show("MainPID")["MainPID"] != "0", "it runs again", 20)
    gateway.wait_for_state("online", 90)
    connects = [row["at"] for row in site.sandbox.seen() if row["what"] == "connect"]
    assert_within_budget(connects)


def test_a_hanging_service_is_restarted_by_the_watchdog(gateway: Machine) -> None:
    """A process that is stopped dead no longer feeds the watchdog, and a fresh one takes over."""
    gateway.drop_in("watchdog", "[Service]\nWatchdogSec=6s\nTimeoutAbortSec=1s\n")
    online(gateway)
    gateway.run("systemctl", "kill", "--signal=STOP", "iot-onboard.service")
    gateway.wait_for_event("online", 60, count=2)
    assert gateway.show("NRestarts") == {"NRestarts": "1"}


def test_the_cable_is_out_for_minutes(site: Site, gateway: Machine) -> None:
    """A pulled cable is noticed within 1.5 keep-alives; two minutes later the plugged one leads to a login."""
    online(gateway)
    gateway.cable(plugged=False)
    pulled_at = time.monotonic()
    gateway.wait_for_event("connection-lost", 60)
    assert time.monotonic() - pulled_at <= 1.5 * 30 + 3
    time.sleep(120 - (time.monotonic() - pulled_at))  # the fault is the time itself
    gateway.cable(plugged=True)
    gateway.wait_for_state("online", 15)
    assert site.connected("gw0001")
    assert gateway.show("NRestarts") == {"NRestarts": "0"}


def test_the_platform_restarts(site: Site, gateway: Machine) -> None:
    """A platform that goes and comes is a reconnect, not a registration."""
    online(gateway)
    site.sandbox.restart()
    gateway.wait_for_event("online", 60, count=2)
    assert len(site.sandbox.seen("register")) == 1
    assert gateway.events().count("connection-lost") == 1


def test_the_platform_is_silent(site: Site, gateway: Machine) -> None:
    """Packets dropped without a word are noticed within 1.5 keep-alives, and the end of it within a back-off."""
    online(gateway)
    site.block("tcp dport 8883 drop")
    gateway.wait_for_event("connection-lost", 50)
    site.unblock()
    gateway.wait_for_state("online", 90)


def test_a_reset_device_heals_itself(site: Site, gateway: Machine) -> None:
    """After ResetThing the third refusal running leads to one registration; the old secret stays as a generation."""
    online(gateway)
    site.sandbox.command("reset", PRODUCT_KEY, "gw0001")
    site.sandbox.command("kick", PRODUCT_KEY, "gw0001")
    gateway.wait_for_event("reregistering", 60)
    gateway.wait_for_event("online", 60, count=2)
    assert len(site.sandbox.seen("register")) == 2
    assert gateway.exists(f"/var/lib/iot-onboard/credentials/{PRODUCT_KEY}.gw0001.json.1")


def test_a_disabled_device_waits_for_the_operator(site: Site, gateway: Machine) -> None:
    """A disabled device says so, stays alive, and a restart after the cure brings it back with its old secret."""
    online(gateway)
    before = gateway.read(f"/var/lib/iot-onboard/credentials/{PRODUCT_KEY}.gw0001.json")
    site.sandbox.command("disable", PRODUCT_KEY, "gw0001")
    blocked = gateway.wait_for_event("login-blocked", 90)
    assert "To do" in blocked["MESSAGE"]
    assert gateway.show("ActiveState", "NRestarts") == {"ActiveState": "active", "NRestarts": "0"}
    assert gateway.read(f"/var/lib/iot-onboard/credentials/{PRODUCT_KEY}.gw0001.json") == before
    site.sandbox.command("enable", PRODUCT_KEY, "gw0001")
    gateway.run("systemctl", "restart", "iot-onboard")
    gateway.wait_for_event("online", 90, count=2)
    assert gateway.read(f"/var/lib/iot-onboard/credentials/{PRODUCT_KEY}.gw0001.json") == before


def test_a_deleted_device_slows_down(site: Site, gateway: Machine) -> None:
    """A deleted device names its cure and knocks about hourly; its secret is kept."""
    online(gateway)
    site.sandbox.command("delete", PRODUCT_KEY, "gw0001")
    blocked = gateway.wait_for_event("login-blocked", 90)
    assert 3240 <= float(blocked["IOT_NEXT_TRY_S"]) <= 3960
    assert gateway.exists(f"/var/lib/iot-onboard/credentials/{PRODUCT_KEY}.gw0001.json")
    assert gateway.show("StatusText")["StatusText"].startswith("blocked")


def test_a_device_activated_elsewhere_is_blocked(site: Site, gateway: Machine) -> None:
    """Registration refused with 6289 names the code and the cure; the service stays alive and retries about hourly."""
    site.sandbox.command("activate", PRODUCT_KEY, "gw0001")
    gateway.boot()
    refused = gateway.wait_for_event("registration-refused")
    assert refused["IOT_CODE"] == "6289"
    assert "reset" in refused["MESSAGE"].lower()
    assert refused["PRIORITY"] == "3"
    assert 3240 <= float(refused["IOT_NEXT_TRY_S"]) <= 3960
    assert gateway.show("ActiveState") == {"ActiveState": "active"}
    site.sandbox.command("reset", PRODUCT_KEY, "gw0001")
    gateway.run("systemctl", "restart", "iot-onboard")
    gateway.wait_for_state("online")


def test_two_machines_with_one_identity(site: Site, gateway: Machine) -> None:
    """A copied card is recognised: one of the two names the cause and holds off, and neither hammers the platform.

    The platform counts the logins of both together and turns some away: minutes, which pass faster here.
    """
    speed = 5.0
    site.quicken(speed)
    gateway.quicken(speed)
    online(gateway)
    gateway.power_off()
    clone = site.machine("clone")
    clone.quicken(speed)
    site.identify(clone, "gw0001")
    name = f"/var/lib/iot-onboard/credentials/{PRODUCT_KEY}.gw0001.json"
    clone.write(name, gateway.read(name), 0o600)
    assert clone.offline("chown", "-R", "iot-onboard:", "/var/lib/iot-onboard").returncode == 0
    assert clone.offline("chmod", "700", "/var/lib/iot-onboard", "/var/lib/iot-onboard/credentials").returncode == 0
    began = time.monotonic()
    gateway.boot()
    clone.boot()

    def logged() -> Machine | None:
        return next((machine for machine in (gateway, clone) if "identity-shared" in machine.events()), None)

    reporting_machine = wait_for(logged, "one of them names the clone", 120, every_s=0.5)
    assert float(reporting_machine.wait_for_event("identity-shared")["IOT_NEXT_TRY_S"]) >= 30
    minutes = (time.monotonic() - began) * speed / 60
    assert len([row for row in site.sandbox.seen() if row["what"] == "kicked"]) <= 5 * (minutes + 1)


def test_stopping_is_quick_and_polite(site: Site, gateway: Machine) -> None:
    """`systemctl stop` sends DISCONNECT and is over within half a second of the signal."""
    online(gateway)
    gateway.run("systemctl", "stop", "iot-onboard")
    properties = gateway.show("ActiveExitTimestampMonotonic", "ExecMainExitTimestampMonotonic")
    duration_us = int(properties["ExecMainExitTimestampMonotonic"]) - int(properties["ActiveExitTimestampMonotonic"])
    assert 0 < duration_us <= 500_000
    assert gateway.show("Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}
    wait_for(lambda: not site.connected("gw0001"), "offline at the platform", 5)
