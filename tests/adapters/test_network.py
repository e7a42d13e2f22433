"""The kernel's own news of routes and addresses, in a network namespace of its own."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from support import namespace

SCRIPT = """
import select, subprocess, sys
from iot_onboard.network import open_watch

def ip(*words):
    subprocess.run(["ip", *words], check=True)

def news(watch, seconds=1.0):
    appeared = False
    while select.select([watch], [], [], seconds)[0]:
        appeared = watch.appeared() or appeared
        seconds = 0.2
    return appeared

ip("link", "set", "lo", "up")
ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
for end in ("v0", "v1"):
    # The kernel's own IPv6 addresses would be news at moments of their own.
    ip("link", "set", end, "addrgenmode", "none")
    ip("link", "set", end, "up")
ip("addr", "add", "10.9.8.1/24", "dev", "v0")
watch = open_watch()
news(watch)
found = {}
ip("addr", "add", "10.9.9.1/24", "dev", "v0", "valid_lft", "1000", "preferred_lft", "1000")
found["address"] = news(watch)
ip("addr", "change", "10.9.9.1/24", "dev", "v0", "valid_lft", "2000", "preferred_lft", "2000")
found["refresh"] = news(watch, 0.3)
ip("addr", "change", "10.9.8.1/24", "dev", "v0", "valid_lft", "2000", "preferred_lft", "2000")
found["refresh of what was there before"] = news(watch, 0.3)
ip("route", "add", "default", "via", "10.9.9.2")
found["route"] = news(watch)
ip("route", "del", "default")
found["route gone"] = news(watch, 0.3)
ip("route", "add", "default", "via", "10.9.9.2")
found["route again"] = news(watch)
ip("addr", "add", "127.0.0.9/8", "dev", "lo")
found["loopback"] = news(watch, 0.3)
ip("route", "del", "default")
ip("route", "add", "default", "via", "10.9.9.2")
watch.drain()
found["drained"] = news(watch, 0.3)
print(found)
"""


@pytest.mark.skipif(namespace.why_no_namespace() is not None, reason=str(namespace.why_no_namespace()))
def test_what_appears_is_news_and_a_refresh_is_not() -> None:
    """Addresses and routes that appear or come back are told within a second; refreshes and loopback are not."""
    command = [*namespace.UNSHARE, sys.executable, "-c", SCRIPT]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert ast.literal_eval(told) == {
        "address": True,
        "refresh": False,
        "refresh of what was there before": False,
        "route": True,
        "route gone": False,
        "route again": True,
        "loopback": False,
        "drained": False,
    }
