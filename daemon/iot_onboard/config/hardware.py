"""Read from the board what identifies it."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from ..core.failures import is_temporary
from ..fast_start.fast_dataclasses import dataclass
from ..fast_start.typing_names import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeVar

    from .device_name import Facts
    from .identity_rules import Interface, Readings

    T = TypeVar("T")

_MAC = r"[0-9a-f]{2}(:[0-9a-f]{2}){5}"
# How long after a boot to wait for cloud-init: if it hangs, the gateway must still get online.
MAX_SETTLING_S = 600.0
# When a machine id that systemd generates is written, counted from systemd's start.
_MACHINE_ID_S = range(-5, 120)


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Hold what the tags report about the board; empty if the board does not say it."""

    os_name: str
    model: str
    serial: str


def read_facts(root: Path = Path("/")) -> Facts:
    """Return what identifies this gateway; a value that cannot be read is missing, never an error."""
    # Imported here: a gateway with a literal name does not need the rules.
    from .identity_rules import facts_of

    return facts_of(read_hardware(root))


def read_hardware(root: Path = Path("/")) -> Readings:
    """Return the content of the board's files; a value that cannot be read is missing, never an error.

    If a read fails with a temporary error, no other source is used instead: that would give another name.
    """
    from .identity_rules import Readings

    unread: list[str] = []

    def known(placeholder: str, read: Callable[[], T], missing: T) -> T:
        try:
            return read()
        except OSError:
            unread.append(placeholder)
            return missing

    return Readings(
        serials=known("serial", lambda: _serials(root), ()),
        interfaces=known("mac", lambda: _interfaces(root / "sys/class/net"), ()),
        machine_id=known("machine_id", lambda: _text(root / "etc/machine-id"), ""),
        machine_id_lasts=_known(lambda: _machine_id_lasts(root), True),
        hostnames=known("hostname", lambda: _hostnames(root), ()),
        system=_known(lambda: _system(root), ()),
        settling=_known(lambda: _settling(root), ""),
        unread=tuple(unread),
    )


def read_board(root: Path = Path("/")) -> Board:
    """Return what the tags report."""
    return Board(
        os_name=_known(lambda: _os_release(root).get("PRETTY_NAME", ""), ""),
        model=_known(lambda: _model(root), ""),
        serial=_known(lambda: _own_serial(root), ""),
    )


def _own_serial(root: Path) -> str:
    from .identity_rules import serial_doubt

    return next((text for _, text in _serials(root) if not serial_doubt(text)), "")


def _os_release(root: Path) -> dict[str, str]:
    lines = (line.partition("=") for line in _text(root / "etc/os-release").splitlines())
    return {name: value.strip("\"'") for name, _, value in lines}


def _model(root: Path) -> str:
    places = (root / "proc/device-tree/model", root / "sys/class/dmi/id/product_name")
    return next(filter(None, map(_text, places)), "")


def _system(root: Path) -> tuple[str, ...]:
    release = _os_release(root)
    names = (release.get("ID", "") + release.get("VERSION_ID", ""), release.get("PRETTY_NAME", ""), _model(root))
    return tuple(filter(None, names))


def _serials(root: Path) -> tuple[tuple[str, str], ...]:
    found = [("the device tree", _text(root / "proc/device-tree/serial-number"))]
    for line in _text(root / "proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "Serial":
            found.append(("/proc/cpuinfo", value.strip()))
    dmi = root / "sys/class/dmi/id/product_serial"
    # Mostly only root may read it: the service cannot, so a command of root must not use it for the name either.
    if _is_world_readable(dmi):
        found.append(("DMI", _text(dmi)))
    return tuple((source, text) for source, text in found if text)


def _hostnames(root: Path) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for path in (root / "etc/hostname", root / "proc/sys/kernel/hostname"):
        lines = [line.strip() for line in _text(path).splitlines()]
        name = next((line for line in lines if line and not line.startswith("#")), "")
        if name:
            found.append((str(path), name))
    return tuple(found)


def _settling(root: Path) -> str:
    """Say that cloud-init may still set the host name in this boot; nothing if it has ended or is not there."""
    cloud_init = root / "run/cloud-init"
    if not (cloud_init / "enabled").exists() or (cloud_init / "result.json").exists():
        return ""
    uptime = _text(root / "proc/uptime").partition(" ")[0]
    uptime_s = float(uptime) if re.fullmatch(r"[0-9.]{1,20}", uptime) else math.inf
    # A container has the uptime of its host, and a board's clock may be set meanwhile: one of both is enough.
    since_s = time.time() - os.stat(cloud_init / "enabled").st_mtime  # noqa: PTH116
    if uptime_s > MAX_SETTLING_S and not 0 <= since_s <= MAX_SETTLING_S:
        return ""
    return "cloud-init has not finished, and may still set the host name of this gateway"


def _interfaces(directory: Path) -> tuple[Interface, ...]:
    from .identity_rules import Interface

    found: list[Interface] = []
    try:
        names = sorted(os.listdir(directory))  # noqa: PTH208 - names are wanted, not paths
    except OSError as error:
        _raise_if_temporary(error)
        return ()
    for name in names:
        # Only hardware has this entry: bridges, tunnels and interfaces of containers do not.
        device = directory / name / "device"
        if not device.exists():
            continue
        address = _text(directory / name / "address").lower()
        if re.fullmatch(_MAC, address, re.ASCII):
            way = os.path.realpath(device)
            assigned = _text(directory / name / "addr_assign_type")
            interface = Interface(
                name=name,
                address=address,
                is_usb=re.search(r"/usb\d+/", way) is not None,
                # The kernel links a USB device to the device tree; its interface is one directory below.
                is_described=any(os.path.exists(f"{place}/of_node") for place in (way, os.path.dirname(way))),  # noqa: PTH110, PTH120
                driver=os.path.basename(os.path.realpath(device / "driver")),  # noqa: PTH119
                assigned=int(assigned) if assigned in {"0", "1", "2", "3"} else None,
            )
            found.append(interface)
    return tuple(found)


def _machine_id_lasts(root: Path) -> bool:
    """Say whether the machine id will be the same at the next boot.

    It will not if systemd generated it at this boot and wrote it to memory. On an overlay in memory there may be a
    persistent one from the image: that one is older.
    """
    path = root / "etc/machine-id"
    if _is_in(path, root / "run"):
        return False
    # systemd creates this file when it starts, and nothing changes it later.
    started = root / "run/systemd/inaccessible/reg"
    if int(path.stat().st_mtime - started.stat().st_mtime) not in _MACHINE_ID_S:
        return True
    from ..disk.storage import judge_path

    return not judge_path(path, root).volatile


def _is_in(path: Path, directory: Path) -> bool:
    """Say whether a file lies on the file system of a directory, through any mounts and links."""
    try:
        return path.stat().st_dev == directory.stat().st_dev != directory.parent.stat().st_dev
    except OSError:
        return False


def _is_world_readable(path: Path) -> bool:
    try:
        return path.stat().st_mode & 0o004 != 0
    except OSError as error:
        _raise_if_temporary(error)
        return False


def _text(path: Path) -> str:
    try:
        return path.read_bytes()[:65536].decode("utf-8", "replace").strip("\0 \t\r\n")
    except OSError as error:
        _raise_if_temporary(error)
        return ""


def _raise_if_temporary(error: OSError) -> None:
    if is_temporary(error):
        raise error


def _known(read: Callable[[], T], missing: T) -> T:
    """Return what `read` returns, or `missing` if it fails."""
    try:
        return read()
    except OSError:
        return missing
