"""A platform and its gateways, for one process that attacks: quick to ask, without a command for each question."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.disk.credentials import Store
from iot_sandbox.devices import Devices
from support.gateway.clocks import quick_clock, run_with
from support.gateway.gateway import PRODUCT_KEY, Gateway
from support.platform.sandbox import Sandbox

ONLINE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Hold what the platform knows of one device."""

    secret: str | None
    activated: bool
    connects: int
    registrations: int


class World:
    """A sandbox and fresh gateways of one process, in a directory that goes away."""

    def __init__(self, *, speed: float = 1.0, name: str = "w") -> None:
        self._home = tempfile.TemporaryDirectory(prefix="torture-")
        self.directory = Path(self._home.name)
        self._speed = speed
        self._name = name
        self._made = 0
        wrapper = run_with(quick_clock(speed)) if speed != 1 else ()
        self.sandbox = Sandbox(self.directory / "sandbox", wrapper=wrapper)

    def __enter__(self) -> Self:
        self.sandbox.start()
        self.secret_file = self.sandbox.add_product(PRODUCT_KEY)
        self.devices = Devices(self.sandbox.directory / "sandbox.sqlite")
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.stop()
        self._home.cleanup()

    def gateway(self, extra: str = "") -> Gateway:
        """Make a gateway that the platform knows and that was never started."""
        self._made += 1
        made = Gateway(self.directory / f"g{self._made}", f"{self._name}-{self._made:06}")
        self.devices.add_device(PRODUCT_KEY, made.device_name)
        made.product_secret.write_bytes(self.secret_file.read_bytes())
        made.product_secret.chmod(0o600)
        url = f"https://127.0.0.1:{self.sandbox.https_port}/auth/register/device"
        made.write_config(url, self.sandbox.mqtt_port, self.sandbox.ca_file, extra)
        made.environment = self.environment(made)
        return made

    def environment(self, gateway: Gateway) -> dict[str, str]:
        """Return what a gateway's programs run with: fixed, so that runs are alike."""
        made = {"PATH": gateway.environment["PATH"], "LC_ALL": "C.UTF-8"}
        return made | quick_clock(self._speed) if self._speed != 1 else made

    def store(self, gateway: Gateway) -> None:
        """Give the gateway a stored secret, and log in with it, as after an earlier boot."""
        secret = self.devices.issue_secret(PRODUCT_KEY, gateway.device_name)
        device = self.devices.device(PRODUCT_KEY, gateway.device_name)
        assert secret is not None
        assert device is not None
        identity = Identity(product_key=PRODUCT_KEY, device_name=gateway.device_name)
        Store(gateway.state_dir, identity).save(Credentials(identity=identity, device_secret=Secret(secret)))
        self.devices.log_in(device)

    def reset(self, gateway: Gateway) -> None:
        """Do what ResetThing does."""
        self.devices.change(PRODUCT_KEY, gateway.device_name, activated=0, device_secret=None)

    def seen(self, gateway: Gateway) -> Seen:
        """Return what the platform knows."""
        device = self.devices.device(PRODUCT_KEY, gateway.device_name)
        counters = self.devices.counters(PRODUCT_KEY, gateway.device_name)
        return Seen(
            secret=device.device_secret if device else None,
            activated=bool(device and device.activated),
            connects=counters.get("connects", 0),
            registrations=counters.get("registrations", 0),
        )

    def drop(self, gateway: Gateway) -> None:
        """Forget a gateway that has served."""
        gateway.kill()
        shutil.rmtree(gateway.directory, ignore_errors=True)


def command_of(gateway: Gateway, name: str, *arguments: str) -> list[str]:
    """Return a command line: the standard library is looked at first and nothing is cached, as on a gateway."""
    paths = [path for path in sys.path if path.endswith(("daemon", "site-packages", "dist-packages"))]
    code = f"import sys; sys.path += {paths!r}; from iot_onboard.cli import main; sys.exit(main())"
    return [sys.executable, "-I", "-S", "-B", "-c", code, name, "--config", str(gateway.config), *arguments]


def call(gateway: Gateway, name: str, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command_of(gateway, name, *arguments),
        input=given,
        capture_output=True,
        text=True,
        env=gateway.environment,
        timeout=120,
        check=False,
    )


def start(gateway: Gateway) -> subprocess.Popen[bytes]:
    """Start the daemon as the service manager would."""
    with gateway.log.open("ab") as log:
        return subprocess.Popen(
            command_of(gateway, "run"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=gateway.environment,
            start_new_session=True,
        )


def comes_online(gateway: Gateway, seconds: float = ONLINE_S, *, meanwhile: Callable[[], None] | None = None) -> bool:
    """Start the daemon, again whenever it ends as the service manager does, and say whether it is online in time.

    Exit code 78 is not started again: that is what the unit says.
    """
    deadline = time.monotonic() + seconds
    process = start(gateway)
    try:
        while time.monotonic() < deadline:
            if state_of(gateway) == ("online", process.pid):
                return True
            code = process.poll()
            if code == 78:
                return False
            if code is not None:
                process = start(gateway)
            if meanwhile is not None:
                meanwhile()
            time.sleep(0.02)
        return False
    finally:
        process.kill()
        process.wait()


def state_of(gateway: Gateway) -> tuple[str, int]:
    """Return the state and the process that the status file tells of."""
    try:
        found = json.loads((gateway.runtime_dir / "status.json").read_bytes())
    except (OSError, ValueError):
        return "", 0
    return str(found.get("state")), int(found.get("pid") or 0)


def stored_secrets(gateway: Gateway) -> set[str]:
    """Return the secrets that the gateway holds on disk, the present and the previous one."""
    found: set[str] = set()
    for path in (gateway.credentials, gateway.credentials.with_name(gateway.credentials.name + ".1")):
        with contextlib.suppress(OSError, ValueError, KeyError):
            found.add(str(json.loads(path.read_bytes())["device_secret"]))
    return found


def fingerprint(gateway: Gateway, seen: Seen) -> tuple[Seen, dict[str, tuple[int, int, int, bytes]]]:
    """Return what there is of a gateway in the world, but its log: files, and what the platform knows."""
    files: dict[str, tuple[int, int, int, bytes]] = {}
    for directory, names, leaves in os.walk(gateway.directory):
        for name in [*names, *leaves]:
            path = Path(directory, name)
            if path != gateway.log:
                status = path.lstat()
                content = path.read_bytes() if path.is_file() else b""
                files[str(path)] = (status.st_mode, status.st_uid, status.st_gid, content)
    return seen, files


def world_shape(gateway: Gateway, seen: Seen) -> object:
    """Return what there is of a gateway in the world, with each secret, time and number replaced by a sign."""
    secrets = stored_secrets(gateway)

    def plain(content: bytes) -> bytes:
        for name, secret in (("present", seen.secret), *(("other", secret) for secret in sorted(secrets))):
            content = content.replace(secret.encode(), f"<{name}>".encode()) if secret else content
        return re.sub(rb"[0-9]+", b"#", re.sub(rb"\b[0-9a-f]{64}\b", b"<digest>", content))

    _, files = fingerprint(gateway, seen)
    shape = {
        path.removeprefix(str(gateway.directory)).replace(gateway.device_name, "<device>"): (*facts, plain(content))
        for path, (*facts, content) in files.items()
    }
    known = (seen.secret in secrets, seen.activated, seen.connects, seen.registrations)
    return known, tuple(sorted(shape.items()))
