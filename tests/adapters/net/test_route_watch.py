"""The kernel's own news of links, addresses and routes, in a network namespace of its own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from iot_onboard.net.route_watch import MAX_DESTINATIONS, name_servers
from support.machine import namespace

COMMON = """
import select, subprocess, sys, time
from iot_onboard.net.route_watch import open_watch

FAR, NEAR, SIX = "8.1.2.3", "10.9.8.7", "2001:db8:5::1"

def ip(*commands):
    subprocess.run(["ip", "-force", "-batch", "-"], input="\\n".join(commands) + "\\n", text=True, check=True)

def add_pair(name):
    ip(f"link add {name} type veth peer name {name}p")
    for end in (name, f"{name}p"):
        # The kernel's own IPv6 addresses would come at moments of their own.
        ip(f"link set {end} addrgenmode none", f"link set {end} up")

def changed(*commands, seconds=0.3):
    ip(*commands)
    found = False
    while select.select([watch], [], [], seconds)[0]:
        found = watch.look().changed or found
        seconds = 0.2
    return found

ip("link set lo up")
add_pair("v0")
ip("addr add 10.9.8.1/24 dev v0", "route add default via 10.9.8.2")
time.sleep(0.3)
watch = open_watch()
watch.watch_routes_to([FAR, NEAR])
watch.accept_present_routes()
"""
NO_NEWS = """
batch = [f"route {word} 11.{n >> 8}.{n & 255}.0/24 via 10.9.8.3" for word in ("add", "del") for n in range(1000)]
found = {
    "a container": changed(
        "link add w0 type veth peer name w1", "addr add 172.19.0.1/24 dev w0", "link set w0 up", "link set w1 up",
        "addr add fd00::7/64 dev w0", "link del w0"),
    "a bridge": changed(
        "link add br0 type bridge", "addr add 172.17.0.1/16 dev br0", "link set br0 up", "link set br0 down",
        "link del br0"),
    "a default route that is not chosen": changed(
        "link add w0 type veth peer name w1", "addr add 10.8.0.1/24 dev w0", "link set w0 up", "link set w1 up",
        "route add default via 10.8.0.2 metric 900"),
    "its end": changed("link del w0"),
    "a second address": changed("addr add 10.9.8.9/24 dev v0", "addr add 10.9.7.9/24 dev v0"),
    "its end, too": changed("addr del 10.9.8.9/24 dev v0", "addr del 10.9.7.9/24 dev v0"),
    "a lifetime": changed("addr change 10.9.8.1/24 dev v0 valid_lft 2000 preferred_lft 2000"),
    "the same route again": changed("route replace default via 10.9.8.2"),
    "a route to others": changed("route add 8.2.0.0/16 via 10.9.8.3", "route del 8.2.0.0/16 via 10.9.8.3"),
    "thousands of routes": changed(*batch),
    "an address of loopback": changed("addr add 127.0.0.9/8 dev lo"),
    "IPv6, for a platform without": changed("addr add fd00::8/64 dev v0 nodad", "route add default via fd00::1"),
    "a loss": changed("route del default via 10.9.8.2"),
}
print(found)
"""
NEWS = """
found = {
    "again": changed("route del default", "route add default via 10.9.8.2"),
    "a loss": changed("route del default"),
    "a return": changed("route add default via 10.9.8.2"),
    "another gateway": changed("route replace default via 10.9.8.4"),
    "the first one, once more": changed("route replace default via 10.9.8.2"),
    "a tunnel": changed("route add 8.1.0.0/16 via 10.9.8.5"),
    "its end": changed("route del 8.1.0.0/16 via 10.9.8.5"),
    "a rule": changed("route add default via 10.9.8.6 table 100", "rule add from all lookup 100 pref 10"),
    "its end, too": changed("rule del pref 10"),
    "another address": changed(
        "addr flush dev v0", "addr add 10.9.8.33/24 dev v0", "route add default via 10.9.8.2"),
    "the same address again": changed(
        "addr del 10.9.8.33/24 dev v0", "addr add 10.9.8.33/24 dev v0", "route add default via 10.9.8.2"),
    "off and on": changed("link set v0 down", "link set v0 up", "route add default via 10.9.8.2"),
    "a cable that is pulled": changed("link set v0p down"),
    "and plugged": changed("link set v0p up"),
}
watch.watch_routes_to([SIX])
found["IPv6"] = changed("addr add fd00::8/64 dev v0", "route add default via fd00::1", seconds=3.0)
watch.watch_routes_to([])
found["anywhere"] = changed("route del default", "route add default via 10.9.8.2")
watch.watch_routes_to([NEAR])
found["not the way there"] = changed("route del default", "route add default via 10.9.8.2")
ip("route del default", "route add default via 10.9.8.3")
watch.accept_present_routes()
found["settled"] = changed()
print(found)
"""
FLOOD = """
import threading
batch = [f"addr {word} 10.{n >> 8}.{n & 255}.1/24 dev v0" for n in range(2000) for word in ("add", "del")]
flooding = threading.Thread(target=lambda: [ip(*batch) for _ in range(4)])
longest_s, looks, news = 0.0, 0, 0
flooding.start()
while flooding.is_alive():
    began = time.monotonic()
    looks += 1
    news += watch.look().changed
    longest_s = max(longest_s, time.monotonic() - began)
    time.sleep(0.02)
