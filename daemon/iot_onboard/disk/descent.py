"""Go down a path that other users have a hand in: whose it is, and what of it may be read.

Whoever owns a directory may at any moment put a link, a pipe or another directory in the place of what lies in it. So
each part is opened in the one before it, and what is decided is decided on what was opened.
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
from .files import refuse_other

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Not blocking: nobody may ever write to a named pipe, and a lease of its owner's would hold us up for 45 s.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC
# As the kernel's own limit (path_resolution(7)).
_MAX_LINKS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class PathPart:
    """Hold a part of a path as it was found: a directory, a link on the way, or what stands at the end."""

    name: str
    mode: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    """Hold how far a path goes: a descriptor of the last part (O_PATH), the parts up to it, and what is not there."""

    descriptor: int
    parts: tuple[PathPart, ...]
    missing: tuple[str, ...]


@contextlib.contextmanager
def descended(path: Path) -> Iterator[Descent]:
    """Go down from `/` as far as there is something, through links too; raise `OSError`."""
    parts: list[PathPart] = []
    left = [*reversed(path.absolute().parts[1:])]
    with contextlib.ExitStack() as opened:
        here = _step("/", opened)
        while left:
            try:
                there = _step(left[-1], opened, here)
            except FileNotFoundError:
                break
            found = os.fstat(there)
            parts.append(PathPart(name=left.pop(), mode=found.st_mode, uid=found.st_uid, gid=found.st_gid))
            if not stat.S_ISLNK(found.st_mode):
                here = there
                continue
            if sum(stat.S_ISLNK(part.mode) for part in parts) > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            target = Path(os.readlink("", dir_fd=there))
            left += reversed(target.parts[1:] if target.is_absolute() else target.parts)
            if target.is_absolute():
                here = _step("/", opened)
        yield Descent(descriptor=here, parts=tuple(parts), missing=tuple(reversed(left)))


def _step(name: str, opened: contextlib.ExitStack, directory: int | None = None) -> int:
    descriptor = os.open(name, _STEP, dir_fd=directory)
    opened.callback(os.close, descriptor)
    return descriptor


def first_owner(path: Path, parts: Sequence[PathPart], *, whole: bool = True) -> PathPart | None:
    """Return the first part that is not root's, or `None`: from there on, its owner says what the path leads to.

    Raises `OnboardError` where a part of root's may be changed by others, for then anybody may say so. In a sticky
    directory they may not replace what is root's, but they may add to it: that will do on the way, not at the end.
    """
    for number, part in enumerate(parts, 1):
        if part.uid != 0:
            return part
        passes = part.mode & stat.S_ISVTX and (number < len(parts) or not whole)
        if not stat.S_ISLNK(part.mode) and part.mode & 0o022 and not passes:
            detail = f"others than root may change {part.name} on the way to {path}, so root does nothing there"
            cure = f"chmod go-w that directory, or give {path} to the user iot-onboard"
            raise OnboardError(StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=f"{detail}. To do: {cure}"))
    return None


def open_made(found: Descent, mode: int) -> int:
    """Return a descriptor of a directory, made durably where it is missing; those above it everybody may look into.

    Raises `OSError`, also where somebody was faster.
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
    """Return the first bytes of a plain file in a directory that somebody else may own; raise `OSError`, at once.

    It is one that this owner may read: root must not be led to show, as theirs, what is not theirs.
    """
    with _describe(path), _foreign(path.parent) as (directory, owner):
        descriptor = os.open(path.name, _READ, dir_fd=directory)
        with open(descriptor, "rb") as file:
            _refuse_not_theirs(os.fstat(descriptor), owner)
            return file.read(max_bytes)


def list_foreign(path: Path, max_count: int) -> tuple[list[tuple[str, os.stat_result]], bool]:
    """Return names and status of what lies in a directory that somebody else may own, and whether there is more.

    Sorted; links are not followed. Raises `OSError`, at once.
    """
    with _describe(path), _foreign(path) as (directory, _):
        descriptor = os.open(".", _LIST, dir_fd=directory)
        try:
            with os.scandir(descriptor) as entries:
                names = [entry.name for entry in islice(entries, max_count + 1)]
            found: list[tuple[str, os.stat_result]] = []
            for name in sorted(names[:max_count]):
                # What is gone meanwhile was not there.
                with contextlib.suppress(FileNotFoundError):
                    found.append((name, os.stat(name, dir_fd=descriptor, follow_symlinks=False)))
        finally:
            os.close(descriptor)
    return found, len(names) > max_count


@contextlib.contextmanager
def _describe(path: Path) -> Iterator[None]:
    """Let an error name the whole path, in the place of the part that was opened."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


@contextlib.contextmanager
def _foreign(directory: Path) -> Iterator[tuple[int, PathPart]]:
    """Open a directory, by no other links than root's and our own, and say whose it is."""
    with descended(directory) as found:
        if found.missing:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if any(stat.S_ISLNK(part.mode) and part.uid not in {0, os.geteuid()} for part in found.parts):
            raise OSError(errno.ELOOP, "behind a link that belongs to another user")
        end = found.parts[-1] if found.parts else PathPart(name="/", mode=stat.S_IFDIR, uid=0, gid=0)
        yield found.descriptor, end


def _refuse_not_theirs(found: os.stat_result, owner: PathPart) -> None:
    refuse_other(found.st_mode)
    by_others = 0o044 if found.st_gid == owner.gid else 0o004
    if found.st_uid != owner.uid and not (found.st_uid == 0 and found.st_mode & by_others):
        raise OSError(errno.EINVAL, "belongs to another user than its directory does")
    if found.st_nlink != 1:
        raise OSError(errno.EINVAL, "has another name elsewhere")
