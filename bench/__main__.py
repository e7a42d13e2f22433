"""`python -m bench`: measure the contenders side by side; needs root, for a network of its own."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from . import emulated, phases, report
from .contenders import Contender, contenders, install
from .figures import Figures
from .world import World, enter_namespace

_DOCS = Path(__file__).resolve().parent.parent / "docs"


def main() -> int:
    """Measure, print the table, and write it."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repetitions and short windows, for development")
    parser.add_argument("--only", action="append", choices=list(_PHASES), help="this phase alone; writes nothing")
    parser.add_argument("--paho", default="1.6.1", help="the version of Paho (default: %(default)s, Debian 12's)")
    parser.add_argument("--docs", type=Path, default=_DOCS, help="where the page goes (default: docs/)")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.inside:
        if os.geteuid() != 0:
            print("bench: needs root, for a network of its own", file=sys.stderr)
            return 1
        install(arguments.paho)
        enter_namespace(sys.argv[1:])
    measured = contenders(arguments.paho)
    figures = Figures()
    failed: list[str] = []
    # In memory, as /run is on a gateway.
    memory = tempfile.TemporaryDirectory(dir="/dev/shm")
    with tempfile.TemporaryDirectory() as directory, memory, World(Path(directory), Path(memory.name)) as world:
        for name in arguments.only or _PHASES:
            print(f"bench: {name}", file=sys.stderr)
            try:
                _PHASES[name](world, measured, figures, quick=arguments.quick)
            except AssertionError as error:
                # What the others measured is not lost with it.
                failed.append(f"{name}: {error}")
    print(report.table(figures, measured))
    for line in failed:
        print(f"bench: failed: {line}", file=sys.stderr)
    if not arguments.only:
        report.write(arguments.docs, figures, measured, today=datetime.now(UTC).date(), quick=arguments.quick)
    return 1 if failed else 0


def _starts(world: World, measured: tuple[Contender, ...], figures: Figures, *, quick: bool) -> None:
    phases.starts(world, measured, figures, 5 if quick else 31)


def _first_boots(world: World, measured: tuple[Contender, ...], figures: Figures, *, quick: bool) -> None:
    world.start_proxy()
    phases.first_boots(world, measured, figures, 3 if quick else 11)
    world.stop_proxy()


def _idle(world: World, measured: tuple[Contender, ...], figures: Figures, *, quick: bool) -> None:
    # Two keep-alives and what lies around them.
    phases.idle(world, measured, figures, 20.0 if quick else 900.0)


def _stops(world: World, measured: tuple[Contender, ...], figures: Figures, *, quick: bool) -> None:
    phases.stops(world, measured, figures, 1 if quick else 5)


def _refused(world: World, measured: tuple[Contender, ...], figures: Figures, *, quick: bool) -> None:  # noqa: ARG001 - as all phases
    phases.refused(world, measured, figures)


def _dead_links(world: World, measured: tuple[Contender, ...], figures: Figures, *, quick: bool) -> None:
    for _ in range(1 if quick else 2):
        phases.dead_links(world, measured, figures)


def _routes_back(world: World, measured: tuple[Contender, ...], figures: Figures, *, quick: bool) -> None:
    phases.routes_back(world, measured, figures, 1 if quick else 5)


def _emulated(world: World, measured: tuple[Contender, ...], figures: Figures, *, quick: bool) -> None:
    if reason := emulated.why_not():
        print(f"bench: left out: {reason}", file=sys.stderr)
        return
    emulated.starts(world, measured, figures, 1 if quick else 5)


_PHASES = {
    "starts": _starts,
    "first-boots": _first_boots,
    "idle": _idle,
    "stops": _stops,
    "refused": _refused,
    "dead-links": _dead_links,
    "routes-back": _routes_back,
    "emulated": _emulated,
}

if __name__ == "__main__":
    sys.exit(main())
