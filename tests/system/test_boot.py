"""A gateway boots: the main job on a whole system, also where something is missing."""

from __future__ import annotations

import random
import time

from support.machine.machine import Machine
from support.machine.site import PRODUCT_KEY, Site
from support.platform.sandbox import wait_for

CREDENTIALS = f"/var/lib/iot-onboard/credentials/{PRODUCT_KEY}.gw0001.json"


def test_first_boot(site: Site, gateway: Machine) -> None:
    """A gateway without a secret registers, stores it, and is online, with no hand on the box."""
    gateway.boot()
    gateway.wait_for_event("reported")
    assert site.connected("gw0001")
    assert gateway.show("ActiveState", "SubState", "NRestarts", "User") == {
        "ActiveState": "active",
        "SubState": "running",
        "NRestarts": "0",
        "User": "iot-onboard",
    }
    assert gateway.show("StatusText")["StatusText"].startswith("online at ")
    expected = ["started", "registering", "registered", "secret-stored", "connecting", "online", "reported"]
    assert gateway.events() == expected
    assert len(site.sandbox.seen("register")) == 1


def test_second_boot(site: Site, gateway: Machine) -> None:
    """After a reboot it is online again, and nothing is asked of the registration endpoint."""
    gateway.boot()
    gateway.wait_for_state("online")
    gateway.reboot()
    gateway.wait_for_event("reported")
    assert gateway.events() == ["started", "secret-found", "connecting", "online", "reported"]
    assert len(site.sandbox.seen("register")) == 1


def test_boot_without_network(site: Site, gateway: Machine) -> None:
    """A boot with the cable out does not fail; once it is in, the gateway is online within seconds."""
    gateway.start(plugged=False)
    wait_for(lambda: gateway.show("ActiveState")["ActiveState"] == "active", "the service runs", 30)
    gateway.wait_for_event("registration-failed")
    gateway.cable(plugged=True)
    gateway.wait_for_state("online", 30)
    assert gateway.show("NRestarts") == {"NRestarts": "0"}
    assert site.connected("gw0001")


def test_boot_with_names_unresolved(site: Site, gateway: Machine) -> None:
    """Where names do not resolve the journal says so, and the gateway comes online by itself once they do."""
    site.stop_dns()
    gateway.boot()
    failed = gateway.wait_for_event("registration-failed")
    assert "does not resolve" in failed["MESSAGE"]
    assert float(failed["IOT_NEXT_TRY_S"]) <= 5.0
    site.start_dns()
    gateway.wait_for_state("online", 60)


def test_boot_with_the_platform_down(site: Site, gateway: Machine) -> None:
    """Where nobody answers the gateway waits, is alive, and comes online when the platform is back."""
    site.sandbox.stop()
    gateway.boot()
    gateway.wait_for_event("registration-failed")
    assert gateway.try_run("iot-onboard", "status").returncode == 1
    # Between two tries.
    wait_for(lambda: gateway.show("StatusText")["StatusText"].startswith("waiting to register"), "its word", 20)
    site.sandbox.start()
    gateway.wait_for_state("online", 60)


def test_boot_without_a_thread_to_be_had(site: Site, gateway: Machine) -> None:
    """As where TasksMax= or the system's limit is reached: it says so, stays up, and goes on when there is one."""
    gateway.drop_in("tasks", "[Service]\nLimitNPROC=1:20\n")
    gateway.boot()
    entry = gateway.wait_for_event("secret-unreadable")
    assert "no thread is available" in entry["MESSAGE"]
    assert float(entry["IOT_NEXT_TRY_S"]) <= 5.0
    pid = gateway.show("MainPID")["MainPID"]
    gateway.run("runuser", "-u", "iot-onboard", "--", "prlimit", "--pid", pid, "--nproc=20:20")
    gateway.wait_for_state("online", 60)
    assert gateway.show("NRestarts") == {"NRestarts": "0"}
    assert len(site.sandbox.seen("register")) == 1


def test_reboot_while_registering(site: Site, gateway: Machine) -> None:
    """A shut-down in the middle of a registration is quick, and the next boot registers again."""
    site.sandbox.command("answer", "slow")
    gateway.boot()
    gateway.wait_for_event("registering")
    wait_for(lambda: site.sandbox.seen("register"), "the request has come")
    gateway.power_off()
    site.sandbox.command("answer", "normal")
    gateway.boot()
    gateway.wait_for_state("online")
    stopped = [entry for entry in gateway.journal("--boot=-1") if entry.get("IOT_EVENT") == "stopping"]
    assert len(stopped) == 1


def test_power_cuts_during_first_boots(site: Site, gateway: Machine) -> None:
    """Cut the power at random moments from power-on to a while after the login: it always comes online at last."""
    chance = random.Random(20261124)
    # With the last boot no more CONNECTs than the platform takes in a minute: its count survives our reboots.
    for _ in range(4):
        gateway.start()
        time.sleep(chance.uniform(0.0, 2.5))  # a moment that nothing in the gateway tells
        gateway.cut_power()
    gateway.boot()
    gateway.wait_for_state("online")
    assert site.connected("gw0001")


def test_waiting_for_online_orders_others(site: Site, gateway: Machine) -> None:
    """A unit after iot-onboard-wait-online.service starts when the gateway is online, and not before."""
    unit = "[Unit]\nWants=iot-onboard-wait-online.service\nAfter=iot-onboard-wait-online.service\n"
    unit += "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/iot-onboard status --json\n"
    gateway.write("/etc/systemd/system/after.service", unit + "[Install]\nWantedBy=multi-user.target\n")
    assert gateway.offline("systemctl", "enable", "after.service").returncode == 0
    site.sandbox.stop()
    gateway.start()
    gateway.wait_for_event("registration-failed")
    assert gateway.show("ActiveState", unit="after.service") == {"ActiveState": "inactive"}
    site.sandbox.start()
    wait_for(lambda: gateway.show("ActiveState", unit="after.service")["ActiveState"] == "active", "it starts", 60)
    online_at = int(gateway.wait_for_event("online")["__MONOTONIC_TIMESTAMP"])
    assert int(gateway.show("ExecMainStartTimestampMonotonic", unit="after.service").popitem()[1]) > online_at


def test_clock_in_1970(gateway: Machine) -> None:
    """With the clock in 1970 the gateway waits for the clock, says so, and is online soon after it is set."""
    gateway.write("/etc/faketime", "1970-01-01 00:05:00\n")
    library = "/usr/lib/$(uname -m)-linux-gnu/faketime/libfaketime.so.1"
    machine = gateway.offline("sh", "-c", f"echo {library}").stdout.strip()
    environment = f"LD_PRELOAD={machine} FAKETIME_TIMESTAMP_FILE=/etc/faketime FAKETIME_NO_CACHE=1"
    environment += " FAKETIME_DONT_FAKE_MONOTONIC=1"
    gateway.drop_in("clock", f"[Service]\nEnvironment={environment}\n")
    gateway.boot()
    waiting = gateway.wait_for_event("clock-not-set")
    assert "Waiting for the clock" in waiting["MESSAGE"]
    assert not [entry for entry in gateway.journal() if entry["_TRANSPORT"] == "stdout"], "what a library has to say"
    gateway.write("/etc/faketime", "+0\n")
    gateway.wait_for_state("online", 30)
    assert gateway.show("NRestarts") == {"NRestarts": "0"}
