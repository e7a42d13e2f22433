"""The world around the machines: a network of its own, name service, and the platform under its real names."""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from typing import Self, TypeVar

from iot_sandbox.authority import make_certificates
from support.gateway.clocks import quick_clock, run_with, wrong_clock
from support.platform.sandbox import Sandbox, wait_for

from .line import Line
from .machine import Machine

PRODUCT_KEY = "a1b2c3d4e5f"
OTHER_KEYS = ("b1b2c3d4e5f", "z9z9z9z9z9z")
REGISTRATION_HOST = "iot-auth.cn-shanghai.aliyuncs.com"
MQTT_HOSTS = "iot-as-mqtt.cn-shanghai.aliyuncs.com"
HOST = "10.77.0.1"
BRIDGE = "site0"
T = TypeVar("T")
_CLONE_NEWNET = 0x40000000
_numbers = itertools.count(1)


class Site:
    """One network namespace a test: nothing in it reaches the world, and no test sees another."""

    def __init__(self, directory: Path, layers: Sequence[Path]) -> None:
        self._directory = directory
        self._layers = layers
        self.netns = f"iot-{os.getpid()}-{next(_numbers)}"
        self._machines: list[Machine] = []
        self._dns: subprocess.Popen[bytes] | None = None
        hosts = (REGISTRATION_HOST, *(f"{key}.{MQTT_HOSTS}" for key in (PRODUCT_KEY, *OTHER_KEYS)))
        names = [option for host in hosts for option in ("--name", host)]
        self._options = ("--bind", HOST, *names)
        self._wrapper = ("ip", "netns", "exec", self.netns)
        self._cleanup = ExitStack()
        self._forgotten: set[int] = set()
        self.sandbox = self._platform("platform")

    def __enter__(self) -> Self:
        with ExitStack() as cleanup:
            self._ip("netns", "add", self.netns)
            cleanup.callback(self._ip, "netns", "del", self.netns)
            self.ip("link", "set", "lo", "up")
            self.ip("link", "add", BRIDGE, "type", "bridge")
            self.ip("addr", "add", f"{HOST}/24", "dev", BRIDGE)
            self.ip("link", "set", BRIDGE, "up")
            self.start_dns()
            cleanup.callback(self.stop_dns)
            self.sandbox.start()
            cleanup.callback(lambda: self.sandbox.stop())
            self.sandbox.add_product(PRODUCT_KEY)
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def _platform(self, name: str, *wrapper: str) -> Sandbox:
        sandbox = Sandbox(self._directory / name, *self._options, wrapper=(*self._wrapper, *wrapper))
        sandbox.https_port, sandbox.mqtt_port = 443, 8883
        return sandbox

    def serve_foreign_certificate(self) -> None:
        """Let another platform answer, whose certificates come from an authority that nobody here knows."""
        self.sandbox.stop()
        self.sandbox = self._platform("foreign")
        self.sandbox.start()

    def serve_expired_certificate(self) -> None:
        """Let another platform answer, whose certificates were made in 2010 and have ended."""
        self.sandbox.stop()
        self.sandbox = self._platform("expired", *run_with(wrong_clock("2010-01-01 00:00:00")))
        self.sandbox.start()

    def quicken(self, times: float) -> None:
        """Let time at the platform run faster."""
        self.sandbox.stop()
        self.sandbox = self._platform("platform", *run_with(quick_clock(times)))
        self.sandbox.start()

    def serve_mute(self, port: int) -> None:
        """Take connections on a port, and say nothing."""
        code = (
            "import socket, sys, time; s = socket.create_server(('', int(sys.argv[1])), backlog=64); time.sleep(9999)"
        )
        mute = subprocess.Popen([*self._wrapper, sys.executable, "-c", code, str(port)])
        self._cleanup.callback(mute.wait)
        self._cleanup.callback(mute.kill)

    def inside(self, call: Callable[[], T]) -> T:
        """Call something in the site's network: what sockets it opens, and what threads it starts, stay there."""

        def enter_and_call() -> T:
            with open(f"/run/netns/{self.netns}") as network:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(network.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            return call()

        with ThreadPoolExecutor(1) as threads:
            return threads.submit(enter_and_call).result()

    def certificate(self, *names: str) -> Path:
        """Make a certificate for other names, with its key, by the authority that the machines trust."""
        directory = Path(tempfile.mkdtemp(dir=self._directory))
        for name in ("ca.pem", "ca.key"):
            shutil.copy(self.sandbox.directory / name, directory)
        return make_certificates(directory, names)[1]

    def line(self) -> Line:
        """Put a bad line between the host and its machines; to be called before they boot."""
        line = self.inside(lambda: Line("near0", "far0"))
        self._cleanup.callback(line.close)
        self.ip("addr", "del", f"{HOST}/24", "dev", BRIDGE)
        self.ip("addr", "add", f"{HOST}/24", "dev", "near0")
        self.ip("link", "set", "far0", "master", BRIDGE)
        for end in ("near0", "far0"):
            self.ip("link", "set", end, "up")
        return line

    def ip(self, *arguments: str) -> None:
        self._ip("-n", self.netns, *arguments)

    def exec(self, *command: str) -> None:
        """Run a command in the site's network."""
        subprocess.run(["ip", "netns", "exec", self.netns, *command], check=True)

    def start_dns(self) -> None:
        """Answer the names of the platform with the site's own host, and none of another region."""
        answers = [f"--address=/{name}/{HOST}" for name in (REGISTRATION_HOST, MQTT_HOSTS)]
        options = ["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file="]
        listen = [f"--listen-address={HOST}", "--bind-interfaces", "--user=root"]
        command = ["ip", "netns", "exec", self.netns, "dnsmasq", *options, *listen, *answers]
        self._dns = dns = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        bound = f"{int.from_bytes(ip_address(HOST).packed, 'little'):08X}:{53:04X} "
        wait_for(lambda: dns.poll() is not None or bound in Path(f"/proc/{dns.pid}/net/udp").read_text(), "DNS", 10)
        assert dns.poll() is None, "the name server has ended"

    def stop_dns(self) -> None:
        if self._dns is not None:
            self._dns.terminate()
            self._dns.wait(10)
            self._dns = None

    @property
    def product_secret(self) -> str:
        return (self.sandbox.directory / "products" / f"{PRODUCT_KEY}.secret").read_text()

    def machine(self, name: str, layers: Sequence[Path] = (), serial: str | None = None) -> Machine:
        """Put a machine on the network: installed, not configured, not booted."""
        return self._place(name, [*layers, *self._layers], serial)

    def bare_machine(self, name: str) -> Machine:
        """Put a machine on the network that does not have the package yet."""
        return self._place(name, [self._layers[-1]], None)

    def _place(self, name: str, layers: Sequence[Path], serial: str | None) -> Machine:
        machine = Machine(name, layers, self._directory / name, netns=self.netns, bridge=BRIDGE)
        self._machines.append(machine)
        self._cleanup.callback(machine.close)
        machine.address(f"10.77.0.{len(self._machines) + 1}")
        machine.write("/etc/iot-onboard/ca.pem", self.sandbox.ca_file.read_text())
        machine.write(
            "/etc/iot-onboard/conf.d/10-site.yaml",
            "tls: {ca_file: /etc/iot-onboard/ca.pem}\nmqtt: {keepalive_s: 30}\nregistration: {timeout_s: 5}\n",
        )
        machine.board(serial or f"00000000{name:0>8}")
        return machine

    def gateway(self, name: str = "gw0001") -> Machine:
        """Put a machine on the network that has its identity, and that the platform knows."""
        machine = self.machine(name)
        self.sandbox.add_device(PRODUCT_KEY, name)
        self.identify(machine, name)
        return machine

    def identify(self, machine: Machine, device_name: str) -> None:
        """Give a machine its product identity, as `setup` writes it."""
        machine.write(
            "/etc/iot-onboard/conf.d/50-identity.yaml", f"product_key: {PRODUCT_KEY}\ndevice_name: '{device_name}'\n"
        )
        machine.write("/etc/iot-onboard/product-secret", self.product_secret, 0o600)

    def block(self, rule: str, hook: str = "input") -> None:
        """Let the site's host drop or refuse what one nftables rule says."""
        chain = f"add chain inet fault {hook} {{ type filter hook {hook} priority 0; }}"
        self.exec("nft", f"add table inet fault; {chain}; add rule inet fault {hook} {rule}")

    def unblock(self) -> None:
        self.exec("nft", "delete table inet fault")

    def connections(self, port: int) -> set[int]:
        """Return the far ports of what is connected to a port of the site's host, and gets through."""
        command = [*self._wrapper, "ss", "-Htn", "state", "established", "sport", "=", f":{port}"]
        rows = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        return {int(row.split()[3].rpartition(":")[2]) for row in rows} - self._forgotten

    def forget(self, port: int, verdict: str = "drop") -> None:
        """Drop or refuse what is connected to a port; what connects from now on gets through."""
        for far in self.connections(port):
            self.block(f"tcp dport {port} tcp sport {far} {verdict}")
            self._forgotten.add(far)

    def redirect(self, port: int, to: int) -> None:
        """Lead new connections to another port of the site's host, as a captive portal does."""
        chain = "add chain inet portal pre { type nat hook prerouting priority dstnat; }"
        self.exec("nft", f"add table inet portal; {chain}; add rule inet portal pre tcp dport {port} redirect to :{to}")

    def connect_directly(self) -> None:
        """Take redirections back."""
        self.exec("nft", "delete table inet portal")

    def connected(self, device_name: str) -> bool:
        return bool(self.sandbox.device(PRODUCT_KEY, device_name)["online"])

    def wait_connected(self, device_name: str, seconds: float = 30.0) -> None:
        wait_for(lambda: self.connected(device_name), f"{device_name} is connected", seconds)

    @staticmethod
    def _ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True)
