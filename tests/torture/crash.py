"""Attack 1: the process is killed at every system call, one run a call, and what is left must lead to online."""

from __future__ import annotations

import signal
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from iot_onboard.config.files import load
from iot_onboard.config.problems import ConfigError
from iot_onboard.provisioning.boot_file import TAKEN
from support.gateway.gateway import PRODUCT_KEY, Gateway

from . import hold
from .parts import alone, parts_of, shared
from .tally import Tally, joined
from .world import Seen, World, call, comes_online, command_of, fingerprint, state_of, stored_secrets, world_shape

# More than any run needs; a run that lasts longer is told.
_RUN_S = 90.0
_SPEED = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Hold one thing that a gateway does, to be killed in it."""

    name: str
    prepare: Callable[[World, Gateway], None]
    command: Callable[[Gateway], list[str]]
    given: Callable[[Gateway], Path | None] = lambda _: None
    again: Callable[[Gateway], str] = lambda _: ""
    ends_online: bool = True
    speed: float = 1.0


def _nothing(_: World, __: Gateway) -> None:
    """Start as the gateway is made."""


def _was_reset(world: World, gateway: Gateway) -> None:
    world.store(gateway)
    world.reset(gateway)


def _without_names(gateway: Gateway) -> str:
    """Take names and secret out of the configuration; return the secret."""
    lines = gateway.config.read_text().splitlines()
    gateway.config.write_text("\n".join(line for line in lines if not line.startswith(("product_key", "device_name"))))
    secret = gateway.product_secret.read_text()
    gateway.product_secret.unlink()
    return secret


def _to_set_up(_: World, gateway: Gateway) -> None:
    given = gateway.directory / "given"
    given.write_text(_without_names(gateway))
    given.chmod(0o600)


def _set_up(gateway: Gateway) -> tuple[str, ...]:
    names = ("--product-key", PRODUCT_KEY, "--device-name", gateway.device_name)
    return ("setup", *names, "--product-secret-file", "-", "--no-restart")


def _set_up_again(gateway: Gateway) -> str:
    if wrong := _half(gateway):
        return wrong
    secret = (gateway.directory / "given").read_text()
    done = call(gateway, *_set_up(gateway), given=secret)
    return "" if done.returncode == 0 else f"setup again ends with {done.returncode}: {done.stderr}"


def _half(gateway: Gateway) -> str:
    """Say what is wrong where the configuration has names and no secret, or cannot be read at all."""
    try:
        config = load(gateway.config, names_required=False)
    except ConfigError as error:
        return f"the configuration was left unreadable: {error}"
    if bool(config.product_key) != bool(config.device_name):
        return "one name without the other"
    return "names without a secret" if config.product_key and not gateway.product_secret.exists() else ""


def _boot_file(gateway: Gateway) -> Path:
    return gateway.directory / "boot" / "iot-onboard.yaml"


def _to_import(_: World, gateway: Gateway) -> None:
    secret = _without_names(gateway).strip()
    path = _boot_file(gateway)
    path.parent.mkdir()
    padding = "# " + "x" * 1500 + "\n"
    names = f"product_key: {PRODUCT_KEY}\ndevice_name: {gateway.device_name}\n"
    path.write_text(f"{names}{padding}product_secret: {secret}\n")


def _import(gateway: Gateway) -> list[str]:
    return command_of(gateway, "import-boot-file", "--boot", str(_boot_file(gateway).parent))


def _import_again(gateway: Gateway) -> str:
    if wrong := _half(gateway):
        return wrong
    path = _boot_file(gateway)
    if path.exists() and path.read_bytes().startswith(TAKEN) and not gateway.product_secret.exists():
        return "the boot file was overwritten before its secret was stored"
    done = call(gateway, "import-boot-file", "--boot", str(path.parent))
    if done.returncode:
        return f"the import at the next boot ends with {done.returncode}: {done.stderr}"
    return "the boot file, with its secret, is still there" if path.exists() else ""


FLOWS = {
    flow.name: flow
    for flow in (
        Flow(name="first boot", prepare=_nothing, command=lambda gateway: command_of(gateway, "run")),
        Flow(
            name="registration after a reset",
            prepare=_was_reset,
            command=lambda gateway: command_of(gateway, "run"),
            speed=_SPEED,
        ),
        Flow(
            name="register",
            prepare=_nothing,
            command=lambda gateway: command_of(gateway, "register"),
            ends_online=False,
        ),
        Flow(
            name="setup",
            prepare=_to_set_up,
            command=lambda gateway: command_of(gateway, *_set_up(gateway)),
            given=lambda gateway: gateway.directory / "given",
            again=_set_up_again,
            ends_online=False,
        ),
        Flow(name="import-boot-file", prepare=_to_import, command=_import, again=_import_again, ends_online=False),
    )
}


class Killer:
    """Run one flow again and again, each time killed at another call."""

    def __init__(self, world: World, flow: Flow) -> None:
        self._world = world
        self._flow = flow
        self._unused: Gateway | None = None
        self._known: set[object] = set()
        self.tally = Tally(attack=flow.name)

    @property
    def states(self) -> frozenset[int]:
        """Return a number for each of the different worlds that were started again from."""
        return frozenset(zlib.crc32(repr(shape).encode()) for shape in self._known)

    def count(self) -> int:
        """Run the flow to its end; return how many calls it made."""
        gateway = self._fresh()
        calls, killed = self._run(gateway, None)
        assert not killed, gateway.lines()
        self._world.drop(gateway)
        return calls

    def kill_at(self, number: int) -> None:
        """Kill at one call, and see what becomes of the gateway."""
        gateway = self._unused or self._fresh()
        self._unused = None
        before = fingerprint(gateway, self._world.seen(gateway))
        _, killed = self._run(gateway, number)
        seen = self._world.seen(gateway)
        if killed and fingerprint(gateway, seen) == before:
            # Nothing in the world has changed: the next run starts from what this one would have been started again
            # from, and the count of calls of the undisturbed run shows that this leads to the end.
            self.tally.survive()
            self._unused = gateway
            return
        shape = world_shape(gateway, seen)
        if killed and shape in self._known:
            # But for secrets, times and numbers this is what an earlier run left, and that has come online.
            self.tally.survive()
        elif self._judge(gateway, seen, number):
            self._known.add(shape)
        self._world.drop(gateway)

    def _judge(self, gateway: Gateway, seen: Seen, number: int) -> bool:
        where = f"{self._flow.name}, killed at call {number}"
        secrets = stored_secrets(gateway)
        if seen.activated and self._flow.speed == 1 and seen.secret not in secrets:
            self.tally.fail("lost", f"{where}: the platform has activated a secret that is not on disk")
        elif seen.connects and not secrets:
            self.tally.fail("broken", f"{where}: a login without a stored secret")
        elif wrong := self._flow.again(gateway):
            self.tally.fail("broken", f"{where}: {wrong}")
        elif not comes_online(gateway):
            self.tally.fail("stuck", f"{where}: {gateway.lines()[-600:]}")
        elif self._world.seen(gateway).secret not in stored_secrets(gateway):
            self.tally.fail("lost", f"{where}: online with a secret that is not on disk")
        else:
            self.tally.survive()
            return True
        return False

    def _fresh(self) -> Gateway:
        gateway = self._world.gateway()
        self._flow.prepare(self._world, gateway)
        return gateway

    def _run(self, gateway: Gateway, number: int | None) -> tuple[int, bool]:
        flow = self._flow
        held = hold.start(flow.command(gateway), gateway.environment, gateway.log, flow.given(gateway))
        stopping = False

        def decide(asked: hold.Call) -> hold.Decision:
            return hold.Kill() if asked.number == number else None

        try:
            for _ in range(int(_RUN_S / 0.02)):
                if not held.turn(decide, 0.02):
                    break
                if flow.ends_online and state_of(gateway) == ("online", held.pid) and not stopping:
                    stopping = True
                    held.signal(signal.SIGTERM)
            if not held.killed and held.code != 0:
                raise AssertionError(f"{flow.name} ends with {held.code}: {gateway.lines()[-2000:]}")
            return held.calls, held.killed
        finally:
            held.close()


def run_part(name: str, numbers: list[int], part: int) -> tuple[Tally, frozenset[int]]:
    """Kill at each of some calls; in a process of its own, which has no threads."""
    flow = FLOWS[name]
    with World(speed=flow.speed, name=f"p{part}") as world:
        killer = Killer(world, flow)
        for number in numbers:
            killer.kill_at(number)
        return killer.tally, killer.states


def count_calls(name: str) -> int:
    """Return how many calls a flow makes from its start to its end."""
    flow = FLOWS[name]
    with World(speed=flow.speed, name="count") as world:
        killer = Killer(world, flow)
        # The first run may fill caches of the system; take the longer one.
        return max(killer.count() for _ in range(2))


def spread(total: int, most: int | None) -> list[int]:
    """Return every number up to `total`, or `most` of them, evenly spread."""
    if most is None or most >= total:
        return list(range(1, total + 1))
    return sorted({1 + round(at * (total - 1) / (most - 1)) for at in range(most)})


def attack(names: Iterable[str], jobs: int, most: int | None = None) -> list[Tally]:
    """Kill at every call of each flow, or at `most` calls of it."""
    if (why := hold.why_not()) is not None:
        return [Tally(attack="crash at every system call", notes=[f"not run: {why}"])]
    tallies = []
    for name in names:
        total = alone(count_calls, name)
        numbers = spread(total, most)
        parts = parts_of(numbers, jobs)
        found = shared(jobs, run_part, [(name, part, at) for at, part in enumerate(parts)])
        tally = joined(f"crash: {name}", [part for part, _ in found])
        states = len(frozenset().union(*(states for _, states in found)))
        tally.facts.append(
            f"crash: {name}: {total:,} calls from start to end, killed at {len(numbers):,} of them, "
            f"which left {states} different worlds"
        )
        tallies.append(tally)
    return tallies
