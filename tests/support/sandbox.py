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
        """Start on the ports of the time before; the first time on any."""
        ports = ["--https-port", str(self.https_port), "--mqtt-port", str(self.mqtt_port), "--json"]
        command = [sys.executable, "-m", "iot_sandbox", "serve", "--state", str(self.directory), *ports, *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise AssertionError("the sandbox did not start; its standard error says why")
        facts = json.loads(line)
        self.https_port, self.mqtt_port = facts["https_port"], facts["mqtt_port"]

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def command(self, name: str, *arguments: str) -> str:
        return self.try_command(name, *arguments, check=True).stdout

    def try_command(self, name: str, *arguments: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "iot_sandbox", name, "--state", str(self.directory), *arguments]
        return subprocess.run(command, check=check, capture_output=True, text=True)

    def add(self, product_key: str, device_name: str) -> Path:
        """Add a device, and its product where it is new; return the product secret's file."""
        path = self.directory / "products" / f"{product_key}.secret"
        if not path.exists():
            self.add_product(product_key)
        self.add_device(product_key, device_name)
        return path

    def add_product(self, product_key: str, *options: str) -> Path:
        """Add a product; return the file of its secret."""
        return Path(self.command("product", "add", product_key, *options).strip())

    def add_device(self, product_key: str, device_name: str) -> None:
        self.command("device", "add", product_key, device_name)

    def listing(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.command("list", "--json"))
        return found

    def device(self, *identity: str) -> dict[str, Any]:
        """Return a device by product key and name, or by its name alone."""

        def names(row: dict[str, Any]) -> tuple[str, ...]:
            return (row["product_key"], row["device_name"])[-len(identity) :]

        return next(row for row in self.listing()["devices"] if names(row) == identity)

    def seen(self, what: str | None = None) -> list[dict[str, Any]]:
        """Return what the platform saw, oldest first: all of it, or one kind."""
        return [row for row in self.listing()["seen"] if what in {None, row["what"]}]