print([longest_s < 0.5, looks > 3, news])
"""
OVERRUN = """
import os, resource
# More than the kernel keeps; in the middle of it the route goes and comes.
come, go = ([f"addr {word} 11.{n >> 8}.{n & 255}.1/24 dev v0" for n in range(3000)] for word in ("add", "del"))
ip(*come, "route del default", *go)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 64))
found = [watch.look()]
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
found.append(watch.look())
ip("route add default via 10.9.8.2")
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 64))
found.append(watch.look())
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
found += [watch.look(), watch.look()]
print([(look.has_messages, look.changed) for look in found])
"""
PACED = """
import subprocess, threading, time
from iot_onboard.net.route_watch import PacedWatch, RouteCheck, RouteWatch
from iot_onboard.service.loop import Loop, Source

PACE_S = 0.6
pace_s, changes, looks = PACE_S, [], []

class Counted(RouteWatch):
    def look(self) -> RouteCheck:
        looks.append(time.monotonic())
        return super().look()

def ip(*commands):
    subprocess.run(["ip", "-force", "-batch", "-"], input="\\n".join(commands) + "\\n", text=True, check=True)

def run(seconds):
    loop = Loop()
    news = PacedWatch(watch, time.monotonic, lambda: pace_s, lambda: changes.append(time.monotonic()))
    loop.add(Source(fileno=news.fileno, on_ready=lambda _: news.on_ready(), due_at=news.due_at, on_due=news.look))
    end = time.monotonic() + seconds
    loop.add(Source(due_at=lambda: end, on_due=loop.end))
    if ticks_s:
        loop.every(lambda: ticks_s, news.tick)
    news.begin()
    news.resume(["8.1.2.3"])
    looks.clear()
    loop.run()

def flap():
    while flapping:
        ip("link add w0 type veth peer name w1", "addr add 172.19.0.1/24 dev w0", "link set w0 up", "link set w1 up")
        time.sleep(0.05)
        ip("link del w0")
        time.sleep(0.05)

ip("link set lo up", "link add v0 type veth peer name v1")
for end in ("v0", "v1"):
    # The kernel's own IPv6 addresses would come at moments of their own.
    ip(f"link set {end} addrgenmode none", f"link set {end} up")
ip("addr add 10.9.8.1/24 dev v0", "route add default via 10.9.8.2")
watch, flapping, ticks_s = Counted(), True, None
time.sleep(1.2)
"""
FLAPPING = """
threading.Thread(target=flap, daemon=True).start()
run(3.0)
gaps_s = [after - before for before, after in zip(looks, looks[1:])]
alone = (3 <= len(looks) <= 6, min(gaps_s) >= 0.9 * PACE_S, changes)
ticks_s = 0.5
run(3.0)
# By the ticks alone, once the first one has come.
looks = looks[2:]
gaps_s = [after - before for before, after in zip(looks, looks[1:])]
print([alone, (2 <= len(looks) <= 5, max(gaps_s) < PACE_S, changes)])
flapping = False
time.sleep(0.3)
"""
ROUTES = """
def later(delay_s, *commands):
    threading.Timer(delay_s, lambda: (done.append(time.monotonic()), ip(*commands))).start()

