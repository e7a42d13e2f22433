"""Read and write small files: a power cut leaves the old one or the new one, and only plain files are read."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path


def write_durably(path: Path, data: bytes, mode: int, group: int | None = None) -> None:
    """Write beside, sync, read back, rename over `path`, and sync the directory; raise `OSError`."""
    temp = path.with_name(f".{path.name}.new")
    temp.unlink(missing_ok=True)
    descriptor = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb", buffering=0) as file:
            write_all(file.fileno(), data)
            if group is not None:
                os.fchown(descriptor, -1, group)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        if temp.read_bytes() != data:
            raise OSError(errno.EIO, "what was written reads back different")
        temp.rename(path)
    except OSError:
        with contextlib.suppress(OSError):
            temp.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte: one call may take a part only."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def make_directory(path: Path) -> None:
    """Make a directory that everybody may look into, and those above it."""
    for missing in reversed([above for above in (path, *path.parents) if not above.is_dir()]):
        missing.mkdir(mode=0o755, exist_ok=True)
        sync_directory(missing.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_plain(path: Path, most_bytes: int, *, follow: bool = True) -> bytes:
    """Return the first bytes of a plain file; raise `OSError` for anything else, at once."""
    # Not blocking: nobody may ever write to a named pipe.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
        refuse_other(os.fstat(file.fileno()).st_mode)
        return file.read(most_bytes)


def refuse_other(mode: int) -> None:
    """Raise the `OSError` that says what a file is, where it is not a plain one."""
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file")
