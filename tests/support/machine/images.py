"""What machines are made of: root file systems per release, and the package installed on top of one."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from support.tree import ROOT, TESTS

CACHE = ROOT / ".cache" / "images"
DIST = ROOT / "dist"
WHY_NOT = ROOT / "tests" / "system" / "why-not"
RELEASES = ("bookworm", "trixie")
FOREIGN = (("bookworm", "armhf"), ("trixie", "arm64"))
OLD_VERSION, NEWER_VERSION = "0.0.9", "0.9.0"
# As it was: of the layout in which no upgrade was atomic.
FIRST_VERSION = "0.1.0"
_NEEDED = ("systemd-nspawn", "nsenter", "unshare", "ip", "nft", "dnsmasq")


@cache
def why_not() -> str | None:
    """Say why no machine can be booted here, or None."""
    refused = subprocess.run([WHY_NOT, CACHE], check=True, capture_output=True, text=True).stdout.strip()
    if refused:
        return refused
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    absent = [release for release in RELEASES if not (image(release).is_dir() and build_root(release).is_dir())]
    if absent:
        return f"no image of {', '.join(absent)}: make images"
    return None if list(DIST.glob("*.deb")) else "no package: make deb"


def image(release: str, architecture: str | None = None) -> Path:
    return CACHE / f"{release}-{architecture or native()}"


def build_root(release: str) -> Path:
    """Return the root file system that has what the package's build depends on, and no more."""
    return CACHE / f"{release}-build"


@cache
def native() -> str:
    """Return this machine's architecture, as Debian calls it."""
    return subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()


def package(version: str | None = None) -> Path:
    """Return the built package; `version` names another than the present one, which is built where it is new."""
    present = next(DIST.glob("iot-onboard_*_all.deb"))
    if version is None:
        return present
    if version == FIRST_VERSION:
        return TESTS / "vectors" / "packages" / f"iot-onboard_{version}_all.deb"
    directory = CACHE / f"package-{_digest(present)}"
    path = directory / f"iot-onboard_{version}_all.deb"
    with _lock():
        if not path.is_file():
            for old in set(CACHE.glob("package-*")) - {directory}:
                shutil.rmtree(old)
            new = directory.with_suffix(".new")
            untested = os.environ | {"DEB_BUILD_OPTIONS": "nocheck"}
            build = [str(ROOT / "debian" / "build-deb"), str(new), version]
            subprocess.run(build, check=True, stdout=subprocess.DEVNULL, env=untested)
            directory.mkdir(exist_ok=True)
            (new / path.name).rename(path)
            new.rmdir()
    return path


def installed(release: str) -> tuple[Path, ...]:
    """Return the layers of a system with the package installed but not configured, newest first."""
    deb = package()
    layer = CACHE / f"{release}-installed-{_digest(deb)}"
    with _lock():
        if not layer.is_dir():
            for old in CACHE.glob(f"{release}-installed-*"):
                shutil.rmtree(old)
            _install(image(release), deb, layer)
    return layer, image(release)


def _install(lower: Path, deb: Path, layer: Path) -> None:
    work, root = layer.with_suffix(".work"), layer.with_suffix(".root")
    upper = layer.with_suffix(".upper")
    for path in (work, root, upper):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
    with overlay([lower], upper, work, root):
        shutil.copy(deb, root / "tmp" / deb.name)
        command = ["chroot", str(root), "apt-get", "install", "--yes", "-q", f"/tmp/{deb.name}"]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(command, check=True, env=environment, capture_output=True)
        (root / "tmp" / deb.name).unlink()
    upper.rename(layer)
    for path in (work, root):
        shutil.rmtree(path)


@contextmanager
def overlay(lower: list[Path], upper: Path, work: Path, root: Path) -> Iterator[None]:
    options = f"lowerdir={':'.join(map(str, lower))},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(root)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(root)], check=True)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


@contextmanager
def _lock() -> Iterator[None]:
    with (CACHE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
