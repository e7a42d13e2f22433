"""Say why systemd could not start the service, with unit and path, and what to do. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from ..core.units import SERVICE, UnitProperties
from ..fast_start.fast_dataclasses import dataclass

_SHOW = f"systemctl cat {SERVICE}"
_JOURNAL = f"journalctl -b -u {SERVICE} shows why"
# Units that become active by themselves; systemd may be able to start another unit that is not active.
_COMES_BY_ITSELF = (".mount", ".device", ".swap", ".automount")
_ALWAYS_THERE = {"sysinit.target", "system.slice", "-.mount", "-.slice"}
_STEP = re.compile(r"(Failed at step \w+ spawning|Failed to (run|spawn) 'start' task)")
_UNIT_ROOT = "/run/systemd/unit-root"
_MAX_WORDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """Hold the state of a unit that the service requires, or that such a unit requires.

    `has_source`: the source of a mount exists; `is_requisite`: systemd does not start it for the service.
    """

    name: str
    load_state: str = "loaded"
    active_state: str = "active"
    where: str = ""
    what: str = ""
    has_source: bool = False
    is_requisite: bool = False

    @property
    def is_in_the_way(self) -> bool:
        """Return whether systemd does not start the service because of this unit."""
        if self.name in _ALWAYS_THERE or self.name.endswith(".slice"):
            return False
        if self.load_state != "loaded" or self.active_state == "failed":
            return True
        return (self.is_requisite or self.name.endswith(_COMES_BY_ITSELF)) and self.active_state not in {
            "active",
            "reloading",
        }

    @property
    def words(self) -> str:
        """Return the name of the unit and its state."""
        place = f" ({self.where})" if self.where else ""
        if self.load_state != "loaded":
            return f"{self.name} is {self.load_state}"
        if self.active_state == "failed":
            return f"{self.name}{place} has failed"
        return f"{self.name}{place} is {self.active_state or 'missing'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDirectory:
    """Hold what is at the path of the state directory: `kind` is empty for a directory, or if nothing is there."""

    path: str = ""
    kind: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartFacts:
    """Hold the facts after a failed start; `logged` is what systemd itself logged about the step."""

    unit: UnitProperties
    requirements: tuple[Requirement, ...] = ()
    logged: str = ""
    state: StateDirectory = StateDirectory()
    missing_accounts: tuple[str, ...] = ()
    missing_files: tuple[str, ...] = ()
    program: str = ""
    can_run_program: bool = True

    @property
    def in_the_way(self) -> tuple[Requirement, ...]:
        """Return the required units because of which systemd does not start the service."""
        return tuple(one for one in self.requirements if one.is_in_the_way)


def systemd_words(messages: Sequence[str]) -> str:
    """Return what systemd logged about the last failed step: the line before the one that names the step."""
    own = [text.removeprefix(f"{SERVICE}: ") for text in messages if text.startswith(f"{SERVICE}: ")]
    at = next((index for index in range(len(own) - 1, -1, -1) if _STEP.match(own[index])), None)
    if at is None:
        return ""
    before = own[at - 1] if at else ""
    reason = before if before.startswith(("Failed to ", "Changing to ", "Unable to ")) else own[at]
    reason = "".join(one for one in reason if one.isprintable())
    return reason.replace(_UNIT_ROOT, "").strip().rstrip(".")[:_MAX_WORDS]


def explain(facts: StartFacts) -> tuple[str, str]:
    """Return the cause and the cure, each without a full stop."""
    if facts.in_the_way:
        names = [one.name for one in facts.in_the_way]
        cause = f"a required unit is missing or not active: {', '.join(one.words for one in facts.in_the_way)}"
        return (
            cause,
            f"systemctl status {' '.join(names)} shows why; after the repair: sudo systemctl start {names[0]}",
        )
    status, result = facts.unit.number("ExecMainStatus"), facts.unit.get("Result")
    if result == "resources":
        return _resources(facts)
    if status in _OF_A_STATUS:
        cause, cure = _OF_A_STATUS[status](facts)
        return f"{cause} (status {status})", cure
    if status >= 200:
        return f"a step before its program failed: {_logged(facts)} (status {status})", _look_into_the_unit()
    if status:
        return f"its process ended with status {status} ({result})", _JOURNAL
    cause, cure = _OF_A_RESULT.get(result, ("its start failed", _JOURNAL))
    return f"{cause} ({result})" if result else cause, cure


def _logged(facts: StartFacts) -> str:
    return f"systemd says: {facts.logged}" if facts.logged else "systemd does not say why"


def _look_into_the_unit() -> str:
    return f"create what is missing, or remove it from the unit's drop-in ({_SHOW} shows which)"


def _resources(facts: StartFacts) -> tuple[str, str]:
    if facts.missing_files:
        return f"there is no {' and no '.join(facts.missing_files)} (EnvironmentFile=)", _look_into_the_unit()
    return f"systemd lacks a resource for it: {_logged(facts)}", _look_into_the_unit()


def _directory(facts: StartFacts) -> tuple[str, str]:
    place = facts.unit.get("WorkingDirectory").lstrip("!-") or "its working directory"
    return f"{place} cannot be opened (WorkingDirectory=): {_logged(facts)}", _look_into_the_unit()


def _program(facts: StartFacts) -> tuple[str, str]:
    ours = facts.program == "/usr/bin/iot-onboard"
    cure = "sudo apt-get install --reinstall iot-onboard" if ours else _look_into_the_unit()
    return f"its program {facts.program} cannot be run: {_logged(facts)}", cure


def _account(facts: StartFacts) -> tuple[str, str]:
    missing = " and no ".join(facts.missing_accounts) or "such user or group"
    ours = all(name.endswith(" iot-onboard") for name in facts.missing_accounts)
    cure = "sudo systemd-sysusers iot-onboard.conf" if ours and facts.missing_accounts else _look_into_the_unit()
    return f"there is no {missing}", cure


def _name_space(facts: StartFacts) -> tuple[str, str]:
    return f"its mount namespace cannot be set up: {_logged(facts)}", _look_into_the_unit()


def _state_directory(facts: StartFacts) -> tuple[str, str]:
    path, target = facts.state.path, facts.state.target
    if facts.state.kind == "link":
        cause = f"its state directory {path} is a link to {target}, and systemd accepts only a directory"
        link, source = shlex.quote(path), shlex.quote(target)
        copy = f"sudo rm {link} && sudo cp -a {source} {link}"
        return cause, f"{copy}; to keep it there, see 'another partition' in the operator's guide"
    if facts.state.kind == "dangling":
        cause = (
            f"its state directory {path} is a link to {target}, which does not exist, "
            "and systemd accepts only a directory"
        )
        return cause, f"mount or create {target}, and use it as the operator's guide says; or sudo rm {path}"
    if facts.state.kind == "file":
        return f"{path} is not a directory", f"sudo mv {path} {path}.away"
    return f"its state directory {path} cannot be created: {_logged(facts)}", f"ls -ld {path}; findmnt -T {path}"


def _credentials(_: StartFacts) -> tuple[str, str]:
    return "its credentials cannot be loaded, and a start without them failed too", f"{_SHOW} shows the credentials"


_OF_A_RESULT = {
    "success": ("systemd dropped its start", _JOURNAL),
    "exit-code": (
        "a command that the unit runs before the service failed",
        f"{_SHOW} shows the commands (ExecStartPre=, ExecStartPost=)",
    ),
    "timeout": ("its start took too long", _JOURNAL),
    "start-limit-hit": (
        "it was started too often within a short time",
        f"remove StartLimitBurst= and StartLimitIntervalSec= from the unit's drop-in ({_SHOW} shows which)",
    ),
}
_OF_A_STATUS = {
    200: _directory,
    203: _program,
    216: _account,
    217: _account,
    226: _name_space,
    238: _state_directory,
    243: _credentials,
}
