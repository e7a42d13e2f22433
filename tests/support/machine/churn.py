"""Interfaces that come and go each second: those of a container that crash-loops, and the gateway's own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

CONTAINER = """
while ip link show lo >/dev/null; do
    ip link add w0 type veth peer name w1
    echo 0 >/proc/sys/net/ipv6/conf/w0/disable_ipv6
    ip addr add 172.19.0.1/24 dev w0
    ip addr add fd00:19::1/64 dev w0
    ip link set w0 up
    ip link set w1 up
    sleep 0.5
    ip link del w0
    sleep 0.5
done
"""
UPLINK = """
while ip link show lo >/dev/null; do
    ip link set v0 down
    sleep 0.5
    ip link set v0 up
    sleep 0.5
done
"""


@contextmanager
def churning(pid: int, loop: str = CONTAINER) -> Iterator[None]:
    """Have it so in the network of a process."""
    users = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
    command = ["nsenter", "--target", str(pid), "--net", *users, "sh", "-c", loop]
    with subprocess.Popen(command, start_new_session=True) as running:
        try:
            yield
            assert running.poll() is None, "it has ended"
        finally:
            os.killpg(running.pid, signal.SIGKILL)
