"""Notice when a route or an address appears, by the kernel's own word."""

from __future__ import annotations

import contextlib
import errno
import socket
import time

from . import rtnetlink as netlink

_DUMP_TIMEOUT_S = 1.0
# What one call reads, more than the kernel keeps: routes that come and go without end must not keep the loop.
_MAX_READS = 512


class NetworkWatch:
    """Listen to rtnetlink, and remember what is known, so that a refresh is not news."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        self._socket.bind((0, netlink.GROUPS))
        # Only now: what changes meanwhile is told as well.
        self._known = snapshot()

    def fileno(self) -> int:
        """Return the descriptor that is readable when the kernel has news."""
        return self._socket.fileno()

    def appeared(self) -> bool:
        """Read what waits, within a bound, and say whether a route or address appeared that was not known.

        Where the bound is reached the descriptor stays readable.
        """
        appeared = overrun = False
        for _ in range(_MAX_READS):
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                return appeared
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    return appeared
                # The kernel dropped news: look at everything afresh, or where that fails too go on with what is known.
                if not overrun:
                    with contextlib.suppress(OSError):
                        self._known = snapshot()
                appeared = overrun = True
                continue
            for change in netlink.changes(data):
                if not change.added:
                    self._known.discard(change.key)
                elif change.key not in self._known:
                    self._known.add(change.key)
                    appeared = True
        return appeared

    def drain(self) -> None:
        """Read and forget what waits, within the same bound: an attempt that starts now sees it anyway."""
        self.appeared()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


def open_watch() -> NetworkWatch | None:
    """Return a watch, or `None` where the kernel or a sandbox has no netlink: back-off alone retries then."""
    try:
        return NetworkWatch()
    except OSError:
        return None


def snapshot() -> set[netlink.Key]:
    """Return the addresses and routes that the kernel has now, loopback's left out."""
    known: set[netlink.Key] = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as asking:
        deadline = time.monotonic() + _DUMP_TIMEOUT_S
        for sequence, kind in enumerate((netlink.RTM_GETADDR, netlink.RTM_GETROUTE), start=1):
            asking.send(netlink.dump_request(kind, sequence))
            while (left_s := deadline - time.monotonic()) > 0:
                asking.settimeout(left_s)
                data = asking.recv(65536)
                known.update(change.key for change in netlink.changes(data) if change.added)
                if netlink.ends_dump(data):
                    break
    return known
