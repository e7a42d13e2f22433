"""Write the result of a command to a file or to standard output."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from pathlib import Path

from .files import require_plain_file


def write_output(path: Path, data: bytes, mode: int) -> None:
    """Replace a file, or write to standard output if `path` names it; raise `OSError`.

    A temporary file with a random name is written and renamed: a link at `path` is replaced, not followed. Anything
    that is neither a link nor a plain file is not opened, and stays.
    """
    if is_standard_output(path):
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    # Another directory may get this name meanwhile: all calls use the directory that was opened.
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _refuse_other(path.name, directory)
        _replace(path.name, data, mode, directory)
    finally:
        os.close(directory)


def is_standard_output(path: Path) -> bool:
    """Say whether a name stands for standard output."""
    return str(path) in {"-", "/dev/stdout"}


def _refuse_other(name: str, directory: int) -> None:
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISLNK(found.st_mode):
        require_plain_file(found.st_mode)
    elif os.readlink(name, dir_fd=directory).startswith("/proc/"):
        # For example /dev/stderr: the system needs it.
        raise OSError(errno.EINVAL, "a link into /proc")


def _replace(name: str, data: bytes, mode: int, directory: int) -> None:
    temp = f".{os.urandom(8).hex()}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temp, flags, mode, dir_fd=directory)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.rename(temp, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temp, dir_fd=directory)
        raise
