"""End a name look-up that a name server holds: glibc waits without a limit for what it asks over TCP."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import threading

_PORT = 53
# The resolver tries one server after the other, for each kind of address: each of its connections has to be ended.
_EVERY_S = 0.5
_LONGEST_S = 60.0


def end(thread: threading.Thread) -> None:
    """Shut down the connections to name servers of this process until a look-up's thread has ended, for a minute."""
    for _ in range(int(_LONGEST_S / _EVERY_S)):
        for descriptor in _descriptors():
            _shut_down(descriptor)
        thread.join(_EVERY_S)
        if not thread.is_alive():
            return


def _descriptors() -> list[int]:
    return [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 - names are wanted


def _shut_down(descriptor: int) -> None:
    """Shut a descriptor down if it is a connection to a name server; it stays open, for it is not ours."""
    # It may be gone meanwhile, or not connected.
    with contextlib.suppress(OSError):
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return
        with socket.socket(fileno=os.dup(descriptor)) as same:
            inet = same.family in {socket.AF_INET, socket.AF_INET6}
            if inet and same.type == socket.SOCK_STREAM and same.getpeername()[1] == _PORT:
                same.shutdown(socket.SHUT_RDWR)