done = []
later(0.3, "route replace default via 10.9.8.3")
later(0.4, "route replace default via 10.9.8.2")
run(1.5)
first_s, second_s = (at - began for at, began in zip(changes, done))
quiet = (first_s < 0.3, 0.2 < second_s < 0.9)
changes.clear()
pace_s = None
later(0.3, "route del default", "route add default via 10.9.8.2")
run(0.8)
unwatched = (len(looks), len(changes))
# What was told meanwhile is not forgotten at the end of an attempt, whatever came of it, but at its begin.
news = PacedWatch(watch, time.monotonic, lambda: 1.0, lambda: changes.append(0))
news.resume([])
ip("route del default", "route add default via 10.9.8.2")
news.resume([])
ip("route del default", "route add default via 10.9.8.2")
news.begin()
news.resume([])
print([quiet, unwatched, changes])
"""
needs_namespace = pytest.mark.skipif(namespace.why_no_namespace() is not None, reason=str(namespace.why_no_namespace()))


def run(script: str, common: str = COMMON) -> object:
    command = [*namespace.UNSHARE, sys.executable, "-c", common + script]
    return ast.literal_eval(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)


@needs_namespace
def test_what_is_not_the_way_to_the_platform_is_no_news() -> None:
    """Containers, second addresses, tunnels to others, refreshes: they come and go as they please."""
    found = run(NO_NEWS)
    assert isinstance(found, dict)
    assert [name for name, changed in found.items() if changed] == []
    assert len(found) == 13


@needs_namespace
def test_the_way_to_the_platform_is_news() -> None:
    """Another one, and the same one where it was gone meanwhile, be it for a moment; its loss is none."""
    found = run(NEWS)
    assert isinstance(found, dict)
    none = {"a loss", "a cable that is pulled", "not the way there", "settled"}
    assert {name for name, changed in found.items() if not changed} == none


@needs_namespace
def test_news_without_end_keep_no_call() -> None:
    """Addresses that come and go as fast as the kernel takes them: each look returns, and finds nothing."""
    assert run(FLOOD) == [True, True, 0]


@needs_namespace
def test_news_that_the_kernel_dropped_hide_no_route() -> None:
    """What there is now counts; where no descriptor is left to ask with, the next look does."""
    assert run(OVERRUN) == [(True, False), (True, False), (True, False), (True, True), (False, False)]


def test_the_name_servers_of_a_gateway(tmp_path: Path) -> None:
    """Of each file that there is; what else stands there is passed over."""
    file = tmp_path / "resolv.conf"
    file.write_text("# nameserver 1.1.1.1\nsearch lan\nnameserver 10.0.0.1\nnameserver\nnameserver fe80::1%v0\n")
    assert name_servers([str(tmp_path / "none"), str(file)]) == ["10.0.0.1", "fe80::1%v0"]


@needs_namespace
def test_few_addresses_are_asked_for() -> None:
    """A name server may give thousands; what is no address is passed over."""
    many = 'watch.watch_routes_to(["x", "", *(f"10.9.8.{n}" for n in range(200))]); print(len(watch._routes))'
    assert run(many) == MAX_DESTINATIONS


@needs_namespace
@pytest.mark.realtime
def test_an_interface_that_comes_and_goes_costs_a_look_in_each_pace() -> None:
    """And where something else wakes the process before, that is when it looks: no wake-up is its own."""
    assert run(FLAPPING, PACED) == [(True, True, []), (True, True, [])]


@needs_namespace
@pytest.mark.realtime
def test_a_quiet_kernel_is_heard_at_once() -> None:
    """The second message comes after the pace; while nothing is waited for, nothing is looked at."""
    assert run(ROUTES, PACED) == [(True, True), (0, 0), [0, 0]]
