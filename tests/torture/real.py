"""Attacks 7 to 9 on real processes: a bad five minutes, a site that restarts at once, and a search for the secrets."""

from __future__ import annotations

import base64
import contextlib
import os
import random
import re
import signal
import tarfile
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from iot_onboard.core import backoff
from support.gateway.gateway import PRODUCT_KEY, Gateway
from support.platform.sandbox import wait_for
from support.tree import ROOT

from .parts import shared
from .tally import Tally, joined
from .world import World, call, start, state_of, stored_secrets

_SPEED = 40.0
# Something breaks every two minutes or so, of the daemon's time: most sessions last long enough to count as good ones.
_BREAKS = 0.3
_MAX_GROWTH = 1.05
_MAX_MORE_FILES = 2
_MAX_LINES_AN_HOUR = 160
# What is late on the way to the platform is later by as much as clocks are faster.
_BUDGET_WINDOW_S = backoff.BUDGET_WINDOW_S - 4.0


class Sample(NamedTuple):
    """Hold what is seen of the daemon at one moment of its own, faster time."""

    at_s: float
    connects: int
    lines: int
    pss_kb: int
    files: int


def soaks(count: int, seconds: float, seed: int) -> Tally:
    """Let daemons live side by side, each with a platform and bad luck of its own."""
    lives = [(seconds, seed + at) for at in range(count)]
    return joined("soak, real daemons", shared(count, soak, lives))


def soak(seconds: float, seed: int) -> Tally:
    """Break something again and again; see that nothing grows or is overdone, and that it comes back at the end."""
    tally, chance = Tally(attack="soak, a real daemon"), random.Random(seed)
    with World(speed=_SPEED, name=f"soak{seed}") as world:
        gateway = world.gateway()
        process = start(gateway)
        samples: list[Sample] = []
        try:
            wait_for(lambda: state_of(gateway)[0] == "online", "online", 60)
            begins = time.monotonic()
            while (age_s := time.monotonic() - begins) < seconds:
                if chance.random() < _BREAKS:
                    _break_something(world, gateway, chance)
                time.sleep(1.0)
                assert process.poll() is None, gateway.lines()[-2000:]
                samples.append(_sample(world, gateway, process.pid, age_s * _SPEED))
            world.devices.set_fault("answer", "normal", 0)
            world.devices.set_fault("throttle", "", 0)
            online = _until(lambda: state_of(gateway) == ("online", process.pid), 4000 / _SPEED)
        finally:
            process.kill()
            process.wait()
        if not online:
            tally.fail("stuck", gateway.lines()[-900:])
        _judge(tally, samples)
    return tally


def _sample(world: World, gateway: Gateway, pid: int, at_s: float) -> Sample:
    files = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - a count
    lines = gateway.log.read_bytes().count(b"\n")
    return Sample(at_s, world.seen(gateway).connects, lines, _pss_kb(pid), files)


