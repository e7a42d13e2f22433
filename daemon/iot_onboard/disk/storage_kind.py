"""Judge whether what is written to a directory outlasts a boot. Pure; docs/decisions/0022 has the rule.

A device that has logged in gets no second secret from the platform. So what is in memory must not be taken for a disk:
a tmpfs, an overlay with its upper layer on one, a disk that is made of memory, a file on any of those. What cannot be
seen from here, such as the layers of a container, counts as lasting.
"""

from __future__ import annotations

from collections.abc import Callable

from ..fast_start.fast_dataclasses import dataclass
from .mounts import Mount, holder

_IN_MEMORY = {"tmpfs", "ramfs", "rootfs", "devtmpfs", "hugetlbfs"}
_UNIONS = {"overlay", "overlayfs", "aufs", "unionfs"}
# The kernel's disks in memory: compressed, plain, and those of its tests.
_MEMORY_DISKS = ("zram", "ram", "nullb")
# What PrivateTmp= of a unit makes, and removes when the service stops.
_PRIVATE_TMP = "/systemd-private-"
# How large a tmpfs is made: half of the memory unless told otherwise, and what systemd, live systems and guides write.
_SHARES_PERCENT = (10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 95, 100)
_SHARE_TOLERANCE = 0.001
# Layers on layers, files on loop devices: an end for what leads in a circle.
_MAX_DEPTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Hold how large a file system says it is (statvfs(3))."""

    block_bytes: int
    blocks: int
    free: int
    available: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Hold a block device: its name, what it is made of (device numbers), and the file behind a loop device."""

    name: str
    parts: tuple[str, ...] = ()
    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Hold what the judgement rests on.

    `device_at` gives the number of the file system on which a path lies as it is seen from here, `None` where it is
    not seen. `command_line` is empty in a container, whose root the kernel's does not speak of.
    """

    mounts: tuple[Mount, ...]
    device_at: Callable[[str], str | None]
    disk: Callable[[str], Disk | None]
    size: Size | None = None
    memory_bytes: int = 0
    page_bytes: int = 4096
    command_line: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Hold what a directory lies on: `volatile` says why it does not last, `unseen` what could not be looked at."""

    directory: str
    mount: Mount | None = None
    volatile: str = ""
    unseen: str = ""


def judge(directory: str, around: Surroundings) -> Storage:
    """Say whether a directory, given without symbolic links, outlasts a boot."""
    mount = holder(around.mounts, directory)
    if mount is None:
        return Storage(directory=directory, unseen="the kernel does not say what it lies on")
    volatile = _why_volatile(mount, around, _MAX_DEPTH)
    unseen = ""
    if not volatile and mount.kind in _UNIONS:
        upper = mount.option("upperdir")
        # The other kinds name no layer here.
        if _mount_at(upper, around) is None if upper is not None else mount.kind != "overlay":
            volatile = _in_hidden_memory(mount, around)
            unseen = "" if volatile else f"the upper layer of the {mount.kind} at {mount.point} is not seen from here"
    root = holder(around.mounts, "/")
    if not volatile and root is not None and root.device == mount.device:
        volatile = _by_command_line(mount, around)
        unseen = "" if volatile else unseen
    return Storage(directory=directory, mount=mount, volatile=volatile, unseen=unseen)


def _why_volatile(mount: Mount, around: Surroundings, depth: int) -> str:
    """Return why what is written to a mount is lost, as far as can be followed from here, or nothing."""
    where = f"{mount.kind} at {mount.point}"
    if mount.kind in _IN_MEMORY:
        return f"{where}, which is in memory"
    if _PRIVATE_TMP in mount.root:
        return f"{mount.point}, which systemd empties whenever the service stops (PrivateTmp=)"
    if mount.kind in _UNIONS:
        if "volatile" in mount.super_options:
            return f"{where}, which is mounted with the option volatile: nothing is synced"
        upper = mount.option("upperdir")
        below = _mount_at(upper, around) if upper is not None and depth else None
        why = _why_volatile(below, around, depth - 1) if below is not None else ""
        return f"{where}, whose upper layer {upper} lies on {why}" if why else ""
    return _disk_in_memory(mount.device, where, around, depth)


