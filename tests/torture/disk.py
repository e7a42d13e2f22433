"""Attack 2: file calls that fail, once or for a while; the daemon says why, keeps its promises, and heals."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support.gateway.clocks import quick_clock
from support.gateway.gateway import Gateway

from . import hold
from .crash import spread
from .parts import alone, parts_of, shared
from .tally import Tally, joined
from .world import World, command_of, state_of, stored_secrets

SHORT = "short write"
# Which calls can answer so.
_ANSWERS = {
    "ENOSPC": {"write", "openat", "mkdir", "rename", "link", "fsync", "mkdirat", "renameat", "linkat"},
    "EIO": {"read", "write", "openat", "fsync", "newfstatat", "getdents64", "rename", "unlink", "unlinkat", "renameat"},
    "EROFS": {"openat", "mkdir", "rename", "link", "unlink", "chmod", "fchmod", "fchown", "mkdirat", "unlinkat"},
    "EACCES": {"openat", "mkdir", "rename", "link", "unlink", "chmod", "fchmod", "fchown", "newfstatat", "unlinkat"},
    "EMFILE": {"openat"},
    SHORT: {"write"},
}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_RUN_S = 90.0
# Longer than the longest wait of the design.
_JUMP_S = 4000
_JUMPS = 4
_SETTLE_S = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Hold what fails: the `at`-th call on the gateway's own files, or all from there on below `under`."""

    kind: str
    at: int
    under: str = ""


class Disk:
    """Answer a gateway's calls on its own files, some of them with a fault."""

    def __init__(self, gateway: Gateway, fault: Fault | None) -> None:
        self._gateway = gateway
        self._fault = fault
        self._root = f"{gateway.directory}/"
        self._log = str(gateway.log)
        self.calls: list[str] = []
        self.hit = ""
        self.gone = False

    def __call__(self, asked: hold.Call) -> hold.Decision:
        path = os.path.normpath(asked.path() or "/")
        if not path.startswith(self._root) or path == self._log:
            return None
        self.calls.append(asked.name)
        fault = self._fault
        if fault is None or self.gone or asked.name not in _ANSWERS[fault.kind]:
            return None
        if fault.under:
            if not path.startswith(str(self._gateway.directory / fault.under)) or not _fits(asked, fault.kind):
                return None
        elif len(self.calls) != fault.at:
            return None
        self.hit = f"{asked.name} {path.removeprefix(self._root)}"
        if fault.kind == SHORT:
            return hold.Answer(value=asked.write_part(7))
        return hold.Answer(error=getattr(errno, fault.kind))


def _fits(asked: hold.Call, kind: str) -> bool:
    """Say whether a lasting fault meets this call: a full or read-only disk can still be read."""
    if kind not in {"ENOSPC", "EROFS"}:
        return True
    if asked.name == "openat":
        return bool(asked.arguments[2] & _WRITES)
    return True


class Clock:
    """Move a gateway's clock ahead, as an hour's waiting would."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "clock"
        self._ahead_s = 0
        self._file.write_text("+0\n")

    def environment(self) -> dict[str, str]:
        """Return what the gateway's programs run with."""
        library = quick_clock(1)["LD_PRELOAD"]
        return {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(self._file), "FAKETIME_CACHE_DURATION": "1"}

    def jump(self) -> None:
        """Let more than an hour pass."""
        self._ahead_s += _JUMP_S
        temp = self._file.with_suffix(".new")
        temp.write_text(f"+{self._ahead_s}\n")
        temp.rename(self._file)


