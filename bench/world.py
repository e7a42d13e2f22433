"""The world of the bench: a network of its own, the sandbox at the far end of a cable, names that lead there."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from iot_sandbox.devices import Devices, new_secret
from support.platform.sandbox import Sandbox, wait_for

PRODUCT_KEY = "a1b2c3d4e5f"
REGISTRATION_HOST = "iot-auth.cn-shanghai.aliyuncs.com"
MQTT_HOST = f"{PRODUCT_KEY}.iot-as-mqtt.cn-shanghai.aliyuncs.com"
NEAR, CLOUD, FAR = "10.9.9.9", "10.9.9.1", "10.9.9.2"
PROXY_RTT_S = 0.3


def enter_namespace(arguments: list[str]) -> None:
    """Run this program again in a network and a mount namespace of its own; needs root."""
    command = [sys.executable, "-m", "bench", "--inside", *arguments]
    os.execvp("unshare", ["unshare", "-nm", *command])  # noqa: S606 - it becomes the program


class World:
    """The near end is where the contenders run; the sandbox is at `CLOUD`, the delaying proxy at `FAR`."""

    def __init__(self, directory: Path, memory: Path) -> None:
        self.directory = directory
        self.memory = memory
        self._hosts = directory / "hosts"
        self._numbers = itertools.count(1)
        self._proxy: subprocess.Popen[bytes] | None = None
        self._holder = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
        wait_for(lambda: _net(self._holder.pid) != _net(os.getpid()), "the far network")
        self._far = ("nsenter", f"--net=/proc/{self._holder.pid}/ns/net")
        names = [option for name in (REGISTRATION_HOST, MQTT_HOST) for option in ("--name", name)]
        self.sandbox = Sandbox(directory / "platform", "--bind", CLOUD, *names, wrapper=self._far)
        self.sandbox.https_port, self.sandbox.mqtt_port = 443, 8883

    def __enter__(self) -> Self:
        self._hosts.write_text("")
        (self.directory / "nsswitch.conf").write_text("hosts: files\n")
        for name in ("hosts", "nsswitch.conf"):
            _run("mount", "--bind", str(self.directory / name), f"/etc/{name}")
        self.lead_to(CLOUD)
        _run("ip", "link", "set", "lo", "up")
        _run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
        _run("ip", "link", "set", "v1", "netns", str(self._holder.pid))
        for address in (CLOUD, FAR):
            _run(*self._far, "ip", "addr", "add", f"{address}/24", "dev", "v1")
        for link in ("lo", "v1"):
            _run(*self._far, "ip", "link", "set", link, "up")
        _run("ip", "addr", "add", f"{NEAR}/24", "dev", "v0")
        self.plug(True)
        self.sandbox.start()
        self.product_secret = self.sandbox.add_product(PRODUCT_KEY)
        self.devices = Devices(self.sandbox.directory / "sandbox.sqlite")
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.stop()
        self.stop_proxy()
        self._holder.kill()
        self._holder.wait()

    @property
    def ca_file(self) -> Path:
        """Return the root of the sandbox."""
        return self.sandbox.ca_file

    def new_device(self) -> str:
        """Add a device: one connects at most five times a minute."""
        name = f"gw-{next(self._numbers):04}"
        self.devices.add_device(PRODUCT_KEY, name)
        return name

    def give_secret(self, name: str) -> str:
        """Give a device its secret, as if it had registered earlier."""
        secret = new_secret()
        self.devices.change(PRODUCT_KEY, name, device_secret=secret, activated=1)
        return secret

    def lead_to(self, address: str) -> None:
        """Let both names lead to an address."""
        # In place: the file is mounted.
        self._hosts.write_text(f"127.0.0.1 localhost\n{address} {REGISTRATION_HOST} {MQTT_HOST}\n")

    def plug(self, there: bool) -> None:
        """Pull the cable, or put it back."""
        _run("ip", "link", "set", "v0", "up" if there else "down")

    def vanish(self, gone: bool) -> None:
        """Take the cloud's address away, with the cable in: no FIN, no RST, no answer."""
        _run(*self._far, "ip", "addr", "del" if gone else "add", f"{CLOUD}/24", "dev", "v1")
        if not gone:
            # What the kernel remembers of the silence would fail the next dial at once, with "No route to host".
            _run("ip", "neigh", "flush", "dev", "v0")

    def start_proxy(self) -> None:
        """Start the delaying proxy."""
        command = [
            *self._far,
            sys.executable,
            "-m",
            "support.platform.delay_proxy",
            FAR,
            CLOUD,
            str(PROXY_RTT_S),
            "443:443",
            "8883:8883",
        ]
        self._proxy = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._proxy.stdout is not None
        assert self._proxy.stdout.readline(), "the delaying proxy did not start"

    def stop_proxy(self) -> None:
        """Stop it."""
        if self._proxy is not None:
            self._proxy.send_signal(signal.SIGTERM)
            self._proxy.wait()
            self._proxy = None

    def connects(self, name: str) -> list[dict[str, Any]]:
        """Return the logins of a device, good and bad, oldest first."""
        return [row for row in self.devices.seen() if row["device_name"] == name and row["what"] == "connect"]


def _net(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/net").readlink())


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
