"""Decide whether files of a directory survive a reboot. Pure; docs/decisions/0022 has the rule.

A device that has logged in gets no second secret from the platform. So storage in memory must be recognised: a tmpfs,
an overlay with its upper layer on one, a disk in memory, a file on any of these. Storage that this process cannot see,
such as the layers of a container, counts as persistent.
"""

from __future__ import annotations

from collections.abc import Callable

from ..fast_start.fast_dataclasses import dataclass
from .mounts import Mount, holder

_IN_MEMORY = {"tmpfs", "ramfs", "rootfs", "devtmpfs", "hugetlbfs"}
_STACKED = ("fuse.", "ecryptfs", "shiftfs")
_UNIONS = {"overlay", "overlayfs", "aufs", "unionfs"}
# The kernel's disks in memory: compressed, plain, and its test device.
_MEMORY_DISKS = ("zram", "ram", "nullb")
# Directories that systemd removes, by a part of their name: those of PrivateTmp= and RootEphemeral= of a service, and
# the root of a container that was started with --ephemeral.
_PRIVATE_TMP = "/systemd-private-"
_REMOVED = {
    _PRIVATE_TMP: "which systemd empties whenever the service stops (PrivateTmp=)",
    "/systemd/ephemeral-trees/": "a copy that systemd removes when the service stops (RootEphemeral=)",
    "/.#machine.": "a copy that systemd removes when the container stops (--ephemeral)",
}
# systemd mounts this over a path that a unit may not see; what lies below is unknown.
_COVERED = "/systemd/inaccessible/"
_DELETED = " (deleted)"
# The snapshot that is the root of a live system.
_LIVE = "/dev/mapper/live-"
# The usual sizes of a tmpfs: half of the memory by default, and the values of systemd, live systems and guides.
_SHARES_PERCENT = (10, 15, 20, 25, 30, 33, 35, 40, 45, 50, 60, 70, 75, 80, 90, 95, 100)
_SHARE_TOLERANCE = 0.001
_LOW_MEMORY_BYTES = (512 * 1024**2, 1024**3)
# The limit for layers on layers and files on loop devices, which may form a circle.
_MAX_DEPTH = 8


CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Hold the size that a file system reports (statvfs(3))."""

    block_bytes: int
    blocks: int
    free: int
    available: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Hold a block device: its name, the devices below it (by number), and the file of a loop device."""

    name: str
    parts: tuple[str, ...] = ()
    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Hold the facts that the decision needs.

    `device_at` returns the device number of the file system of a path, `None` if this process does not see the path,
    and `CLOSED` if this user may not look at it. `disk` returns a block device by its number, or by its path in /dev.
    `command_line` is the kernel's; it is empty in a container, because it does not describe a container's root.
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
    """Hold the storage of a directory: `volatile` says why it does not persist, `unseen` what could not be checked."""

    directory: str
    mount: Mount | None = None
    volatile: str = ""
    unseen: str = ""


def judge(directory: str, surroundings: Surroundings) -> Storage:
    """Decide whether a directory, given without symbolic links, survives a reboot."""
    mount = holder(surroundings.mounts, directory)
    if mount is None:
        return Storage(directory=directory, unseen="the kernel does not say what it is on")
    root = holder(surroundings.mounts, "/")
    # An overlay without an upper layer is read-only; other kinds do not name theirs here.
    writable = mount.kind != "overlay" or mount.option("upperdir") is not None
    hidden = mount.kind in _UNIONS and writable and _upper_of(mount, surroundings) is None
    # If the upper layer is visible, and on a disk, the kernel's command line does not count.
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
    what = f"the upper layer of the {mount.kind} at {mount.point} is not visible here"
    unseen = what if hidden and not volatile else ""
    return Storage(directory=directory, mount=mount, volatile=volatile, unseen=unseen)


