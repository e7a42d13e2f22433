"""The programs that are measured side by side, each started the way a gateway would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.disk.credentials_format import encode

from .running import Running
from .world import MQTT_HOST, PRODUCT_KEY, World

# A gateway has none of what a development machine hooks into the start of every Python, hence -S.
PYTHON = ("/usr/bin/python3", "-S")
_TREE = Path(__file__).resolve().parent.parent
CACHE = _TREE / ".cache" / "bench"
_LIBRARIES = ("PyYAML", "requests==2.28.1", "urllib3==1.26.20", "chardet==5.1.0", "idna", "certifi")
_VENDOR = ("aliyun-iot-linkkit", "crcmod", "paho-mqtt==1.6.1")
_SCRIPT = "import sys; from iot_onboard.cli import main; sys.exit(main())"
KEEPALIVE_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """Name a program and where its libraries are."""

    name: str
    title: str
    site: Path
    registers: bool

    def start(self, device: Device, keepalive_s: int = KEEPALIVE_S) -> Running:
        """Start it as a device; with the device's secret where it has one, else with the product's."""
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(self.site), "LC_ALL": "C.UTF-8"}
        return Running([*PYTHON, *self.arguments(device, keepalive_s)], environment)

    def arguments(self, device: Device, keepalive_s: int) -> list[str]:
        """Return what follows the interpreter on the command line."""
        where = [MQTT_HOST, "8883", str(device.world.ca_file), str(keepalive_s)]
        if self.name == "daemon":
            return ["-c", _SCRIPT, "run", "--config", str(device.configure(keepalive_s))]
        if self.name == "bare":
            program = str(_TREE / "bench" / "bare_paho.py")
            return [program, PRODUCT_KEY, device.name, str(device.secret_file), *where]
        kind, secret = ("device", device.secret_file) if device.secret else ("product", device.world.product_secret)
        program = str(_TREE / "bench" / "vendor_client.py")
        return [program, PRODUCT_KEY, device.name, kind, str(secret), *where]


class Device:
    """A device of the sandbox with a directory of its own, new (`secret=False`) or registered earlier."""

    def __init__(self, world: World, *, secret: bool = True) -> None:
        self.world = world
        self.name = world.new_device()
        self.secret = world.give_secret(self.name) if secret else None
        self.directory = world.directory / self.name
        self.secret_file = self.directory / "secret"
        self.runtime_dir = world.memory / self.name
        self.directory.mkdir()
        if self.secret is not None:
            self.secret_file.write_text(self.secret)
            self._store(self.secret)

    def configure(self, keepalive_s: int, more: str = "") -> Path:
        """Write the configuration of the daemon; return where it is."""
        path = self.directory / "config.yaml"
        path.write_text(
            f"product_key: {PRODUCT_KEY}\ndevice_name: {self.name}\n"
            f"product_secret_file: {self.world.product_secret}\n"
            f"mqtt:\n  keepalive_s: {keepalive_s}\ntls:\n  ca_file: {self.world.ca_file}\n"
            f"state_dir: {self.directory / 'state'}\nruntime_dir: {self.runtime_dir}\n{more}"
        )
        return path

    def _store(self, secret: str) -> None:
        identity = Identity(product_key=PRODUCT_KEY, device_name=self.name)
        path = self.directory / "state" / "credentials" / f"{identity}.json"
        path.parent.mkdir(parents=True)
        path.parent.chmod(0o700)
        path.write_bytes(encode(Credentials(identity=identity, device_secret=Secret(secret))))
        path.chmod(0o600)


def contenders(paho: str) -> tuple[Contender, ...]:
    """Return them; the daemon and the bare script share one Paho."""
    site = CACHE / f"paho-{paho}" / "site"
    return (
        Contender(name="daemon", title="iot-onboard", site=site, registers=True),
        Contender(name="bare", title="bare Paho script", site=site, registers=False),
        Contender(name="vendor", title="vendor's client", site=CACHE / "vendor", registers=True),
    )


def install(paho: str) -> None:
    """Put them in place, byte-compiled."""
    installed = CACHE / f"paho-{paho}"
    site = installed / "site"
    _fetch(site, (f"paho-mqtt=={paho}", *_LIBRARIES))
    _fetch(CACHE / "vendor", _VENDOR)
    shutil.rmtree(site / "iot_onboard", ignore_errors=True)
    shutil.copytree(
        _TREE / "daemon" / "iot_onboard", site / "iot_onboard", ignore=shutil.ignore_patterns("__pycache__")
    )
    # The daemon looks for the shipped root here too, as in the source tree.
    shutil.copytree(_TREE / "config" / "ca", installed / "config" / "ca", dirs_exist_ok=True)
    for path in (site, CACHE / "vendor"):
        subprocess.run([*PYTHON, "-m", "compileall", "-q", str(path)], check=False, capture_output=True)


def version(contender: Contender, package: str) -> str:
    """Return the version of a library that a contender uses."""
    script = f"import importlib.metadata as m; print(m.version({package!r}))"
    environment = {"PYTHONPATH": str(contender.site)}
    done = subprocess.run([*PYTHON, "-c", script], capture_output=True, text=True, env=environment, check=True)
    return done.stdout.strip()


def _fetch(target: Path, packages: tuple[str, ...]) -> None:
    done = target / ".fetched"
    if done.exists() and done.read_text() == " ".join(packages):
        return
    shutil.rmtree(target, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), *packages]
    subprocess.run(command, check=True)
    done.write_text(" ".join(packages))
