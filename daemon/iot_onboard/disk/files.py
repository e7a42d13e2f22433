"""Write and read small files: after a power cut the old or the new one is there; only plain files are read."""

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
    """Replace a file so that no later power cut damages it; raise `OSError`, then the old one stays.

    Without `mode` the file keeps the mode that the file system gives: FAT refuses any other. -1 leaves the group, as in
    chown(2).
    """
    remove_temps(path.parent, path.name)
    with temporary_file(path, data, mode, gid) as temp:
        rename_durably(temp, path)


def write_if_changed(path: Path, data: bytes, mode: int | None = None, gid: int = -1) -> bool:
    """Write a file durably unless it already has this content; return whether it was written. Writes wear out a card.

    An equal file is synced too: the process that wrote it may have been killed before its sync.
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
    """Replace a file on a tmpfs in one step, and return whether it succeeded; without sync, because it is in memory.

    If there is no space for a second file, the old one is overwritten. If that fails too, the file is removed if
    possible: no file is better than a file that is out of date.
    """
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with temporary_file(path, data, mode, sync=False) as temp:
            temp.rename(path)
    except OSError:
        return _overwrite_in_place(path, data)
    return True


def _overwrite_in_place(path: Path, data: bytes) -> bool:
    try:
        with _opened(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK) as descriptor:
            found = os.fstat(descriptor)
            require_plain_file(found.st_mode)
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
def temporary_file(
    path: Path, data: bytes, mode: int | None = None, gid: int = -1, *, sync: bool = True
) -> Iterator[Path]:
    """Write a temporary file beside `path`, synced and read back, for the block to rename; remove it if it is left."""
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
    """Remove the temporary files that a crash has left, of one file or of all, from this version or an older one."""
    with contextlib.suppress(OSError):
        for found in os.listdir(directory):  # noqa: PTH208 - names are wanted, not paths
            if (temp := _TEMP.fullmatch(found)) and name in {"", temp[1]}:
                (directory / found).unlink(missing_ok=True)


def _temp_of(path: Path) -> Path:
    # Random, so that no other user can create a file of this name first.
    return path.with_name(f"{path.name}.{os.urandom(8).hex()}.new")


def rename_durably(temp: Path, path: Path) -> None:
    """Rename over `path`, and sync the directory."""
    temp.rename(path)
    sync_directory(path.parent)


def overwrite(path: Path, parts: Iterable[bytes]) -> None:
    """Overwrite a file in place with several contents, and sync each before the next; raise `OSError`."""
    with _opened(path, os.O_WRONLY | os.O_NOFOLLOW) as descriptor:
        for part in parts:
            _write_all(descriptor, part)
            os.fsync(descriptor)


def set_aside(path: Path, suffix: str) -> Path:
    """Rename a file durably to a free name in the same directory, and return that name: nothing is lost."""
    for number in range(100):
        aside = path.with_name(f"{path.name}.{suffix}" + (f"-{number}" if number else ""))
        if not os.path.lexists(aside):
            rename_durably(path, aside)
            return aside
    raise OSError(errno.EEXIST, f"too many files were set aside as {path.name}.{suffix}")


def remove_durably(path: Path) -> None:
    """Remove a file, if it exists, and sync the directory."""
    path.unlink(missing_ok=True)
    sync_directory(path.parent)


def make_directory(path: Path, mode: int = 0o755) -> None:
    """Create a directory durably; new parent directories get mode 0755."""
    for missing in reversed([above for above in (path, *path.parents) if not above.is_dir()]):
        wanted = mode if missing == path else 0o755
        try:
            missing.mkdir(mode=wanted)
        except FileExistsError:
            # Another process may have created it just now.
            if not missing.is_dir():
                raise
        else:
            # The umask of the caller must not count: other users have to reach the files in it.
            missing.chmod(wanted)
        sync_directory(missing.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    with _opened(directory, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        os.fsync(descriptor)


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a lock on a directory; raise `BlockingIOError` if another process holds it.

    The lock is on the directory itself, so it works on a read-only file system too; raises `OSError` if that cannot be
    opened. On a file system without locks the block runs without one: that is better than a gateway that does not run.
    """
    with _opened(directory, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            # This file system has no locks.
            pass
        yield


def read_plain(path: Path, max_bytes: int, *, follow: bool = True) -> bytes:
    """Return the first bytes of a plain file; for anything else raise `OSError`, without waiting."""
    with open_plain(path, follow=follow) as file:
        return file.read(max_bytes)


@contextlib.contextmanager
def open_plain(path: Path, *, follow: bool = True) -> Iterator[BufferedReader]:
    """Open a plain file for reading; for anything else raise `OSError`, without waiting."""
    # O_NONBLOCK: a named pipe may never get a writer.
    flags = os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
        require_plain_file(os.fstat(file.fileno()).st_mode)
        yield file


def only_root_can_change(directory: Path) -> bool:
    """Say whether only root can change a directory: root owns each directory from `/` down, and others cannot write.

    The answer stays true, because nobody else can replace one of them, not even in a sticky directory above. For links
    and missing parts use `disk/untrusted_path`.
    """
    try:
        found = [os.lstat(part) for part in (*reversed(directory.parents), directory)]
    except OSError:
        return False
    ours = all(one.st_uid == 0 and stat.S_ISDIR(one.st_mode) for one in found)
    not_writable = all(not one.st_mode & 0o022 or one.st_mode & stat.S_ISVTX for one in found[:-1])
    return ours and not_writable and not found[-1].st_mode & 0o022


def fingerprint(path: Path | str) -> tuple[int, ...] | None:
    """Return values that change when a file or a directory changes, without reading it; `None` if it is missing."""
    try:
        found = os.stat(path)  # noqa: PTH116 - some are paths, some are text
    except OSError:
        return None
    return found.st_mode, found.st_uid, found.st_gid, found.st_size, found.st_mtime_ns, found.st_ino


def require_plain_file(mode: int) -> None:
    """Raise the matching `OSError` if a file is not a plain one."""
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
    """Write every byte: one system call may write only a part."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _read_back(descriptor: int, data: bytes) -> None:
    # The kernel is asked to drop its copy, so that the bytes come from the disk and not from memory.
    with contextlib.suppress(OSError):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    if os.pread(descriptor, len(data) + 1, 0) != data:
        raise OSError(errno.EIO, "the data read back differs from the data written")
