"""The words of the doctor: checks, what they find, and the probes that bring their facts. Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")


class Level(enum.Enum):
    """Rank a finding; only a failure makes the command fail."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


class Group(enum.Enum):
    """Name what belongs together, in the order in which one thing rests on the other."""

    CONFIGURATION = "configuration"
    IDENTITY = "identity"
    PLATFORM = "platform"
    SECRETS = "secrets"
    STATE = "state"
    CLOCK = "clock"
    NETWORK = "network"
    DNS = "dns"
    PROXY = "proxy"
    TCP = "tcp"
    TLS = "tls"
    ENDPOINTS = "endpoints"
    SERVICE = "service"
    PACKAGE = "package"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Say how one thing is. `fix` says what to do where it is not well.

    `blocks` tells that what rests on it cannot be judged, the rest of its own check included; `because` names the
    check that stood in the way.
    """

    level: Level
    sentence: str
    fix: str = ""
    blocks: bool = False
    because: str | None = None


def ok(sentence: str) -> Finding:
    """Return that all is well."""
    return Finding(level=Level.OK, sentence=sentence)


def warn(sentence: str, fix: str) -> Finding:
    """Return that it works, and may not for long, or not as meant."""
    return Finding(level=Level.WARN, sentence=sentence, fix=fix)


def fail(sentence: str, fix: str, *, blocks: bool = True) -> Finding:
    """Return what keeps the gateway from working."""
    return Finding(level=Level.FAIL, sentence=sentence, fix=fix, blocks=blocks)


def skipped(sentence: str, fix: str = "", *, blocks: bool = False) -> Finding:
    """Return why there was nothing to look at."""
    return Finding(level=Level.SKIPPED, sentence=sentence, fix=fix, blocks=blocks)


def capitalised(words: str) -> str:
    """Return words as the beginning of a sentence; the rest of them stays."""
    return words[:1].upper() + words[1:]


class Facts:
    """Hold what the probes have brought, and where they look: `root` is `/` but in tests."""

    def __init__(self, config_path: Path, root: Path, values: Mapping[Probe[Any], object]) -> None:
        self.config_path = config_path
        self.root = root
        self._values = values

    def get(self, probe: Probe[T]) -> T:
        """Return what a probe brought; only those may be asked for that the asking probe names in `needs`."""
        return cast("T", self._values[probe])

    def get_optional(self, probe: Probe[T]) -> T | None:
        """Return what a probe brought that the asking one names in `wants`, or `None` where it brought nothing."""
        return cast("T | None", self._values.get(probe))


def assured(value: T | None) -> T:
    """Return what is there because a check stands before whoever asks."""
    if value is None:
        raise ValueError("asked for, though an earlier check failed")
    return value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probe(Generic[T]):
    """Bring facts from one corner of the world, without changing it; `name` says what is being done.

    `look` may raise `PermissionError`, and may hang: `stuck` says what to do then. It is not called where one of
    `needs` brought nothing; `wants` are waited for, and may fail.
    """

    name: str
    look: Callable[[Facts], T]
    needs: tuple[Probe[Any], ...] = ()
    wants: tuple[Probe[Any], ...] = ()
    stuck: str = "run it again; if it hangs again, send what `iot-onboard bundle` makes"


@dataclass(frozen=True, slots=True)
class Check(Generic[T]):
    """Judge one thing, by one judge or several of the same facts; a judge that has nothing to say returns `None`.

    `needs` names the checks without which this one makes no sense; `follows` those checks and groups whose failure
    may well be why this one fails.
    """

    id: str
    group: Group
    about: str
    probe: Probe[T]
    judges: tuple[Callable[[T], Finding | None], ...]
    needs: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()

    def findings(self, facts: T) -> tuple[Finding, ...]:
        """Return all that is not well, the worst first; else one finding of what is. Nothing follows what blocks."""
        found: list[Finding] = []
        for judge in self.judges:
            if (finding := judge(facts)) is not None:
                found.append(finding)
                if finding.blocks:
                    break
        bad = [finding for finding in found if finding.level in {Level.WARN, Level.FAIL} or finding.blocks]
        good = " ".join(finding.sentence for finding in found if finding.level is Level.OK)
        if bad or not good:
            return tuple(sorted(bad or found[:1], key=lambda finding: _WORST_FIRST.index(finding.level)))
        return (ok(good),)


_WORST_FIRST = (Level.FAIL, Level.WARN, Level.SKIPPED, Level.OK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Hold what a check found, the worst first, and how long its facts took to come."""

    check: Check[Any]
    findings: tuple[Finding, ...]
    duration_s: float = 0.0

    @property
    def worst(self) -> Finding:
        """Give what the check comes to."""
        return self.findings[0]

    @property
    def blocking(self) -> Finding | None:
        """Give what stands in the way of the checks that rest on this one."""
        return next((finding for finding in self.findings if finding.blocks), None)