def _disk_in_memory(device: str, where: str, around: Surroundings, depth: int) -> str:
    disk = around.disk(device)
    if disk is None or not depth:
        return ""
    if disk.name.rstrip("0123456789") in _MEMORY_DISKS:
        return f"{where} on {disk.name}, a disk in memory"
    if disk.file:
        below = _mount_at(disk.file, around)
        why = _why_volatile(below, around, depth - 1) if below is not None else ""
        return f"{where}, a file ({disk.file}) that lies on {why}" if why else ""
    whys = [_disk_in_memory(part, where, around, depth - 1) for part in disk.parts]
    # A mirror lasts as long as one of its disks does; a snapshot or an encrypted disk needs all that it is made of.
    lost = all(whys) if disk.name.startswith("md") else any(whys)
    return next(filter(None, whys)) if whys and lost else ""


def _mount_at(path: str, around: Surroundings) -> Mount | None:
    """Return the mount of a path that another mount names; the path may be of another name space, and mean nothing."""
    if not path.startswith("/"):
        return None
    mount = holder(around.mounts, path)
    return mount if mount is not None and mount.device == around.device_at(path) else None


def _in_hidden_memory(mount: Mount, around: Surroundings) -> str:
    """Recognise an upper layer in memory by its size, which an overlay reports as its own.

    An initramfs or a container's manager mounts it where nobody sees it later. A tmpfs is as large as a round part of
    the memory, to the block; it has pages for blocks, keeps nothing back for root, and its files are counted by half of
    the memory's pages or by a round number.
    """
    size = around.size
    if size is None or not around.memory_bytes:
        return ""
    if size.block_bytes != around.page_bytes or size.free != size.available:
        return ""
    pages = around.memory_bytes // around.page_bytes
    share = next((share for share in _SHARES_PERCENT if _near(size.blocks, pages * share / 100)), None)
    counted = not size.files or size.files % 1024 == 0 or size.files % 1000 == 0 or _near(size.files, pages / 2)
    if not size.blocks or (share is not None and counted):
        how_large = f"{share} % of the memory, as a tmpfs is" if size.blocks else "of no size, as a ramfs is"
        return f"{mount.kind} at {mount.point}, whose upper layer is in memory (it is {how_large})"
    return ""


def _near(number: float, expected: float) -> bool:
    return abs(number - expected) <= max(1.0, expected * _SHARE_TOLERANCE)


def _by_command_line(root: Mount, around: Surroundings) -> str:
    """Recognise a root that the kernel's command line keeps in memory; a later word wins, as for the initramfs."""
    words = around.command_line.split()
    values = dict(word.partition("=")[::2] for word in words)
    on_snapshot = root.kind in _UNIONS or root.source.startswith("/dev/mapper/live-")
    overlay = {
        "overlayroot": values.get("overlayroot", "").strip("\"'").split(":")[0].split(",")[0] == "tmpfs",
        "boot": values.get("boot") == "overlay"
        or (values.get("boot") == "live" and not _persistent(values, "persistence", "persistent"))
        or (values.get("boot") == "casper" and not _persistent(values, "persistent")),
        "systemd.volatile": values.get("systemd.volatile") == "overlay",
        "rd.live.image": "rd.live.image" in values and "rd.live.overlay" not in values,
    }
    why = next((key for key, holds in overlay.items() if holds), None) if on_snapshot else None
    if why is None:
        return ""
    told = f"{why}={values[why]}" if values[why] else why
    return f"{root.kind} at {root.point}, which is kept in memory: the kernel's command line says {told}"


def _persistent(values: dict[str, str], *words: str) -> bool:
    return any(word in values for word in words)
