"""Read plain files alone: a named pipe, a device or an endless file in their place must hold nobody up."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


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
