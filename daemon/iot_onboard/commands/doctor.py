"""`iot-onboard doctor`: named checks of everything that a gateway needs."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ..core.exit_codes import ExitCode
from ..doctor.model import Check, Level, Result
from ..doctor.report import as_json, text
from ..doctor.runner import run as run_checks
from ..doctor.table import CHECKS, select
from ..system.processes import run_isolated
from ..system.terminal import complain, style

EPILOG = """\
It changes nothing, does not register and does not log in. It works without the daemon and without a network.
With sudo it can check more. Exit code: 0 nothing failed, 1 a check failed, 2 unknown check or group.

examples:
  sudo iot-onboard doctor                      everything, and at the end what to do first
  sudo iot-onboard doctor --only dns,tcp,tls   the connection to the platform
  iot-onboard doctor --only state-disk         one check
  iot-onboard doctor --list                    the names of all checks
  sudo iot-onboard doctor --json               for a program; docs/doctor.md describes it
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add which checks run, and how they are shown."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", metavar="ID|GROUP[,...]", help="only these checks, and the checks that they need")
    parser.add_argument("--list", action="store_true", help="list the checks, and stop")


def run(arguments: argparse.Namespace) -> int:
    """Run the checks, and print the findings."""
    if arguments.list:
        print(listing())
        return ExitCode.DONE
    checks, asked = CHECKS, frozenset(check.id for check in CHECKS)
    if arguments.only is not None:
        try:
            checks, asked = select(arguments.only)
        except ValueError as error:
            complain(f"--only: {error} is not a check or a group; to list them: iot-onboard doctor --list")
            return ExitCode.USAGE
    return run_isolated(partial(_examine, arguments, checks, asked))


def _examine(arguments: argparse.Namespace, checks: Sequence[Check[Any]], asked: frozenset[str]) -> int:
    results = shown(run_checks(checks, arguments.config), asked)
    if arguments.json:
        print(as_json(results, at=datetime.now(UTC), as_root=os.geteuid() == 0))
    else:
        print(text(results, style()))
    return ExitCode.FAILED if any(result.worst.level is Level.FAIL for result in results) else ExitCode.DONE


def shown(results: Sequence[Result], asked: frozenset[str]) -> tuple[Result, ...]:
    """Return the selected results, and the failures for which some of them may have been skipped."""
    return tuple(result for result in results if result.check.id in asked or result.worst.level is Level.FAIL)


def listing() -> str:
    """Return the checks in their groups, with what each looks at."""
    width = max(len(check.id) for check in CHECKS)
    lines: list[str] = []
    for check in CHECKS:
        if f"{check.group.value}:" not in lines:
            lines.append(f"{check.group.value}:")
        lines.append(f"  {check.id:<{width}}  {check.about}")
    return "\n".join(lines)
