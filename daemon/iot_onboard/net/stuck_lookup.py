"""End a name look-up that hangs: over TCP, glibc waits without a time limit for a name server."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import threading

_PORT = 53
# The resolver tries each server for each address family: each of these connections has to be ended.
_EVERY_S = 0.5
_LONGEST_S = 60.0


def end(thread: threading.Thread) -> None:
    """Shut down this process's connections to name servers until the look-up's thread has ended, at most a minute."""
    for _ in range(int(_LONGEST_S / _EVERY_S)):
        for descriptor in _descriptors():
            _shut_down(descriptor)
        thread.join(_EVERY_S)
        if not thread.is_alive():
            return


def _descriptors() -> list[int]:
    return [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 - names are wanted


def _shut_down(descriptor: int) -> None:
    """Shut down a descriptor if it is a connection to a name server; do not close it, because glibc owns it."""
    # It may be closed already, or not connected.
    with contextlib.suppress(OSError):
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return
        with socket.socket(fileno=os.dup(descriptor)) as same:
            inet = same.family in {socket.AF_INET, socket.AF_INET6}
            if inet and same.type == socket.SOCK_STREAM and same.getpeername()[1] == _PORT:
                same.shutdown(socket.SHUT_RDWR)
