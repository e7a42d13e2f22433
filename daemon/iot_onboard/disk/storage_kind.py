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
_STACKED = ("fuse.", "ecryptfs", "shiftfs")
_UNIONS = {"overlay", "overlayfs", "aufs", "unionfs"}
# The kernel's disks in memory: compressed, plain, and those of its tests.
_MEMORY_DISKS = ("zram", "ram", "nullb")
# What systemd removes by itself, by what its name holds: the files of a service's PrivateTmp= and RootEphemeral=, and a
# container's root that was started with --ephemeral.
_PRIVATE_TMP = "/systemd-private-"
_REMOVED = {
    _PRIVATE_TMP: "which systemd empties whenever the service stops (PrivateTmp=)",
    "/systemd/ephemeral-trees/": "a copy that systemd removes when the service stops (RootEphemeral=)",
    "/.#machine.": "a copy that systemd removes when the container stops (--ephemeral)",
}
# What a unit may not see is covered by this; nothing is known of what lies below.
_COVERED = "/systemd/inaccessible/"
_DELETED = " (deleted)"
# A snapshot of a live system's root.
_LIVE = "/dev/mapper/live-"
# How large a tmpfs is made: half of the memory unless told otherwise, and what systemd, live systems and guides write.
_SHARES_PERCENT = (10, 15, 20, 25, 30, 33, 35, 40, 45, 50, 60, 70, 75, 80, 90, 95, 100)
_SHARE_TOLERANCE = 0.001
_LOW_MEMORY_BYTES = (512 * 1024**2, 1024**3)
# Layers on layers, files on loop devices: an end for what leads in a circle.
_MAX_DEPTH = 8


CLOSED = "closed"


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
    not seen, and `CLOSED` where it is there and this user may not look. `disk` gives a block device by its number, or
    by its path in /dev. `command_line` is empty in a container, whose root the kernel's does not speak of.
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


def judge(directory: str, surroundings: Surroundings) -> Storage:
    """Say whether a directory, given without symbolic links, outlasts a boot."""
    mount = holder(surroundings.mounts, directory)
    if mount is None:
        return Storage(directory=directory, unseen="the kernel does not say what it lies on")
    root = holder(surroundings.mounts, "/")
    # An overlay without an upper layer is read-only; the other kinds name none here.
    writable = mount.kind != "overlay" or mount.option("upperdir") is not None
    hidden = mount.kind in _UNIONS and writable and _upper_of(mount, surroundings) is None
    # A layer that is seen on a disk counts for more than a word.
    is_judged_by_command_line = hidden or mount.source.startswith(_LIVE)
    volatile = (
        _why_volatile(mount, surroundings, _MAX_DEPTH)
        or (_in_hidden_memory(mount, surroundings) if hidden else "")
        or (
            _by_command_line(mount, surroundings)
            if is_judged_by_command_line and root is not None and root.device == mount.device
            else ""
        )
    )
    what = f"the upper layer of the {mount.kind} at {mount.point} is not seen from here"
    unseen = what if hidden and not volatile else ""
    return Storage(directory=directory, mount=mount, volatile=volatile, unseen=unseen)


def _why_volatile(mount: Mount, surroundings: Surroundings, depth: int) -> str:
    """Return why what is written to a mount is lost, as far as can be followed from here, or nothing."""
    where = f"{mount.kind} at {mount.point}"
    if mount.kind in _IN_MEMORY:
        return f"{where}, which is in memory"
    if (removed := next((why for mark, why in _REMOVED.items() if mark in mount.root), None)) is not None:
        return f"{mount.point}, {removed}"
    if mount.kind in _UNIONS:
        if "volatile" in mount.super_options:
            return f"{where}, which is mounted with the option volatile: nothing is synced"
        below = _upper_of(mount, surroundings) if depth else None
        why = _why_volatile(below, surroundings, depth - 1) if below is not None else ""
        return f"{where}, whose upper layer {mount.option('upperdir')} lies on {why}" if why else ""
    if mount.kind.startswith(_STACKED):
        # Encrypted, or shown by a program: the source is the directory below.
        below = _mount_at(mount.source, surroundings) if depth and not mount.source.startswith("/dev/") else None
        why = _why_volatile(below, surroundings, depth - 1) if below is not None else ""
        return f"{where}, which shows {mount.source} on {why}" if why else ""
    # Some kinds (btrfs) have a number of their own, and name the disk as their source.
    named = mount.device.startswith("0:") and mount.source.startswith("/dev/")
    return _disk_in_memory(mount.source if named else mount.device, where, surroundings, depth)


