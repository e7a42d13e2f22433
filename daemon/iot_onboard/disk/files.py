"""Write and read small files: a power cut leaves the old one or the new one, and only plain files are read."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path

_TEMP = re.compile(r"(.+?)(?:\.[0-9a-f]{16})?\.new", re.DOTALL)


def write_durably(path: Path, data: bytes, mode: int | None = None, gid: int = -1) -> None:
    """Put a file in place so that every later power cut leaves it whole; raise `OSError`, and the old one stays.

    Without a mode it is what the file system gives: FAT refuses others. -1 leaves the group, as in chown(2).
    """
    remove_temps(path.parent, path.name)
    with written_beside(path, data, mode, gid) as temp:
        rename_durably(temp, path)


def write_if_changed(path: Path, data: bytes, mode: int | None = None, gid: int = -1) -> bool:
    """Write durably what does not stand there just so, and say whether that was needed: a write wears a card out.

    What stands there is made durable too: whoever wrote it may have been killed before the sync.
    """
    with contextlib.suppress(OSError), open_plain(path, follow=False) as file:
        found = os.fstat(file.fileno())
        as_wanted = mode in {None, stat.S_IMODE(found.st_mode)} and gid in {-1, found.st_gid}
        if as_wanted and file.read(len(data) + 1) == data:
            os.fsync(file.fileno())
            sync_directory(path.parent)
            return False
    write_durably(path, data, mode, gid)
    return True


def write_atomically(path: Path, data: bytes, mode: int) -> bool:
    """Put a file in memory in place at once, and say whether that went well; no power cut leaves it, so no sync.

    Where there is no room for another one, the bytes of the old one are written over; where that fails too, it is
    removed as far as that can be done: what no longer holds is worse than nothing.
    """
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with written_beside(path, data, mode, sync=False) as temp:
            temp.rename(path)
    except OSError:
        return _written_over(path, data)
    return True


def _written_over(path: Path, data: bytes) -> bool:
    try:
        with _opened(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK) as descriptor:
            found = os.fstat(descriptor)
            refuse_other(found.st_mode)
            if found.st_nlink != 1:
                raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))
            _write_all(descriptor, data)
            os.ftruncate(descriptor, len(data))
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return False
    return True


@contextlib.contextmanager
def written_beside(
    path: Path, data: bytes, mode: int | None = None, gid: int = -1, *, sync: bool = True
) -> Iterator[Path]:
    """Give what is to be renamed over `path`: written, synced and read back; what the block leaves of it is removed."""
    temp = _temp_of(path)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with _opened(temp, flags, 0o644 if mode is None else 0o600) as descriptor:
            _write_all(descriptor, data)
            if gid != -1:
                os.fchown(descriptor, -1, gid)
            if mode is not None:
                os.fchmod(descriptor, mode)
            if sync:
                os.fsync(descriptor)
                _read_back(descriptor, data)
        yield temp
    finally:
        with contextlib.suppress(OSError):
            temp.unlink(missing_ok=True)


def remove_temps(directory: Path, name: str = "") -> None:
    """Remove what a crash has left of one file, or of all, that was written beside, by this version or an older one."""
    with contextlib.suppress(OSError):
        for found in os.listdir(directory):  # noqa: PTH208 - names are wanted, not paths
            if (temp := _TEMP.fullmatch(found)) and name in {"", temp[1]}:
                (directory / found).unlink(missing_ok=True)


def _temp_of(path: Path) -> Path:
    # Nobody can put something in the place of a name that they cannot guess.
    return path.with_name(f"{path.name}.{os.urandom(8).hex()}.new")


def rename_durably(temp: Path, path: Path) -> None:
    """Rename over `path`, and sync the directory."""
    temp.rename(path)
    sync_directory(path.parent)


def overwrite(path: Path, parts: Iterable[bytes]) -> None:
    """Write over the bytes that a file has, each part durable before the next one is begun; raise `OSError`."""
    with _opened(path, os.O_WRONLY | os.O_NOFOLLOW) as descriptor:
        for part in parts:
            _write_all(descriptor, part)
            os.fsync(descriptor)


def set_aside(path: Path, suffix: str) -> Path:
    """Rename a file to a free name beside it, durably, and return that name: nothing is deleted or written over."""
    for number in range(100):
        aside = path.with_name(f"{path.name}.{suffix}" + (f"-{number}" if number else ""))
        if not os.path.lexists(aside):
            rename_durably(path, aside)
            return aside
    raise OSError(errno.EEXIST, f"too many files were set aside as {path.name}.{suffix}")


def remove_durably(path: Path) -> None:
    """Remove a file, where there is one, and sync the directory."""
    path.unlink(missing_ok=True)
    sync_directory(path.parent)


def make_directory(path: Path, mode: int = 0o755) -> None:
    """Make a directory durably, and those above it, which everybody may look into."""
    for missing in reversed([above for above in (path, *path.parents) if not above.is_dir()]):
        wanted = mode if missing == path else 0o755
        try:
            missing.mkdir(mode=wanted)
        except FileExistsError:
            # Another process may have made it just now.
            if not missing.is_dir():
                raise
        else:
            # The umask is that of whoever runs this, and others are to find what lies in it.
            missing.chmod(wanted)
        sync_directory(missing.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    with _opened(directory, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        os.fsync(descriptor)


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep other processes out that ask in the same way; raise `BlockingIOError` where one is in.

    The lock is on the directory itself, which works on a read-only file system too; raises `OSError` where that cannot
    be opened. On a file system without locks, a gateway that runs without one is better than one that does not run.
    """
    with _opened(directory, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            # It knows no locks.
            pass
        yield


def read_plain(path: Path, max_bytes: int, *, follow: bool = True) -> bytes:
    """Return the first bytes of a plain file; raise `OSError` for anything else, at once."""
    with open_plain(path, follow=follow) as file:
        return file.read(max_bytes)


@contextlib.contextmanager
def open_plain(path: Path, *, follow: bool = True) -> Iterator[BufferedReader]:
    """Open a plain file for reading; raise `OSError` for anything else, at once."""
    # Not blocking: nobody may ever write to a named pipe.
    flags = os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
        refuse_other(os.fstat(file.fileno()).st_mode)
        yield file


def is_roots_alone(directory: Path) -> bool:
    """Say whether nobody but root has a hand in a directory: each one from `/` down is root's, and closed to others.

    What is seen of one holds, for nobody may put another one in its place: not in a sticky one above it either. Of what
    is a link, or missing, `disk/descent` tells more.
    """
    try:
        found = [os.lstat(part) for part in (*reversed(directory.parents), directory)]
    except OSError:
        return False
    ours = all(one.st_uid == 0 and stat.S_ISDIR(one.st_mode) for one in found)
    closed = all(not one.st_mode & 0o022 or one.st_mode & stat.S_ISVTX for one in found[:-1])
    return ours and closed and not found[-1].st_mode & 0o022


def fingerprint(path: Path | str) -> tuple[int, ...] | None:
    """Return what tells, without reading it, that a file or a directory is not what it was; `None` for none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - some are paths, some are text
    except OSError:
        return None
    return found.st_mode, found.st_uid, found.st_gid, found.st_size, found.st_mtime_ns, found.st_ino


def refuse_other(mode: int) -> None:
    """Raise the `OSError` that says what a file is, where it is not a plain one."""
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file")


@contextlib.contextmanager
def _opened(path: Path, flags: int, mode: int = 0o600) -> Iterator[int]:
    descriptor = os.open(path, flags, mode)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    """Write every byte: one call may take a part only."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _read_back(descriptor: int, data: bytes) -> None:
    # From memory it would prove little: the kernel is asked to drop its copy, so that the disk has to answer.
    with contextlib.suppress(OSError):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    if os.pread(descriptor, len(data) + 1, 0) != data:
        raise OSError(errno.EIO, "what was written reads back different")
