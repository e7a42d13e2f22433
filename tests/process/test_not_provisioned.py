"""A gateway that is not set up, or set up wrong, comes to life by itself once somebody has mended it."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.gateway.clocks import quick_clock
from support.gateway.gateway import PRODUCT_KEY, Gateway
from support.platform.sandbox import Sandbox, wait_for


def leave_out_the_names(gateway: Gateway) -> None:
    lines = gateway.config.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("product_key", "device_name"))]
    gateway.config.write_text("\n".join(kept) + "\n")


def setup(gateway: Gateway, *arguments: str, secret: str | None = None) -> None:
    given = ("--product-secret-file", "-") if secret else ()
    command = [sys.executable, "-m", "iot_onboard", "setup", "--config", str(gateway.config), "--no-restart"]
    subprocess.run([*command, *given, *arguments], input=secret or "", text=True, check=True, capture_output=True)


def test_it_waits_and_starts_by_itself(sandbox: Sandbox, gateway: Gateway) -> None:
    """Installed and not set up: alive, and saying what to do; set up, it ends so that it is started with that."""
    gateway.configure(sandbox)
    leave_out_the_names(gateway)
    secret = gateway.product_secret.read_text()
    gateway.product_secret.unlink()
    gateway.start()
    status = gateway.wait_for_state("not-provisioned")
    assert (status["product_key"], status["last_event"]) == ("", "not-provisioned")
    assert "To do: run sudo iot-onboard setup" in gateway.wait_for_line(
        "No product identity is configured: product_key and device_name"
    )
    output = gateway.command("status")
    assert (output.returncode, "sudo iot-onboard setup" in output.stdout) == (1, True)
    assert json.loads(gateway.command("status", "--json").stdout)["state"] == "not-provisioned"
    setup(gateway, "--product-key", PRODUCT_KEY, "--device-name", gateway.device_name, secret=secret)
    assert gateway.wait() == 0
    gateway.wait_for_line("The configuration has changed. The service restarts.")
    assert gateway.command("status").returncode == 2
    gateway.online()


def test_half_a_configuration_is_waited_with(gateway: Gateway) -> None:
    """What is missing is named; what is wrong is told once, and the wait goes on."""
    gateway.write_config("https://127.0.0.1:9/", 9, Path("/nowhere"))
    leave_out_the_names(gateway)
    fragment = gateway.config.parent / "conf.d" / "50.yaml"
    fragment.parent.mkdir()
    fragment.write_text(f"product_key: {PRODUCT_KEY}\n")
    gateway.start()
    gateway.wait_for_line("No product identity is configured: device_name is missing.")
    fragment.write_text(f"product_key: {PRODUCT_KEY}\ndevice_nam: gw-0001\nregion: Shang Hai\n")
    gateway.wait_for_line(f"not used: {fragment}:3: region: is not a region")
    assert "did you mean device_name?" in gateway.lines()
    fragment.write_text(f"product_key: {PRODUCT_KEY}\ndevice_name: gw-0001\n")
    assert gateway.wait() == 0
    assert gateway.lines().count("region: is not a region") == 1


def test_a_name_that_the_board_does_not_give_is_waited_for(sandbox: Sandbox, gateway: Gateway) -> None:
    """A daemon whose name the hardware does not tell yet stays alive with one line, and takes the cure by itself."""
    gateway.configure(sandbox)
    good = gateway.config.read_text()
    gateway.config.write_text(good.replace(f"device_name: {gateway.device_name}", "device_name: 'gw-{mac:nope0}'"))
    gateway.start()
    gateway.wait_for_state("not-provisioned")
    gateway.wait_for_line("The device name cannot be determined: this machine has no {mac:nope0} now")
    gateway.config.write_text(good)
    assert gateway.wait() == 0
    assert gateway.lines().count("cannot be determined") == 1
    gateway.online()


def test_a_configuration_that_cannot_be_read_is_waited_for(sandbox: Sandbox, gateway: Gateway) -> None:
    """A disk may fail for a moment: the daemon says what it cannot read, stays alive, and starts when it can."""
    gateway.configure(sandbox)
    good = gateway.config.read_text()
    gateway.config.unlink()
    gateway.config.mkdir()
    gateway.start()
    gateway.wait_for_line(
        f"The configuration cannot be read: {gateway.config}:1: (file): cannot be read: Is a directory"
    )
    gateway.config.rmdir()
    gateway.config.write_text(good)
    assert gateway.wait() == 0
    gateway.online()


def test_it_answers_the_service_manager(gateway: Gateway, tmp_path: Path) -> None:
    """READY, STATUS with what to do, WATCHDOG and STOPPING, and gone within half a second."""
    gateway.config.write_text(f"runtime_dir: {gateway.runtime_dir}\n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        gateway.environment |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        gateway.start()
        heard: list[str] = []
        while heard.count("WATCHDOG=1") < 3:
            heard.append(manager.recv(4096).decode())
        assert "READY=1" in heard
        assert any(line.startswith("STATUS=No product identity is configured") for line in heard)
        assert gateway.stop_time_s() <= 0.5
        while heard[-1] != "STOPPING=1":
            heard.append(manager.recv(4096).decode())
    gateway.wait_for_line("Asked to stop.")


def test_it_costs_little(gateway: Gateway) -> None:
    """Whoever waits for names loads none of the libraries of the connection."""
    gateway.config.write_text(f"runtime_dir: {gateway.runtime_dir}\n")
    gateway.start()
    gateway.wait_for_state("not-provisioned")
    maps = Path(f"/proc/{gateway.pid}/maps").read_text()
    assert "_ssl" not in maps
    assert gateway.stop() == 0


@pytest.mark.parametrize("fault", ["missing", "empty", "open", "wrong"])
def test_a_product_secret_that_is_mended(sandbox: Sandbox, gateway: Gateway, fault: str) -> None:
    """The daemon blocks, names the file and the cure, and ends for a fresh start once the file has changed."""
    gateway.configure(sandbox)
    secret = gateway.product_secret.read_text()
    words = {
        "missing": "No such file",
        "empty": "is empty",
        "open": "can be read by other users",
        "wrong": "code 6600",
    }[fault]
    if fault == "missing":
        gateway.product_secret.unlink()
    elif fault == "open":
        gateway.product_secret.chmod(0o644)
    else:
        gateway.product_secret.write_text("" if fault == "empty" else "not-this-one\n")
    gateway.start()
    gateway.wait_for_line(words)
    gateway.wait_for_state("blocked")
    if fault == "open":
        gateway.product_secret.chmod(0o600)
    else:
        setup(gateway, secret=secret)
    assert gateway.wait() == 0
    gateway.wait_for_line("The configuration has changed. The service restarts.")
    gateway.online()


def test_settings_that_are_mended(sandbox: Sandbox, gateway: Gateway) -> None:
    """A product key of another product blocks; a wrong correction is told, the right one starts afresh."""
    gateway.configure(sandbox)
    right = gateway.config.read_text()
    gateway.config.write_text(right.replace(PRODUCT_KEY, "nosuchproduct"))
    gateway.start()
    gateway.wait_for_line("code 6250")
    gateway.config.write_text(right + "regon: x\n")
    gateway.wait_for_line("The changed configuration is not used")
    gateway.wait_for_state("blocked")
    gateway.config.write_text(right)
    assert gateway.wait() == 0
    gateway.online()
    gateway.config.write_text(right + "log_level: debug\n")
    assert not select.select([os.pidfd_open(gateway.pid)], [], [], 5.0)[0]


def test_settings_that_are_corrected_while_it_waits_for_the_network(sandbox: Sandbox, gateway: Gateway) -> None:
    """A wrong proxy looks like a network that is down; with the right configuration it starts afresh by itself."""
    gateway.configure(sandbox)
    right = gateway.config.read_text()
    gateway.config.write_text(right + "proxy: http://127.0.0.1:9\n")
    gateway.start()
    gateway.wait_for_state("waiting")
    gateway.config.write_text(right)
    assert gateway.wait() == 0
    gateway.wait_for_line("The configuration has changed. The service restarts.")
    gateway.online()


def test_no_hour_is_silent(gateway: Gateway) -> None:
    """Whoever looks an hour later sees in the last lines what to do: it is said again, under the same state."""
    gateway.config.write_text(f"runtime_dir: {gateway.runtime_dir}\n")
    gateway.environment |= quick_clock(1000)
    gateway.start()
    wait_for(
        lambda: (
            gateway.lines().count("No product identity is configured: product_key and device_name are missing.") >= 3
        ),
        "it",
    )
    assert gateway.lines().count("\n") == gateway.lines().count("No product identity is configured")