def _judge(tally: Tally, samples: list[Sample]) -> None:
    # The first third fills pools and caches.
    settled = samples[len(samples) // 3 :]
    early, late = settled[: len(settled) // 4], settled[-len(settled) // 4 :]
    before_kb, after_kb = (sum(sample.pss_kb for sample in part) / len(part) for part in (early, late))
    before_files, after_files = max(sample.files for sample in early), max(sample.files for sample in late)
    connects = _max_within(_BUDGET_WINDOW_S, [(sample.at_s, sample.connects) for sample in samples])
    lines = _max_within(3600.0, [(sample.at_s, sample.lines) for sample in samples])
    tally.check(after_kb <= before_kb * _MAX_GROWTH, f"PSS grew from {before_kb:.0f} to {after_kb:.0f} kB")
    tally.check(after_files <= before_files + _MAX_MORE_FILES, f"{before_files} open files became {after_files}")
    tally.check(connects <= backoff.BUDGET_CONNECTS, f"{connects} logins within {_BUDGET_WINDOW_S:.0f} s")
    tally.check(lines <= _MAX_LINES_AN_HOUR, f"{lines} lines within an hour")
    tally.facts.append(
        f"soak: {samples[-1].at_s / 3600:.1f} hours, clocks {_SPEED:.0f} times as fast, {samples[-1].connects} logins, "
        f"{connects} a minute at most, PSS {before_kb:.0f} then {after_kb:.0f} kB, {before_files} then {after_files} "
        f"files open, {lines} lines an hour at most"
    )


def _max_within(window_s: float, counts: list[tuple[float, int]]) -> int:
    """Return by how much a counter grew at the most between two looks that are no further apart."""
    first, most = 0, 0
    for at_s, count in counts:
        while at_s - counts[first][0] > window_s:
            first += 1
        most = max(most, count - counts[first][1])
    return most


def _break_something(world: World, gateway: Gateway, chance: random.Random) -> None:
    # A reset is rare: by the design a gateway that is refused again and again asks for a new secret ever more seldom.
    match chance.choices(("kick", "mqtt", "https", "throttle", "answer", "reset"), (60, 15, 10, 7, 7, 1))[0]:
        case "kick":
            world.devices.order_kick(PRODUCT_KEY, gateway.device_name)
        case "mqtt" | "https" as leg:
            world.devices.set_fault(f"outage-{leg}", "on", chance.uniform(1.0, 40.0))
        case "throttle":
            world.devices.set_fault("throttle", chance.choice(["", "1", "30"]), chance.uniform(1.0, 60.0))
        case "reset":
            world.reset(gateway)
            world.devices.order_kick(PRODUCT_KEY, gateway.device_name)
        case "answer":
            kind = chance.choice(["code:500", "code:429", "not-json", "no-data", "http-500", "cut-off"])
            world.devices.set_fault("answer", kind, chance.uniform(1.0, 60.0))


def _pss_kb(pid: int) -> int:
    found = re.search(r"^Pss: +(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def _until(done: object, seconds: float) -> bool:
    assert callable(done)
    with contextlib.suppress(AssertionError):
        wait_for(done, "it", seconds)
        return True
    return False


def site(count: int) -> Tally:
    """Restart many real daemons at once; all come online, none logs in more than five times a minute."""
    tally = Tally(attack="a site restarts at once")
    with World(name="site") as world:
        gateways = [world.gateway() for _ in range(count)]
        for gateway in gateways:
            world.store(gateway)
        begins = time.monotonic()
        processes = [start(gateway) for gateway in gateways]
        try:
            waiting = dict(zip(gateways, processes, strict=True))
            while waiting and time.monotonic() - begins < 300:
                for gateway in [g for g, process in waiting.items() if state_of(g) == ("online", process.pid)]:
                    del waiting[gateway]
                time.sleep(0.05)
            duration_s = time.monotonic() - begins
            pss_kb = sum(_pss_kb(process.pid) for process in processes) / count
        finally:
            for process in processes:
                process.kill()
                process.wait()
        logins = 0
        for gateway in gateways:
            logins += world.seen(gateway).connects
            if gateway in waiting:
                tally.fail("stuck", gateway.lines()[-300:])
            else:
                tally.check(world.seen(gateway).connects <= 5, f"{world.seen(gateway).connects} logins")
        tally.facts.append(
            f"site: {count} daemons online after {duration_s:.0f} s, {logins} logins, {pss_kb:.0f} kB each"
        )
    return tally


def forms(secret: str) -> list[bytes]:
    """Return a secret as it might stand somewhere: plain, in hexadecimal, in base64 at each alignment, in a URL."""
    raw = secret.encode()
    found = [raw, raw.hex().encode(), raw.hex().upper().encode(), quote(secret, safe="").encode()]
    for shift in range(3):
        # What the neighbours cannot change: whole groups of three bytes.
        inner = raw[(3 - shift) % 3 :]
        inner = inner[: len(inner) // 3 * 3]
        found += [base64.b64encode(inner), base64.urlsafe_b64encode(inner)]
    return found


def secrets() -> Tally:
    """Run the main flows at the most talkative level, and look for the secrets wherever they must not be."""
    tally = Tally(attack="a search for the secrets")
    with World(name="look", speed=10.0) as world:
        gateway = world.gateway("log_level: debug\n")
        left_behind = gateway.directory / "tmp"
        left_behind.mkdir()
        gateway.environment["TMPDIR"] = str(left_behind)
        known = {"the product secret": gateway.product_secret.read_text().strip()}
        registered = call(gateway, "register")
        for number, secret in enumerate(stored_secrets(gateway)):
            known[f"device secret {number}"] = secret
        process = start(gateway)
        try:
            wait_for(lambda: state_of(gateway)[0] == "online", "online", 60)
            world.reset(gateway)
            world.devices.order_kick(PRODUCT_KEY, gateway.device_name)
            before = stored_secrets(gateway)
            wait_for(lambda: stored_secrets(gateway) != before, "another secret", 120)
            wait_for(lambda: state_of(gateway)[0] == "online", "online again", 60)
            known |= {f"device secret {secret[:2]}": secret for secret in stored_secrets(gateway)}
            places = _places(gateway, process.pid)
            outside, heap = _memory(process.pid, list(known.values()))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)
        places["register, what it said"] = (registered.stdout + registered.stderr).encode()
        # The doctor's time limits are those of a real clock.
        gateway.environment = {name: value for name, value in gateway.environment.items() if "FAKETIME" not in name}
        bundle = gateway.directory / "bundle.tar.gz"
        for command in ("status", "doctor", "check-config", f"bundle --output {bundle}"):
            said = call(gateway, *command.split())
            places[f"{command.split()[0]}, what it said"] = (said.stdout + said.stderr).encode()
        places |= _members(bundle)
        places |= {f"tmp/{path.name}": path.read_bytes() for path in left_behind.rglob("*") if path.is_file()}
        places["journal"] = gateway.lines().encode()
        for where, content in places.items():
            found = [name for name, secret in known.items() if any(form in content for form in forms(secret))]
            tally.check(not found, f"{where} holds {', '.join(found)}")
        tally.check(not outside, f"in memory that is no heap: {', '.join(outside)}")
        tally.check(_dumps_no_core(), "the unit lets a core be dumped")
        tally.facts.append(
            f"secrets: {len(known)} in {len(forms('x'))} forms, in {len(places)} places; {heap} times in a heap"
        )
    return tally


def _places(gateway: Gateway, pid: int) -> dict[str, bytes]:
    """Return what others may read, or what may be left behind."""
    places = {}
    for path in sorted(gateway.runtime_dir.iterdir()):
        places[f"run/{path.name}"] = path.read_bytes()
    allowed = {gateway.credentials.name, f"{gateway.credentials.name}.1"}
    for path in sorted(gateway.state_dir.rglob("*")):
        if path.is_file() and path.name not in allowed:
            places[f"state/{path.name}"] = path.read_bytes()
    for name in ("cmdline", "environ", "comm"):
        places[f"/proc/PID/{name}"] = Path(f"/proc/{pid}/{name}").read_bytes()
    places["config.yaml"] = gateway.config.read_bytes()
    return places


def _members(bundle: Path) -> dict[str, bytes]:
    with tarfile.open(bundle) as archive:
        found = {member.name: archive.extractfile(member) for member in archive.getmembers() if member.isfile()}
        return {f"bundle/{Path(name).name}": file.read() for name, file in found.items() if file is not None}


def _memory(pid: int, known: list[str]) -> tuple[list[str], int]:
    """Look through all that a core dump would hold; return where a secret is outside heaps and stacks."""
    outside, heap = [], 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, _, _, _, *name = line.split(maxsplit=5)
            if "r" not in rights or (name and name[0] in {"[vvar]", "[vvar_vclock]", "[vsyscall]"}):
                continue
            first, last = (int(number, 16) for number in span.split("-"))
            with contextlib.suppress(OSError, ValueError):
                memory.seek(first)
                content = memory.read(last - first)
                hits = sum(content.count(secret.encode()) for secret in known)
                heap += hits
                if hits and name and not name[0].startswith(("[heap]", "[stack", "[anon")):
                    outside.append(name[0])
    return outside, heap


def _dumps_no_core() -> bool:
    unit = ROOT / "systemd" / "iot-onboard.service"
    return "LimitCORE=0" in unit.read_text().splitlines()
