"""Disks on which dpkg was stopped at some call: what a power cut at that moment leaves of an installation."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from . import images
from .machine import Machine
from .site import PRODUCT_KEY, Site
from .stops import Stop, stops

ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}
# What a boot looks at, but for the program's own code and dpkg's state.
_LOOKED_AT = (
    "usr/lib/systemd/system/iot-onboard*",
    "usr/lib/systemd/system/multi-user.target.wants/iot-onboard*",
    "usr/lib/sysusers.d/iot-onboard*",
    "usr/lib/tmpfiles.d/iot-onboard*",
    "etc/systemd/system",
    "etc/iot-onboard",
    "etc/passwd",
    "usr/bin/iot-onboard",
    "usr/libexec/iot-onboard*",
    "usr/share/iot-onboard/current",
    "usr/share/iot-onboard/unfinished",
    "usr/share/iot-onboard/ca",
    "usr/share/iot-onboard/code/before",
)
_OLD_LAYOUT = "usr/lib/python3/dist-packages/iot_onboard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """An installation over what was there: versions as `images.package` takes them; `old` empty: a first one.

    `answered`: the identity comes from debconf. `edited`: the operator has changed the configuration file.
    """

    old: str | None = ""
    new: str | None = None
    answered: bool = False
    edited: bool = False


SCENARIOS = {
    "install": Scenario(),
    "install-answered": Scenario(answered=True),
    "upgrade-first": Scenario(old=images.FIRST_VERSION),
    "upgrade": Scenario(old=None, new=images.NEWER_VERSION, edited=True),
    "reinstall": Scenario(old=None),
    "downgrade": Scenario(old=images.NEWER_VERSION),
    "downgrade-first": Scenario(old=None, new=images.FIRST_VERSION),
}


def prepare(site: Site, release: str, scenario: Scenario, name: str) -> Machine:
    """Return a machine, not booted, as it is before the installation; its device name is its board's serial number."""
    machine = site.machine(name, layers=[images.image(release)])
    if scenario.answered:
        answers = {"product-key": PRODUCT_KEY, "device-name": "{serial}", "product-secret": site.product_secret}
        lines = [
            f"iot-onboard iot-onboard/{key} {'password' if key == 'product-secret' else 'string'} {value.strip()}"
            for key, value in answers.items()
        ]
        done = machine.offline("debconf-set-selections", stdin="\n".join(lines) + "\n")
        assert done.returncode == 0, done.stderr
    else:
        site.identify(machine, "{serial}")
    if scenario.old != "":
        old = copy_in(machine, images.package(scenario.old))
        done = machine.offline("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--install", old)
        assert done.returncode == 0, done.stdout + done.stderr
    # dpkg links it, for which overlayfs brings it up: that gives up at a stop that is pending, and begins again.
    os.utime(machine.root / "var/lib/dpkg/status")
    if scenario.edited:
        machine.write("/etc/iot-onboard/config.yaml", "# Edited.\nlog_level: info\n")
    return machine


def copy_in(machine: Machine, package: Path) -> str:
    """Put a package on a machine's disk; return where."""
    shutil.copy(package, machine.root / "root" / package.name)
    return f"/root/{package.name}"


def install(machine: Machine, package: Path) -> Generator[Stop, None, None]:
    """Have dpkg install a package on the disk of a machine that is off, and stop at each call."""
    # The operator's file stays, as apt's usual answer and ours is.
    command = ["dpkg", "--force-confdef", "--force-confold", "--install", copy_in(machine, package)]
    return stops(["chroot", str(machine.root), *command], ENVIRONMENT)


def state(root: Path) -> str:
    """Return what dpkg calls the package on a disk; empty: it does not know it.

    What it wants to be installed again counts as half installed, whatever else it says.
    """
    command = ["dpkg-query", f"--admindir={root / 'var/lib/dpkg'}", "--show"]
    command += ["--showformat=${db:Status-Eflag} ${db:Status-Status}", "iot-onboard"]
    flag, _, found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.partition(" ")
    return "half-installed" if flag == "reinstreq" else found


def seen_at_boot(root: Path) -> str:
    """Return a digest of what the next boot meets: disks of the same digest boot alike."""
    digest = hashlib.sha256(state(root).encode())
    places = [path for place in _LOOKED_AT for path in sorted(root.glob(place))]
    current = _text(root / "usr/share/iot-onboard/current")
    if current.strip() and "/" not in current:
        places.append(root / "usr/share/iot-onboard/code" / current.strip())
    if not current.strip() or b"pycache_prefix" not in _bytes(root / "usr/bin/iot-onboard"):
        places.append(root / _OLD_LAYOUT)
    for place in places:
        for path in _files(place):
            digest.update(f"\0{path.relative_to(root)}\0".encode())
            digest.update(bytes(path.readlink()) if path.is_symlink() else _bytes(path))
    return digest.hexdigest()


def _files(place: Path) -> list[Path]:
    if place.is_symlink() or place.is_file():
        return [place]
    return sorted(
        Path(directory) / name
        for directory, _, names in os.walk(place)
        for name in names
        if not directory.endswith("/__pycache__") and not name.endswith((".dpkg-new", ".dpkg-tmp"))
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _text(path: Path) -> str:
    return _bytes(path).decode(errors="replace")
