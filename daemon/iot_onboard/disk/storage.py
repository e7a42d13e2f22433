"""Find out on which storage a directory lies, and whether it survives a reboot. Writes nothing."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from . import mounts
from .credentials_format import DIRECTORY
from .storage_kind import CLOSED, Disk, Size, Storage, Surroundings, judge

_ROOT = Path("/")
# Written by the container manager, or by the first process in the container.
_OF_A_CONTAINER = ("run/systemd/container", "run/.containerenv", ".dockerenv")


def storage_of(state_dir: Path, root: Path = _ROOT) -> Storage:
    """Return the storage of the secrets of a state directory, even if their directory does not exist yet.

    `root` is the directory that has `proc` and `sys`.
    """
    # The subdirectory may itself be a mount point or a link.
    return judge_path(state_dir / DIRECTORY, root)


def judge_path(path: Path, root: Path = _ROOT) -> Storage:
    """Return the storage of any path."""
    resolved = os.path.realpath(path)
    return judge(
        resolved,
        Surroundings(
            mounts=read_mounts(root),
            device_at=_device_at,
            disk=lambda device: _disk(_block_device(device, root)),
            size=_size(resolved),
            memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
            page_bytes=os.sysconf("SC_PAGE_SIZE"),
            command_line=_command_line(root),
        ),
    )


def mount_changed(directory: str, known: str, root: Path = _ROOT) -> bool:
    """Say whether the mount of a directory is another one than `known` (`mount_id`); never waits for a disk."""
    now = mount_id(mounts.holder(read_mounts(root), directory))
    return bool(now) and now != known


def mount_id(mount: mounts.Mount | None) -> str:
    """Return a text that is different for each mount, and for read-only and writable."""
    return "" if mount is None else f"{mount.number} {mount.device} {mount.point} {'ro' if mount.read_only else 'rw'}"


def read_mounts(root: Path = _ROOT) -> tuple[mounts.Mount, ...]:
    """Return the mounts of this process's name space; none if they cannot be read."""
    return mounts.parse(_text(root / "proc/self/mountinfo"))


def _text(path: Path) -> str:
    try:
        # A mount point is bytes, and need not be UTF-8; it has to match the paths of the system calls.
        return path.read_bytes().decode(errors="surrogateescape").strip("\n")
    except OSError:
        return ""


def _command_line(root: Path) -> str:
    in_container = any((root / name).exists() for name in _OF_A_CONTAINER)
    return "" if in_container else _text(root / "proc/cmdline")


def _device_at(path: str) -> str | None:
    try:
        number = Path(path).stat().st_dev
    except PermissionError:
        return CLOSED
    except (OSError, ValueError):
        return None
    return f"{os.major(number)}:{os.minor(number)}"


def _size(path: str) -> Size | None:
    try:
        there = next(above for above in (Path(path), *Path(path).parents) if os.path.lexists(above))
        answer = os.statvfs(there)
    except (OSError, StopIteration):
        return None
    return Size(
        block_bytes=answer.f_frsize,
        blocks=answer.f_blocks,
        free=answer.f_bfree,
        available=answer.f_bavail,
        files=answer.f_files,
    )


def _block_device(device: str, root: Path) -> Path:
    """Return the kernel's directory of a device, given by number or path; the unit may hide the files of /dev."""
    if not device.startswith("/"):
        return root / "sys/dev/block" / device
    directory, name = root / "sys/class/block", Path(os.path.realpath(device)).name
    if not (directory / name).exists():
        name = next((dm.name for dm in directory.glob("dm-*") if _text(dm / "dm/name") == name), name)
    return directory / name


def _disk(link: Path) -> Disk | None:
    try:
        path = link.resolve(strict=True)
    except OSError:
        return None
    # The directory of a partition lies in that of its disk.
    if (path / "partition").exists():
        path = path.parent
    parts: list[str] = []
    with contextlib.suppress(OSError):
        parts = sorted(_text(part / "dev") for part in (path / "slaves").iterdir())
    return Disk(name=path.name, parts=tuple(parts), file=_text(path / "loop/backing_file"))
