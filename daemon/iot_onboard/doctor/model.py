"""The types of the doctor: checks, their findings, and the probes that collect their facts. Pure."""

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
    """Name the groups of checks, each after the groups that it depends on."""

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
    """Hold one result of a check. `fix` says what to do if something is wrong.

    `blocks`: the later rules of this check, and the checks that need it, cannot decide anything. `because` is the id of
    the check for which this one was skipped.
    """

    level: Level
    sentence: str
    fix: str = ""
    blocks: bool = False
    because: str | None = None


def ok(sentence: str) -> Finding:
    """Return that all is right."""
    return Finding(level=Level.OK, sentence=sentence)


def warn(sentence: str, fix: str) -> Finding:
    """Return that it works now, but perhaps not for long, or not as intended."""
    return Finding(level=Level.WARN, sentence=sentence, fix=fix)


def fail(sentence: str, fix: str, *, blocks: bool = True) -> Finding:
    """Return what keeps the gateway from working."""
    return Finding(level=Level.FAIL, sentence=sentence, fix=fix, blocks=blocks)


def skipped(sentence: str, fix: str = "", *, blocks: bool = False) -> Finding:
    """Return why there was nothing to check."""
    return Finding(level=Level.SKIPPED, sentence=sentence, fix=fix, blocks=blocks)


def capitalised(words: str) -> str:
    """Return words with a capital at the beginning; the rest stays as it is."""
    return words[:1].upper() + words[1:]


class Facts:
    """Hold the facts of the probes, and where they look: `root` is `/` outside of tests."""

    def __init__(self, config_path: Path, root: Path, values: Mapping[Probe[Any], object]) -> None:
        self.config_path = config_path
        self.root = root
        self._values = values

    def get(self, probe: Probe[T]) -> T:
        """Return the facts of another probe, which the calling probe must name in `needs`."""
        return cast("T", self._values[probe])

    def get_optional(self, probe: Probe[T]) -> T | None:
        """Return the facts of another probe, which the calling one names in `wants`, or `None` if that probe failed."""
        return cast("T | None", self._values.get(probe))


def require(value: T | None) -> T:
    """Return a value that an earlier check has shown to be there."""
    if value is None:
        raise ValueError("required, though an earlier check failed")
    return value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probe(Generic[T]):
    """Collect facts from one source, without changing it; `name` says what it does.

    `collect` may raise `PermissionError`, and may hang: `stuck` says what to do then. It is not called if one of
    `needs` has failed. It waits for `wants`, which may fail.
    """

    name: str
    collect: Callable[[Facts], T]
    needs: tuple[Probe[Any], ...] = ()
    wants: tuple[Probe[Any], ...] = ()
    stuck: str = "run it again; if it hangs again, send the file that `sudo iot-onboard bundle` makes"


@dataclass(frozen=True, slots=True)
class Check(Generic[T]):
    """Check one thing by one or more rules over the same facts; a rule that does not apply returns `None`.

    `needs` names the checks that must pass before this one can run; `follows` the checks and groups whose failure is
    a likely cause of this one's.
    """

    id: str
    group: Group
    about: str
    probe: Probe[T]
    rules: tuple[Callable[[T], Finding | None], ...]
    needs: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()

    def findings(self, facts: T) -> tuple[Finding, ...]:
        """Return all that is wrong, the worst first, or else one finding. A finding that blocks ends the check."""
        found: list[Finding] = []
        for rule in self.rules:
            if (finding := rule(facts)) is not None:
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
    """Hold what a check found, the worst first, and how long its probe took."""

    check: Check[Any]
    findings: tuple[Finding, ...]
    duration_s: float = 0.0

    @property
    def worst(self) -> Finding:
        """Return the finding that decides the status of the check."""
        return self.findings[0]

    @property
    def blocking(self) -> Finding | None:
        """Return the finding that makes it impossible to run the checks that need this one."""
        return next((finding for finding in self.findings if finding.blocks), None)
