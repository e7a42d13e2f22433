"""Start the real sandbox as a process, and operate it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

from support.process.stopwatch import time_to_end_s

T = TypeVar("T")


def wait_for(found: Callable[[], T | None], what: str, seconds: float = 20.0, every_s: float = 0.02) -> T:
    """Return the first value that is not None or False."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(every_s)
    raise AssertionError(f"{what} did not come about within {seconds:.0f} s")


class Sandbox:
    """A platform of one's own on loopback; while it is down, nobody else is given its ports."""

    def __init__(self, directory: Path, *options: str, wrapper: tuple[str, ...] = ()) -> None:
        self.directory = directory
        self._options = options
        self._wrapper = wrapper
        self._process: subprocess.Popen[str] | None = None
        self.https_port = 0
        self.mqtt_port = 0
        self.ca_file = directory / "ca.pem"
        self._held: list[socket.socket] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for held in self._held:
            held.close()

    def start(self) -> None:
        """Start on the ports of the time before; the first time on any."""
        self.begin()
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise AssertionError("the sandbox did not start; its standard error says why")
        facts = json.loads(line)
        self.https_port, self.mqtt_port = facts["https_port"], facts["mqtt_port"]

    def begin(self) -> None:
        """Start it, and do not wait until it serves."""
        if not self.https_port:
            self.https_port, self.mqtt_port = self._hold(), self._hold()
        ports = ["--https-port", str(self.https_port), "--mqtt-port", str(self.mqtt_port), "--json"]
        command = [sys.executable, "-m", "iot_sandbox", "serve", "--state", str(self.directory), *ports, *self._options]
        self._process = subprocess.Popen([*self._wrapper, *command], stdout=subprocess.PIPE, text=True)

    def _hold(self) -> int:
        # Bound and not listening: a server that sets SO_REUSEADDR can listen there, and no search for a port finds it.
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        self._held.append(held)
        port: int = held.getsockname()[1]
        return port

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

    def stop_time_s(self) -> float:
        """Stop the sandbox; return how long it took."""
        assert self._process is not None
        took = time_to_end_s(self._process, self._process.terminate)
        self.stop()
        return took

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

    def push(self, topic: str, *lines: str) -> None:
        """Send messages to whoever subscribes, at QoS 1, as the application side of the platform does."""
        # The path of a socket is limited to 107 bytes: hence by its name alone.
        (name,) = (path.name for path in (self.directory / "broker").glob("*.sock"))
        command = ["mosquitto_pub", "--unix", name, "-t", topic, "-q", "1", "-l"]
        text = "".join(f"{line}\n" for line in lines)
        subprocess.run(command, check=True, cwd=self.directory / "broker", input=text, text=True, timeout=30)

    def seen(self, what: str | None = None) -> list[dict[str, Any]]:
        """Return what the platform saw, oldest first: all of it, or one kind."""
        return [row for row in self.listing()["seen"] if what in {None, row["what"]}]
