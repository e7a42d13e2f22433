"""Find what prevents systemd from starting the service: its properties, required units, files, accounts."""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ..core import units
from ..core.units import UnitProperties
from ..reporting.start_failure import Requirement, StartFacts, StateDirectory, systemd_words
from ..system.processes import ask
from ..system.systemd import show

ASK_S = 90.0
_PROPERTIES = (
    "LoadState,ActiveState,SubState,Result,ExecMainCode,ExecMainStatus,ConditionResult,ConditionTimestampMonotonic,Job,Requires,Requisite,BindsTo,User,Group,"
    "SupplementaryGroups,InvocationID,WorkingDirectory,StateDirectory,EnvironmentFiles,ExecStart"
)
_OF_A_REQUIREMENT = "Id,LoadState,ActiveState,Where,What,Requires,Requisite,BindsTo"
_MAX_DEPTH = 5
_MAX_LINES = "30"
_PROGRAM = re.compile(r"path=(\S+)")


def service_state() -> UnitProperties:
    """Return the properties of the service."""
    return show(_PROPERTIES, units.SERVICE, timeout_s=ASK_S)


def look(unit: UnitProperties, root: Path = Path("/")) -> StartFacts:
    """Return all facts about a failed start."""
    found = _PROGRAM.search(unit.get("ExecStart"))
    program = found[1] if found else ""
    return StartFacts(
        unit=unit,
        requirements=_requirements(unit),
        logged=_logged(unit.get("InvocationID")),
        state=_state_directory(root / "var/lib", unit.get("StateDirectory")),
        missing_accounts=tuple(_missing_accounts(unit)),
        missing_files=tuple(_missing_files(unit)),
        program=program,
        can_run_program=not program or os.access(program, os.X_OK),
    )


def _requirements(unit: UnitProperties) -> tuple[Requirement, ...]:
    """Return the required units, and those that inactive ones of these require: systemd would start them too."""
    found: list[Requirement] = []
    seen: set[str] = set()
    requiring: list[Mapping[str, str]] = [unit.properties]
    for _ in range(_MAX_DEPTH):
        requisites = {name for one in requiring for name in one.get("Requisite", "").split()}
        names = sorted(requisites.union(*(_started_with(one) for one in requiring)) - seen)
        if not names:
            break
        seen.update(names)
        answer = ask(["systemctl", "show", *names, f"--property={_OF_A_REQUIREMENT}"], timeout_s=ASK_S)
        shown = [_pairs(block) for block in answer.text.split("\n\n") if block.strip()]
        found += [_requirement(one, requisites) for one in shown]
        requiring = [one for one in shown if one.get("ActiveState") not in {"active", "reloading"}]
    return tuple(found)


def _started_with(one: Mapping[str, str]) -> set[str]:
    return {*one.get("Requires", "").split(), *one.get("BindsTo", "").split()}


def _pairs(block: str) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in block.splitlines())}


def _requirement(found: Mapping[str, str], requisites: set[str]) -> Requirement:
    what = found.get("What", "")
    return Requirement(
        name=found.get("Id", ""),
        load_state=found.get("LoadState", ""),
        active_state=found.get("ActiveState", ""),
        where=found.get("Where", ""),
        what=what,
        has_source=what.startswith("/") and Path(what).exists(),
        is_requisite=found.get("Id", "") in requisites,
    )


def _logged(invocation: str) -> str:
    if not invocation:
        return ""
    # systemd's own lines about this start, and those of its child process; older lines would mislead. Only lines of
    # root: any user may log lines with the first of these fields.
    own = "_UID=0"
    matches = [f"INVOCATION_ID={invocation}", own, "+", f"_SYSTEMD_INVOCATION_ID={invocation}", own]
    answer = ask(["journalctl", *matches, "-o", "json", "-n", _MAX_LINES, "--no-pager", "-q"], timeout_s=ASK_S)
    return systemd_words(list(_messages(answer.text.splitlines())))


def _messages(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        try:
            message = json.loads(line).get("MESSAGE")
        except (ValueError, AttributeError):
            continue
        if isinstance(message, str):
            yield message


def _state_directory(above: Path, names: str) -> StateDirectory:
    # systemd.exec(5): "NAME", or "NAME:LINK".
    name = names.split(" ")[0].partition(":")[0]
    if not name:
        return StateDirectory()
    path = above / name
    try:
        mode = path.lstat().st_mode
    except OSError:
        return StateDirectory(path=str(path))
    if not stat.S_ISLNK(mode):
        return StateDirectory(path=str(path), kind="" if stat.S_ISDIR(mode) else "file")
    kind = "link" if path.exists() else "dangling"
    return StateDirectory(path=str(path), kind=kind, target=os.path.realpath(path))


def _missing_accounts(unit: UnitProperties) -> Iterable[str]:
    if (user := unit.get("User")) and not _is_known(pwd.getpwnam, user):
        yield f"user {user}"
    for group in (unit.get("Group"), *unit.get("SupplementaryGroups").split()):
        if group and not _is_known(grp.getgrnam, group):
            yield f"group {group}"


def _is_known(find: Callable[[str], object], name: str) -> bool:
    if name.isdecimal():
        return True
    try:
        find(name)
    except KeyError:
        return False
    return True


def _missing_files(unit: UnitProperties) -> Iterable[str]:
    # The path, and whether it may be missing.
    for found in re.finditer(r"(/\S+) \(ignore_errors=no\)", unit.get("EnvironmentFiles")):
        if not Path(found[1]).exists():
            yield found[1]
