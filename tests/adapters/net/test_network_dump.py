"""All addresses and routes of the kernel, in a network namespace of its own."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from support.machine import namespace

SCRIPT = """
import subprocess
from iot_onboard.net.network_dump import snapshot
for words in (
    "link set lo up", "link add v0 type veth peer name v1", "addr add 10.9.8.1/24 dev v0", "link set v0 up",
    "route add default via 10.9.8.2",
):
    subprocess.run(["ip", *words.split()], check=True)
print([(key[0], key[1], key[2]) for key in snapshot() if key[1] == 2])
"""


@pytest.mark.skipif(namespace.why_no_namespace() is not None, reason=str(namespace.why_no_namespace()))
def test_addresses_and_routes_are_told() -> None:
    """An address, the route of its prefix, and the default route; nothing of loopback."""
    command = [*namespace.UNSHARE, sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert sorted(ast.literal_eval(done.stdout)) == [("address", 2, 24), ("route", 2, 0), ("route", 2, 24)]
