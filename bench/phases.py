"""The measurements. Contenders take turns, or run at the same time: what else the machine does falls on all alike."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack

from support.platform.sandbox import wait_for

from . import proc
from .contenders import Contender, Device
from .figures import Figures
from .running import Running
from .world import CLOUD, FAR, PRODUCT_KEY, PROXY_RTT_S, World

ONLINE = b"nline"  # the daemon says it with a capital letter
LOST = {"daemon": b"onnection lost", "bare": b"lost", "vendor": b"lost"}
_PATIENCE_S = 90.0
_SHORT_KEEPALIVE_S = 30
# As long as a switch takes to come back, and long enough for every back-off to grow.
_OUTAGE_S = 45.0
_MINUTE_S = 60.0


def starts(world: World, contenders: Sequence[Contender], figures: Figures, repetitions: int) -> None:
    """From the start to CONNACK, with the secret on disk; the processor's time is of the whole life until then."""
    for _ in range(repetitions):
        for contender in contenders:
            with contender.start(Device(world)) as running:
                figures.add("start_s", contender.name, running.wait_for(ONLINE, _PATIENCE_S))
                figures.add("start_cpu_s", contender.name, running.kill().cpu_s)


def first_boots(world: World, contenders: Sequence[Contender], figures: Figures, repetitions: int) -> None:
    """From the start to CONNACK, registration included; then the same with round trips of 300 ms, as their count."""
    registering = [contender for contender in contenders if contender.registers]
    direct_s: dict[str, float] = {}
    for row, address in (("first_boot_s", CLOUD), ("first_boot_trips", FAR)):
        world.lead_to(address)
        for _ in range(repetitions):
            for contender in registering:
                with contender.start(Device(world, secret=False)) as running:
                    duration_s = running.wait_for(ONLINE, _PATIENCE_S)
                if address == CLOUD:
                    figures.add(row, contender.name, duration_s)
                    direct_s[contender.name] = min(duration_s, direct_s.get(contender.name, duration_s))
                else:
                    figures.add(row, contender.name, (duration_s - direct_s[contender.name]) / PROXY_RTT_S)
    world.lead_to(CLOUD)


def idle(world: World, contenders: Sequence[Contender], figures: Figures, window_s: float) -> None:
    """Online and idle, all at the same time: memory, wake-ups, processor, bytes on the wire and to the disk."""
    with ExitStack() as stack:
        running = _all_online(world, contenders, stack)
        # What follows a login has an end: the report, its acknowledgement, the last file.
        time.sleep(5.0)
        before = {name: proc.counts(one.pid) for name, one in running.items()}
        time.sleep(window_s)
        minutes = window_s / 60
        for name, one in running.items():
            after, first = proc.counts(one.pid), before[name]
            figures.add("pss_kb", name, proc.pss_kb(one.pid))
            figures.add("private_kb", name, proc.private_kb(one.pid))
            figures.add("threads", name, proc.threads(one.pid))
            figures.add("open_files", name, proc.open_files(one.pid))
            figures.add("wakeups_minute", name, (after.wakeups - first.wakeups) / minutes)
            figures.add("cpu_ms_minute", name, (after.cpu_s - first.cpu_s) * 1000 / minutes)
            figures.add("wire_bytes_hour", name, (after.wire_bytes - first.wire_bytes) * 60 / minutes)
            figures.add("written_bytes_hour", name, (after.written_bytes - first.written_bytes) * 60 / minutes)


def stops(world: World, contenders: Sequence[Contender], figures: Figures, repetitions: int) -> None:
    """From SIGTERM to the end of the process: online, and the daemon also where it waits and where it is blocked."""
    daemon = next(contender for contender in contenders if contender.name == "daemon")
    for _ in range(repetitions):
        for contender in contenders:
            with contender.start(Device(world)) as running:
                running.wait_for(ONLINE, _PATIENCE_S)
                figures.add("stop_online_s", contender.name, running.end(signal.SIGTERM).wall_s)
        blocked = Device(world, secret=False)
        world.devices.change(PRODUCT_KEY, blocked.name, activated=1)
        for row, device, word in (
            ("stop_blocked_s", blocked, b"6289"),
            ("stop_waiting_s", Device(world), b"Next try"),
        ):
            world.plug(row == "stop_blocked_s")
            with daemon.start(device) as running:
                running.wait_for(word, _PATIENCE_S)
                figures.add(row, "daemon", running.end(signal.SIGTERM).wall_s)
        world.plug(True)


def refused(world: World, contenders: Sequence[Contender], figures: Figures) -> None:
    """Count the logins of the first minute at a broker that refuses them."""
    with ExitStack() as stack:
        devices = {contender.name: Device(world) for contender in contenders}
        for device in devices.values():
            world.devices.change(PRODUCT_KEY, device.name, enabled=0)
        for contender in contenders:
            stack.enter_context(contender.start(devices[contender.name]))
        time.sleep(_MINUTE_S)
        for name, device in devices.items():
            figures.add("refused_attempts", name, len(world.connects(device.name)))


def dead_links(world: World, contenders: Sequence[Contender], figures: Figures) -> None:
    """Time how long a peer that is gone without a word stays unnoticed, in keep-alives."""
    with ExitStack() as stack:
        running = _all_online(world, contenders, stack, _SHORT_KEEPALIVE_S)
        world.vanish(True)
        gone = time.monotonic()
        waiting = dict(running)
        while waiting and time.monotonic() - gone < 5 * _SHORT_KEEPALIVE_S:
            for name, one in list(waiting.items()):
                if one.heard(LOST[name], 0.05):
                    figures.add("dead_link_keepalives", name, (time.monotonic() - gone) / _SHORT_KEEPALIVE_S)
                    del waiting[name]
        world.vanish(False)


def routes_back(world: World, contenders: Sequence[Contender], figures: Figures, repetitions: int) -> None:
    """From the cable back in its place to the next CONNECT, after an outage that ended every connection."""
    for _ in range(repetitions):
        with ExitStack() as stack:
            devices = {contender.name: Device(world) for contender in contenders}
            running = _all_online(world, contenders, stack, devices=devices)
            world.sandbox.stop()
            world.plug(False)
            for name, one in running.items():
                one.wait_for(LOST[name], _PATIENCE_S)
            time.sleep(_OUTAGE_S)
            world.sandbox.start()
            before = {name: len(world.connects(device.name)) for name, device in devices.items()}
            world.plug(True)
            back, back_wall = time.monotonic(), time.time()
            waiting = set(devices)
            while waiting and time.monotonic() - back < 2 * _PATIENCE_S:
                for name in list(waiting):
                    if len(rows := world.connects(devices[name].name)) > before[name]:
                        figures.add("route_back_s", name, rows[before[name]]["at"] - back_wall)
                        waiting.discard(name)
                time.sleep(0.05)


def _all_online(
    world: World,
    contenders: Sequence[Contender],
    stack: ExitStack,
    keepalive_s: int | None = None,
    devices: dict[str, Device] | None = None,
) -> dict[str, Running]:
    devices = devices or {contender.name: Device(world) for contender in contenders}
    options = () if keepalive_s is None else (keepalive_s,)
    running = {
        contender.name: stack.enter_context(contender.start(devices[contender.name], *options))
        for contender in contenders
    }
    for one in running.values():
        one.wait_for(ONLINE, _PATIENCE_S)
    wait_for(lambda: all(world.connects(device.name) for device in devices.values()), "the logins")
    return running
