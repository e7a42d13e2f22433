"""A lock that only the owner of a directory can take: a file of its own, mode 0600."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from ..core.peer_text import printable

_POLL_S = 0.1
# `struct flock` of fcntl(2): type, whence, start, length, pid.
_FLOCK = "hhqqi"
# Nothing can be written there, or the file system has no locks.
_NO_LOCKS = {errno.EROFS, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


class Held(Exception):
    """Say who holds the lock: the number and the command of a process, if this user may see them."""


@contextlib.contextmanager
def lock_file(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold a lock; raise `Held` if another process holds it for longer than `timeout_s`, or `OSError`.

    A lock on the directory itself could be taken by everybody who may read it. The file is removed with the lock. On a
    read-only file system, and on one without locks, the block runs without a lock.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.callback(os.close, _acquire(path, time.monotonic() + timeout_s))
            # Removed while it is locked: a process that waits with the old file open sees that it is gone, and creates
            # a new one.
            stack.callback(path.unlink, missing_ok=True)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        yield


def _acquire(path: Path, until_s: float) -> int:
    """Return the descriptor of the locked file."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):
                return descriptor
        except (BlockingIOError, PermissionError):
            if time.monotonic() >= until_s:
                holder = _holder(descriptor)
                os.close(descriptor)
                raise Held(holder) from None
            time.sleep(_POLL_S)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _holder(descriptor: int) -> str:
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))[4]
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").strip()
    except OSError:
        words = b""
    # A command line may contain any bytes, and this goes to a terminal.
    shown = printable(words)
    return f"process {pid}" + (f" ({shown})" if shown else "")
