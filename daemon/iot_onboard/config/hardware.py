"""Ask the board who it is."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from ..core.failures import passes
from ..fast_start.fast_dataclasses import dataclass
from ..fast_start.typing_names import TYPE_CHECKING
from .device_name import Facts

if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")

_MAC = r"[0-9a-f]{2}(:[0-9a-f]{2}){5}"
# What boards say instead of a serial number: the same on every one, so two gateways would share a name.
_NO_SERIAL = {
    "", "default string", "invalid", "n/a", "na", "none", "not applicable", "not available", "not specified", "null",
    "o.e.m.", "oem", "serial number", "sernum", "system serial number", "to be filled by o.e.m.", "unknown",
    "0123456789", "123456789", "1234567890",
}  # fmt: skip
_NO_HOSTNAME = {"(none)", "localhost", "localhost.localdomain"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Hold what the platform is told about the board; empty where it does not say."""

    os_name: str
    model: str
    serial: str


def read_facts(root: Path = Path("/")) -> Facts:
    """Return what tells this gateway from others; what cannot be read is missing, never an error.

    Where a read fails for a reason that passes, no other source stands in for it: that would be another name.
    """
    return Facts(
        serial=_known(lambda: _serial(root), None),
        macs=_known(lambda: _macs(root / "sys/class/net"), ()),
        machine_id=_known(lambda: _text(root / "etc/machine-id"), "") or None,
        hostname=_known(lambda: _hostname(root), None),
    )


def read_board(root: Path = Path("/")) -> Board:
    """Return what the tags tell."""
    lines = _known(lambda: _text(root / "etc/os-release"), "").splitlines()
    pretty = next((line.partition("=")[2].strip("\"'") for line in lines if line.startswith("PRETTY_NAME=")), "")
    places = (root / "proc/device-tree/model", root / "sys/class/dmi/id/product_name")
    model = _known(lambda: next(filter(None, map(_text, places)), ""), "")
    return Board(os_name=pretty, model=model, serial=_known(lambda: _serial(root), None) or "")


def _serial(root: Path) -> str | None:
    candidates = [_text(root / "proc/device-tree/serial-number")]
    for line in _text(root / "proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "Serial":
            candidates.append(value.strip())
    candidates.append(_text(root / "sys/class/dmi/id/product_serial"))
    return next((found for found in candidates if found.strip("0 ") and found.lower() not in _NO_SERIAL), None)


def _hostname(root: Path) -> str | None:
    for path in (root / "etc/hostname", root / "proc/sys/kernel/hostname"):
        lines = [line.strip() for line in _text(path).splitlines()]
        name = next((line for line in lines if line and not line.startswith("#")), "")
        # The name of a machine that has none is everybody's.
        if name and name not in _NO_HOSTNAME:
            return name
    return None


def _macs(directory: Path) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    try:
        interfaces = sorted(os.listdir(directory))  # noqa: PTH208 - names are wanted, not paths
    except OSError as error:
        _raise_passing(error)
        return ()
    for interface in interfaces:
        # Only hardware has a device behind it: bridges, tunnels and containers do not.
        if (directory / interface / "device").exists():
            address = _text(directory / interface / "address").lower()
            if re.fullmatch(_MAC, address, re.ASCII) and address not in ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"):
                found.append((interface, address))
    # A locally administered address may be made up at each boot: used only where there is nothing better.
    burnt_in = [pair for pair in found if not int(pair[1][:2], 16) & 2]
    return tuple(burnt_in or found)


def _text(path: Path) -> str:
    try:
        return path.read_bytes()[:65536].decode("utf-8", "replace").strip("\0 \t\r\n")
    except OSError as error:
        _raise_passing(error)
        return ""


def _raise_passing(error: OSError) -> None:
    if passes(error):
        raise error


def _known(read: Callable[[], T], missing: T) -> T:
    """Return what is read, or what stands for nothing where that fails."""
    try:
        return read()
    except OSError:
        return missing