class Life:
    """Run a first boot with one fault, started again as the service manager would, until it is online."""

    def __init__(self, world: World, fault: Fault | None) -> None:
        self._world = world
        self.gateway = world.gateway()
        self._clock = Clock(world.directory)
        self.gateway.environment |= self._clock.environment()
        self.disk = Disk(self.gateway, fault)
        self.codes: list[int] = []
        self.waited = False
        self._broken = ""

    def run(self) -> str:
        """Return what went wrong, as `kind: words`, or nothing."""
        deadline = time.monotonic() + _RUN_S
        jumps, since = 0, 0.0
        held = self._start()
        try:
            while time.monotonic() < deadline:
                if not held.turn(self._decide, 0.02):
                    self.codes.append(held.code or 0)
                    held.close()
                    if self.codes[-1] == 78:
                        return f"stuck: exit code 78, which is not started again: {self._last_words()}"
                    self.disk.gone = self.disk.gone or len(self.codes) > 1
                    held, since = self._start(), 0.0
                    continue
                if self._is_online(held):
                    return self._broken or self._verdict()
                state, pid = state_of(self.gateway)
                if pid != held.pid or state not in {"waiting", "blocked", "not-provisioned"}:
                    since = 0.0
                    # A fault may keep the status file from being written too.
                    self.disk.gone = self.disk.gone or self._silent(deadline)
                    continue
                self.waited = True
                since = since or time.monotonic()
                if time.monotonic() - since > _SETTLE_S and jumps < _JUMPS:
                    self.disk.gone = True
                    self._clock.jump()
                    jumps, since = jumps + 1, time.monotonic() + 5.0
            return f"stuck: {self._last_words()}"
        finally:
            held.close()

    def _is_online(self, held: hold.Held) -> bool:
        if state_of(self.gateway) == ("online", held.pid):
            return True
        # Where the status cannot be written it is written later; the platform and the journal know already.
        return "Online at" in self.gateway.lines() and self._world.seen(self.gateway).activated

    def _silent(self, deadline: float) -> bool:
        return time.monotonic() > deadline - _RUN_S * 0.8

    def _start(self) -> hold.Held:
        return hold.start(command_of(self.gateway, "run"), self.gateway.environment, self.gateway.log)

    def _decide(self, asked: hold.Call) -> hold.Decision:
        if asked.name == "sendto" and not self._broken:
            seen = self._world.seen(self.gateway)
            if seen.connects and not stored_secrets(self.gateway):
                self._broken = "broken: a login without a stored secret"
        return self.disk(asked)

    def _verdict(self) -> str:
        if self._world.seen(self.gateway).secret not in stored_secrets(self.gateway):
            return "lost: online with a secret that is not on disk"
        text = self.gateway.lines()
        if "Traceback" in text or "internal error" in text.lower():
            return f"broken: not a documented error: {self._last_words()}"
        return ""

    def names_the_cause(self, kind: str) -> bool:
        """Say whether the log has the error's own words, where anything was to be told."""
        if kind == SHORT or not (self.waited or self.codes):
            return True
        text = self.gateway.lines()
        words = os.strerror(getattr(errno, kind))
        return words in text or self.disk.hit.split()[-1] in text

    def _last_words(self) -> str:
        return self.gateway.lines()[-900:]


def _attack_part(faults: list[Fault], part: int) -> Tally:
    tally = Tally(attack="")
    with World(name=f"d{part}") as world:
        for fault in faults:
            life = Life(world, fault)
            wrong = life.run()
            where = f"{fault.kind} at {life.disk.hit or f'call {fault.at}'}{' and all after it' if fault.under else ''}"
            kind, _, words = wrong.partition(": ")
            if wrong:
                tally.fail(kind, f"{where}: {words}")
            elif not life.names_the_cause(fault.kind):
                tally.fail("broken", f"{where}: the log does not name it: {life.gateway.lines()[-900:]}")
            elif life.disk.hit:
                tally.survive()
            world.drop(life.gateway)
    return tally


def _record() -> list[str]:
    """Return the names of the calls that a first boot makes on its own files, in their order."""
    with World(name="rec") as world:
        life = Life(world, None)
        wrong = life.run()
        assert not wrong, wrong
        return life.disk.calls


def _faults(calls: list[str]) -> Iterator[Fault]:
    for kind, names in _ANSWERS.items():
        for at, name in enumerate(calls, 1):
            if name in names:
                yield Fault(kind=kind, at=at)


def _lasting() -> Iterator[Fault]:
    for kind in ("ENOSPC", "EIO", "EROFS", "EACCES", "EMFILE", SHORT):
        for under in ("state", "run", "etc"):
            if under != "etc" or kind in {"EIO", "EACCES", "EMFILE"}:
                yield Fault(kind=kind, at=0, under=under)


def attack(jobs: int, most: int | None = None) -> list[Tally]:
    """Fail every call on the gateway's own files once in every way, or `most` of them; and whole directories."""
    if (why := hold.why_not()) is not None:
        return [Tally(attack="every file call failing", notes=[f"not run: {why}"])]
    every = list(_faults(alone(_record)))
    once = [every[number - 1] for number in spread(len(every), most)]
    lasting = list(_lasting())
    lasting = [lasting[number - 1] for number in spread(len(lasting), most)]
    tallies = []
    for name, faults in (("a file call failing once", once), ("a directory failing for a while", lasting)):
        parts = parts_of(faults, jobs)
        found = shared(jobs, _attack_part, [(part, at) for at, part in enumerate(parts)])
        tallies.append(joined(name, found))
    tallies[0].facts.append(f"a file call failing once: {len(once):,} faults out of {len(every):,}")
    return tallies
