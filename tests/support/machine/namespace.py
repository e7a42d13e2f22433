"""A network of one's own: loopback, a hosts file, and at will a name server that knows nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from support.tree import TESTS

_NAMESERVER = TESTS / "support" / "platform" / "fakedns.py"
UNSHARE = ("unshare", "-nm") if os.geteuid() == 0 else ("unshare", "-rnm")
_SETUP = """
set -e
ip link set lo up
cd "$1"
for name in hosts resolv.conf nsswitch.conf; do mount --bind "$name" "/etc/$name"; done
if [ -n "$2" ]; then
    setpriv --pdeathsig KILL "$3" "$2" &
    until [ -e ready ]; do sleep 0.02; done
fi
cd - >/dev/null
shift 3
exec "$@"
"""
_CABLE = """
set -e
# The kernel's own IPv6 addresses would be news at moments of their own.
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
ip link add v0 type veth peer name v1
PYTHONPATH=$2:$PYTHONPATH TMPDIR=$1 setpriv --pdeathsig KILL unshare -n "$3" -m support.platform.peer "$1" &
echo $! >"$1/peer.pid"
until ip link set v1 netns $! 2>/dev/null && ! ip link show v1 >/dev/null 2>&1; do sleep 0.02; done
ip link set v0 up
ip addr add 10.9.9.1/24 dev v0
until [ -e "$1/ready" ]; do sleep 0.02; done
shift 3
exec "$@"
"""


@cache
def why_no_namespace() -> str | None:
    """Say why there can be no namespace here, or None."""
    done = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else None


def network(directory: Path, hosts: str = "", *, nameserver: bool = False) -> list[str]:
    """Return the command that runs another one in a network where `hosts` are the only names.

    Whatever else is asked for: with the name server there is no such name, without it nobody answers.
    """
    directory.mkdir()
    (directory / "hosts").write_text(f"127.0.0.1 localhost\n{hosts}")
    (directory / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    (directory / "nsswitch.conf").write_text("hosts: files dns\n")
    program = str(_NAMESERVER) if nameserver else ""
    return [*UNSHARE, "sh", "-c", _SETUP, "sh", str(directory), program, sys.executable]


class Cable:
    """Two networks, a cable between them, and `support.platform.peer` at the far end, on 10.9.9.2."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        self.ca_file = directory / "ca.pem"
        self.asked = directory / "asked"
        tests = str(TESTS)
        self.prefix = [*UNSHARE, "sh", "-c", _CABLE, "sh", str(directory), tests, sys.executable]

    def vanish(self) -> None:
        """Take the peer away: no FIN, no RST, no acknowledgement, and the cable stays in."""
        shell(self._peer, "ip addr flush dev v1")

    def come_back(self) -> None:
        """Let it answer again."""
        shell(self._peer, "ip addr add 10.9.9.2/24 dev v1")

    @property
    def _peer(self) -> int:
        return int((self._directory / "peer.pid").read_text())


def shell(pid: int, script: str) -> None:
    """Run a script in the network of another process."""
    users = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
    subprocess.run(["nsenter", "--target", str(pid), "--net", *users, "sh", "-ec", script], check=True)
