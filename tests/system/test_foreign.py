"""The processors of gateways, emulated: what is installed and run there is the same package."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.machine import images
from support.machine.machine import Machine
from support.machine.site import PRODUCT_KEY, Site
from support.platform.sandbox import wait_for

NAME = "gw0001"
# What Python calls each, and the bits of a pointer there.
PROCESSORS = {"armhf": "armv7l 32", "arm64": "aarch64 64"}
# Emulation is slow, and slower beside other tests.
SECONDS = 240
# What systemd would make for the service, at places that the daemon is told.
DIRECTORIES = {
    "STATE_DIRECTORY": "/var/lib/iot-onboard",
    "RUNTIME_DIRECTORY": "/run/iot-onboard",
    "CREDENTIALS_DIRECTORY": "/run/credentials/iot-onboard",
}
SETPRIV = "setpriv --reuid=iot-onboard --regid=iot-onboard --clear-groups --no-new-privs --bounding-set=-all"


@pytest.fixture(params=images.FOREIGN, ids="-".join)
def foreign(request: pytest.FixtureRequest, tmp_path: Path, _bootable: None) -> Iterator[tuple[Site, Machine, str]]:
    release, architecture = request.param
    image = images.image(release, architecture)
    if not image.with_name(f"{image.name}.made-by").is_file():
        # In CI a system test that does not run is a failure.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no image {image.name}: make images")
    with Site(tmp_path, [image]) as site:
        site.sandbox.add_device(PRODUCT_KEY, NAME)
        yield site, site.machine(NAME), architecture


def _emulated(machine: Machine, *command: str, stdin: str = "") -> str:
    done = machine.offline(*command, stdin=stdin, seconds=SECONDS * 2)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def _running(site: Site, machine: Machine, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the daemon as the service does, by hand: credentials of a unit do not work under emulation."""
    mounted = f'mount -t proc proc "{machine.root}/proc" && exec chroot "{machine.root}" {SETPRIV} iot-onboard run'
    command = ["ip", "netns", "exec", site.netns, "unshare", "--mount", "sh", "-c", mounted]
    with log.open("wb") as output:
        daemon = subprocess.Popen(
            command, env={"PATH": "/usr/sbin:/usr/bin"} | DIRECTORIES, stdout=output, stderr=output
        )
    try:
        wait_for(lambda: _state(machine) == "online" or daemon.poll() is not None, f"{NAME} is online", SECONDS, 0.1)
        assert daemon.poll() is None, log.read_text()
        yield daemon
    finally:
        daemon.kill()
        daemon.wait()


def _state(machine: Machine) -> Any:
    path = "/run/iot-onboard/status.json"
    return json.loads(machine.read(path))["state"] if machine.exists(path) else None


@pytest.mark.timeout(SECONDS * 8)
def test_a_gateway_of_another_processor_registers_once(foreign: tuple[Site, Machine, str], tmp_path: Path) -> None:
    """apt installs the package, setup takes the identity, and the daemon comes online, stops and comes back."""
    site, machine, architecture = foreign
    platform = "import platform, struct; print(platform.machine(), struct.calcsize('P') * 8)"
    assert _emulated(machine, "python3", "-c", platform).strip() == PROCESSORS[architecture]

    deb = images.package()
    (machine.root / "root" / deb.name).write_bytes(deb.read_bytes())
    install = ["apt-get", "install", "--yes", "-q", f"/root/{deb.name}"]
    _emulated(machine, "env", "DEBIAN_FRONTEND=noninteractive", *install)
    assert _emulated(machine, "dpkg-query", "-W", "-f", "${db:Status-Status}", "iot-onboard") == "installed"

    identity = ["--product-key", PRODUCT_KEY, "--device-name", NAME, "--product-secret-file", "-"]
    _emulated(machine, "iot-onboard", "setup", "--no-restart", *identity, stdin=site.product_secret)
    credential = f"{DIRECTORIES['CREDENTIALS_DIRECTORY']}/product-secret"
    _emulated(machine, "install", "-d", "-m", "0700", "-o", "iot-onboard", *DIRECTORIES.values())
    _emulated(machine, "install", "-m", "0400", "-o", "iot-onboard", "/etc/iot-onboard/product-secret", credential)

    for attempt in ("first", "second"):
        (machine.root / "run/iot-onboard/status.json").unlink(missing_ok=True)
        with _running(site, machine, tmp_path / attempt) as daemon:
            assert site.connected(NAME)
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(30) == 0
        wait_for(lambda: not site.connected(NAME), f"{NAME} has left")
    assert len(site.sandbox.seen("register")) == 1
    assert "No registration is needed" in (tmp_path / "second").read_text()
