"""Start the real sandbox as a process, and operate it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

T = TypeVar("T")


def wait_for(found: Callable[[], T | None], what: str, seconds: float = 20.0) -> T:
    """Return the first value that is not None or False."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come about within {seconds:.0f} s")


class Sandbox:
    """A platform of one's own on loopback."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self.https_port = 0
        self.mqtt_port = 0
        self.ca_file = directory / "ca.pem"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        ports = ["--https-port", str(self.https_port), "--mqtt-port", str(self.mqtt_port)]
        command = [sys.executable, "-m", "iot_sandbox", "serve", "--state", str(self.directory), *ports, *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        facts = json.loads(self._process.stdout.readline())
        self.https_port, self.mqtt_port = facts["https_port"], facts["mqtt_port"]

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(10)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def command(self, name: str, *arguments: str) -> str:
        command = [sys.executable, "-m", "iot_sandbox", name, "--state", str(self.directory), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def add(self, product_key: str, device_name: str) -> Path:
        """Add a device, and its product where it is new; return the product secret's file."""
        path = self.directory / "products" / f"{product_key}.secret"
        if not path.exists():
            self.command("product", "add", product_key)
        self.command("device", "add", product_key, device_name)
        return path

    def listing(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.command("list", "--json"))
        return found

    def device(self, device_name: str) -> dict[str, Any]:
        return next(row for row in self.listing()["devices"] if row["device_name"] == device_name)

    def seen(self, what: str) -> list[dict[str, Any]]:
        return [row for row in self.listing()["seen"] if row["what"] == what]