def _why_volatile(mount: Mount, surroundings: Surroundings, depth: int) -> str:
    """Return why files of a mount are lost at a reboot, as far as this process can see, or nothing."""
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
        return f"{where}, and its upper layer {mount.option('upperdir')} is on {why}" if why else ""
    if mount.kind.startswith(_STACKED):
        # Encrypted, or a FUSE file system: the source is the directory below.
        below = _mount_at(mount.source, surroundings) if depth and not mount.source.startswith("/dev/") else None
        why = _why_volatile(below, surroundings, depth - 1) if below is not None else ""
        return f"{where}, which shows {mount.source} on {why}" if why else ""
    # Some file systems (btrfs) have a device number of their own, and name the disk as their source.
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
        return f"{where}, a file ({disk.file}) that is on {why}" if why else ""
    whys = [_disk_in_memory(part, where, surroundings, depth - 1) for part in disk.parts]
    # A mirror persists if one of its disks does; a snapshot or an encrypted disk needs all devices below it.
    lost = all(whys) if disk.name.startswith("md") else any(whys)
    return next(filter(None, whys)) if whys and lost else ""


def _upper_of(mount: Mount, surroundings: Surroundings) -> Mount | None:
    upper = _mount_at(mount.option("upperdir") or "", surroundings)
    # An overlay cannot be its own layer: this path belongs to another name space.
    return upper if upper is not None and upper.device != mount.device else None


def _mount_at(path: str, surroundings: Surroundings) -> Mount | None:
    """Return the mount of a path that another mount names; `None` if the path belongs to another name space."""
    if not path.startswith("/"):
        return None
    mount, device = holder(surroundings.mounts, path), surroundings.device_at(path)
    if mount is None or _COVERED in mount.root:
        return None
    if _PRIVATE_TMP in mount.root:
        # The private directory lies on the same file system as the one that it hides. This is not true in a container:
        # the names of its layers are those of the host.
        return mount if mount.kind in _IN_MEMORY and surroundings.command_line else None
    return mount if device in {mount.device, CLOSED} else None


def _in_hidden_memory(mount: Mount, surroundings: Surroundings) -> str:
    """Recognise an upper layer in memory by its size, which an overlay reports as its own.

    An initramfs or a container manager mounts the layer where later processes do not see it. The size of a tmpfs is a
    round part of the memory, exact to the block; its blocks are pages, and it reserves nothing for root. Its number of
    files is half of the memory's pages, which is proof enough, or a round number.
    """
    size = surroundings.size
    if size is None or not surroundings.memory_bytes:
        return ""
    if size.block_bytes != surroundings.page_bytes or size.free != size.available:
        return ""
    pages = surroundings.memory_bytes // surroundings.page_bytes
    share = next((share for share in _SHARES_PERCENT if _near(size.blocks, pages * share / 100)), None)
    counted = not size.files or size.files % 1024 == 0 or size.files % 1000 == 0 or _by_low_memory(size, pages)
    where = f"{mount.kind} at {mount.point}, with its upper layer in memory"
    if not size.blocks:
        return f"{where} (it has no size, like a ramfs)"
    if share is not None and (counted or _near(size.files, pages / 2)):
        return f"{where} (it is {share} % of the memory, like a tmpfs)"
    if size.blocks <= pages and _near(size.files, pages / 2):
        return f"{where} (it has a file for every two pages of the memory, like a tmpfs)"
    return ""


def _by_low_memory(size: Size, pages: int) -> bool:
    """Say whether the number of files fits a 32-bit kernel with more memory than it can map at once."""
    return _LOW_MEMORY_BYTES[0] <= size.files * size.block_bytes <= _LOW_MEMORY_BYTES[1] and 2 * size.files <= pages


def _near(number: float, expected: float) -> bool:
    return abs(number - expected) <= max(1.0, expected * _SHARE_TOLERANCE)


def _by_command_line(root: Mount, surroundings: Surroundings) -> str:
    """Recognise a root in memory by the kernel's command line; of two equal options the later one counts."""
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
    return f"{root.kind} at {root.point}, which is kept in memory: the kernel's command line has {cause}"


def _persistent(values: dict[str, str], *words: str) -> bool:
    return any(word in values for word in words)
