"""Ask the kernel for all addresses and routes: for the doctor, not for the daemon."""

from __future__ import annotations

import socket
import time

from . import rtnetlink as netlink

_DUMP_TIMEOUT_S = 1.0


def snapshot() -> set[netlink.Key]:
    """Return the addresses and routes that the kernel has now, without those of loopback."""
    known: set[netlink.Key] = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as asking:
        deadline = time.monotonic() + _DUMP_TIMEOUT_S
        for sequence, kind in enumerate((netlink.RTM_GETADDR, netlink.RTM_GETROUTE), start=1):
            asking.send(netlink.dump_request(kind, sequence))
            while (left_s := deadline - time.monotonic()) > 0:
                asking.settimeout(left_s)
                data = asking.recv(65536)
                known.update(netlink.keys(data))
                if netlink.ends_dump(data):
                    break
    return known