def _disk_in_memory(device: str, where: str, surroundings: Surroundings, depth: int) -> str:
    disk = surroundings.disk(device)
    if disk is None or not depth:
        return ""
    if disk.name.rstrip("0123456789") in _MEMORY_DISKS:
        return f"{where} on {disk.name}, a disk in memory"
    if disk.file.endswith(_DELETED):
        return f"{where}, a file that has been deleted ({disk.file.removesuffix(_DELETED)})"
    if disk.file:
        below = _mount_at(disk.file, surroundings)
        why = _why_volatile(below, surroundings, depth - 1) if below is not None else ""
        return f"{where}, a file ({disk.file}) that lies on {why}" if why else ""
    whys = [_disk_in_memory(part, where, surroundings, depth - 1) for part in disk.parts]
    # A mirror lasts as long as one of its disks does; a snapshot or an encrypted disk needs all that it is made of.
    lost = all(whys) if disk.name.startswith("md") else any(whys)
    return next(filter(None, whys)) if whys and lost else ""


def _upper_of(mount: Mount, surroundings: Surroundings) -> Mount | None:
    upper = _mount_at(mount.option("upperdir") or "", surroundings)
    # No overlay is its own layer: the name is one of another name space.
    return upper if upper is not None and upper.device != mount.device else None


def _mount_at(path: str, surroundings: Surroundings) -> Mount | None:
    """Return the mount of a path that another mount names; the path may be of another name space, and mean nothing."""
    if not path.startswith("/"):
        return None
    mount, device = holder(surroundings.mounts, path), surroundings.device_at(path)
    if mount is None or _COVERED in mount.root:
        return None
    if _PRIVATE_TMP in mount.root:
        # It hides the directory of that name, and lies on the same file system; not so in a container, whose layers'
        # names are those of its host.
        return mount if mount.kind in _IN_MEMORY and surroundings.command_line else None
    return mount if device in {mount.device, CLOSED} else None


def _in_hidden_memory(mount: Mount, surroundings: Surroundings) -> str:
    """Recognise an upper layer in memory by its size, which an overlay reports as its own.

    An initramfs or a container's manager mounts it where nobody sees it later. A tmpfs is as large as a round part of
    the memory, to the block; it has pages for blocks, keeps nothing back for root, and its files are counted by half of
    the memory's pages, which is proof of its own, or by a round number.
    """
    size = surroundings.size
    if size is None or not surroundings.memory_bytes:
        return ""
    if size.block_bytes != surroundings.page_bytes or size.free != size.available:
        return ""
    pages = surroundings.memory_bytes // surroundings.page_bytes
    share = next((share for share in _SHARES_PERCENT if _near(size.blocks, pages * share / 100)), None)
    counted = not size.files or size.files % 1024 == 0 or size.files % 1000 == 0 or _by_low_memory(size, pages)
    where = f"{mount.kind} at {mount.point}, whose upper layer is in memory"
    if not size.blocks:
        return f"{where} (it is of no size, as a ramfs is)"
    if share is not None and (counted or _near(size.files, pages / 2)):
        return f"{where} (it is {share} % of the memory, as a tmpfs is)"
    if size.blocks <= pages and _near(size.files, pages / 2):
        return f"{where} (it has a file for every two pages of the memory, as a tmpfs has)"
    return ""


def _by_low_memory(size: Size, pages: int) -> bool:
    """Say whether files may be counted as a 32-bit kernel does that has more memory than it can map at once."""
    return _LOW_MEMORY_BYTES[0] <= size.files * size.block_bytes <= _LOW_MEMORY_BYTES[1] and 2 * size.files <= pages


def _near(number: float, expected: float) -> bool:
    return abs(number - expected) <= max(1.0, expected * _SHARE_TOLERANCE)


def _by_command_line(root: Mount, surroundings: Surroundings) -> str:
    """Recognise a root that the kernel's command line keeps in memory; a later word wins, as for the initramfs."""
    words = surroundings.command_line.split()
    values = dict(word.partition("=")[::2] for word in words)
    on_snapshot = root.kind in _UNIONS or root.source.startswith(_LIVE)
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
    cause = f"{why}={values[why]}" if values[why] else why
    return f"{root.kind} at {root.point}, which is kept in memory: the kernel's command line says {cause}"


def _persistent(values: dict[str, str], *words: str) -> bool:
    return any(word in values for word in words)
