"""Open a path that other users may change: find out who owns it, and which files of it may be read.

The owner of a directory may at any moment replace what lies in it with a link, a pipe or another directory. So each
part is opened relative to the one before it, and all checks are made on the open descriptor.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from ..core.failures import OnboardError, StoreFailure, StoreFault
from ..fast_start.fast_dataclasses import dataclass
from .files import require_plain_file

_OPEN_PART = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# O_NONBLOCK: a named pipe may never get a writer, and a lease of the owner would make us wait for 45 s.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC
# The kernel's own limit (path_resolution(7)).
_MAX_LINKS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class PathPart:
    """Hold one part of a path: a directory, a link on the way, or what is at the end."""

    name: str
    mode: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedPath:
    """Hold what exists of a path: a descriptor of the last part (O_PATH), the parts up to it, and the missing names."""

    descriptor: int
    parts: tuple[PathPart, ...]
    missing: tuple[str, ...]


@contextlib.contextmanager
def opened_path(path: Path) -> Iterator[OpenedPath]:
    """Open a path from `/` on, as far as it exists, and follow links; raise `OSError`."""
    parts: list[PathPart] = []
    remaining = [*reversed(path.absolute().parts[1:])]
    with contextlib.ExitStack() as opened:
        here = _open_part("/", opened)
        while remaining:
            try:
                there = _open_part(remaining[-1], opened, here)
            except FileNotFoundError:
                break
            found = os.fstat(there)
            parts.append(PathPart(name=remaining.pop(), mode=found.st_mode, uid=found.st_uid, gid=found.st_gid))
            if not stat.S_ISLNK(found.st_mode):
                here = there
                continue
            if sum(stat.S_ISLNK(part.mode) for part in parts) > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            target = Path(os.readlink("", dir_fd=there))
            remaining += reversed(target.parts[1:] if target.is_absolute() else target.parts)
            if target.is_absolute():
                here = _open_part("/", opened)
        yield OpenedPath(descriptor=here, parts=tuple(parts), missing=tuple(reversed(remaining)))


def _open_part(name: str, opened: contextlib.ExitStack, directory: int | None = None) -> int:
    descriptor = os.open(name, _OPEN_PART, dir_fd=directory)
    opened.callback(os.close, descriptor)
    return descriptor


def first_non_root_part(path: Path, parts: Sequence[PathPart], *, whole: bool = True) -> PathPart | None:
    """Return the first part that root does not own, or `None`: from there on its owner decides where the path leads.

    Raises `OnboardError` if others may change a part that root owns: then anybody could decide that. In a sticky
    directory others cannot replace what root owns, but they can add to it: this is safe on the way, not at the end.
    """
    for number, part in enumerate(parts, 1):
        if part.uid != 0:
            return part
        is_sticky = part.mode & stat.S_ISVTX and (number < len(parts) or not whole)
        if not stat.S_ISLNK(part.mode) and part.mode & 0o022 and not is_sticky:
            detail = f"users other than root may change {part.name} in the path {path}, so root changes nothing there"
            cure = f"chmod go-w that directory, or give {path} to the user iot-onboard"
            raise OnboardError(StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=f"{detail}. To do: {cure}"))
    return None


def create_missing(found: OpenedPath, mode: int) -> int:
    """Return a descriptor of a directory, created durably if it is missing; new parent directories get mode 0755.

    Raises `OSError`, also if another process created it first.
    """
    here = os.open(".", _LIST, dir_fd=found.descriptor)
    for name in found.missing:
        try:
            os.mkdir(name, mode if name is found.missing[-1] else 0o755, dir_fd=here)
            os.fsync(here)
            there = os.open(name, _LIST | os.O_NOFOLLOW, dir_fd=here)
        finally:
            os.close(here)
        here = there
    return here


def read_foreign(path: Path, max_bytes: int) -> bytes:
    """Return the first bytes of a plain file in a directory that another user may own; never wait, raise `OSError`.

    Only a file that this owner may read: otherwise the owner could make root show a file of somebody else.
    """
    with _describe(path), _open_foreign(path.parent) as (directory, owner):
        descriptor = os.open(path.name, _READ, dir_fd=directory)
        with open(descriptor, "rb") as file:
            _refuse_files_of_others(os.fstat(descriptor), owner)
            return file.read(max_bytes)


def list_foreign(path: Path, max_count: int) -> tuple[list[tuple[str, os.stat_result]], bool]:
    """Return names and status of the files in a directory that another user may own, and whether there are more.

    Sorted; links are not followed. Never waits; raises `OSError`.
    """
    with _describe(path), _open_foreign(path) as (directory, _):
        descriptor = os.open(".", _LIST, dir_fd=directory)
        try:
            with os.scandir(descriptor) as entries:
                names = [entry.name for entry in islice(entries, max_count + 1)]
            found: list[tuple[str, os.stat_result]] = []
            for name in sorted(names[:max_count]):
                # A file that was removed meanwhile is left out.
                with contextlib.suppress(FileNotFoundError):
                    found.append((name, os.stat(name, dir_fd=descriptor, follow_symlinks=False)))
        finally:
            os.close(descriptor)
    return found, len(names) > max_count


@contextlib.contextmanager
def _describe(path: Path) -> Iterator[None]:
    """Put the whole path into an error, in place of the part that was opened."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


@contextlib.contextmanager
def _open_foreign(directory: Path) -> Iterator[tuple[int, PathPart]]:
    """Open a directory and give its descriptor and owner; refuse links that neither root nor we own."""
    with opened_path(directory) as found:
        if found.missing:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if any(stat.S_ISLNK(part.mode) and part.uid not in {0, os.geteuid()} for part in found.parts):
            raise OSError(errno.ELOOP, "behind a link that belongs to another user")
        end = found.parts[-1] if found.parts else PathPart(name="/", mode=stat.S_IFDIR, uid=0, gid=0)
        yield found.descriptor, end


def _refuse_files_of_others(found: os.stat_result, owner: PathPart) -> None:
    require_plain_file(found.st_mode)
    by_others = 0o044 if found.st_gid == owner.gid else 0o004
    if found.st_uid != owner.uid and not (found.st_uid == 0 and found.st_mode & by_others):
        raise OSError(errno.EINVAL, "belongs to another user than its directory does")
    if found.st_nlink != 1:
        raise OSError(errno.EINVAL, "has another hard link")
