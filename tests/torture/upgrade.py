"""Cut installations off: dpkg is stopped at each call that changes a name or syncs, and what is on the disk is booted.

A stopped process has done to the disk what a killed one has, so one run of dpkg gives the disk of every cut point. Of
disks that a boot cannot tell apart (`interrupted.seen_at_boot`), one is booted; and of all others, a spread sample.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from support.machine import images
from support.machine.interrupted import SCENARIOS, copy_in, install, prepare, seen_at_boot, state
from support.machine.machine import Machine
from support.machine.site import PRODUCT_KEY, Site
from support.platform.sandbox import wait_for

from .parts import shared
from .tally import Tally

PATIENCE_S = 90.0
# Of the disks that are like another one to a boot, one in so many is booted all the same.
SPREAD = 40
# What a first installation must have come to, for the next boot to bring the gateway online.
UNPACKED = {"unpacked", "half-configured", "installed", "triggers-pending"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A disk as it was after the `number`-th call."""

    number: int
    call: str
    state: str
    upper: Path


def attack(jobs: int, most: int | None, names: Sequence[str] = tuple(SCENARIOS)) -> list[Tally]:
    """Cut each kind of installation on both releases; return a row for each."""
    return shared(jobs, scenario, [(release, name, most) for name in names for release in images.RELEASES])


def scenario(release: str, name: str, most: int | None) -> Tally:
    """Cut one kind of installation on one release."""
    tally = Tally(attack=f"{name} cut, {release}")
    with tempfile.TemporaryDirectory(dir=images.CACHE) as directory, Site(Path(directory) / "site", []) as site:
        before = prepare(site, release, SCENARIOS[name], "before")
        cuts, count = _cuts(before, name, Path(directory) / "cuts")
        layers = [Path(directory) / "site" / "before" / "upper", images.image(release)]
        chosen = cuts if most is None else cuts[:: -(-len(cuts) // most)]
        for cut in chosen:
            _boot(site, cut, [cut.upper, *layers[1:]], name, tally)
            shutil.rmtree(cut.upper)
        tally.facts.append(f"{tally.attack}: {count} calls, {len(cuts)} disks chosen, {len(chosen)} booted")
    return tally


def _cuts(machine: Machine, name: str, directory: Path) -> tuple[list[Cut], int]:
    directory.mkdir()
    known: set[str] = set()
    cuts: list[Cut] = []
    count = 0
    for stop in install(machine, images.package(SCENARIOS[name].new)):
        count = stop.number
        digest = seen_at_boot(machine.root)
        if digest in known and stop.number % SPREAD:
            continue
        known.add(digest)
        upper = directory / str(stop.number)
        # With the marks that make an upper layer one.
        subprocess.run(["cp", "--archive", str(machine.root.parent / "upper"), str(upper)], check=True)
        call = f"{stop.name}({stop.arguments[:80]}"
        cuts.append(Cut(number=stop.number, call=call, state=state(machine.root), upper=upper))
    return cuts, count


def _boot(site: Site, cut: Cut, layers: list[Path], name: str, tally: Tally) -> None:
    machine = site.machine(f"u{cut.number}", layers=layers)
    serial = f"00000000u{cut.number:0>7}"
    machine.board(serial)
    site.sandbox.add_device(PRODUCT_KEY, serial)
    note = f"{tally.attack}: {cut.number}, {cut.state or 'unknown to dpkg'}, after {cut.call}"
    try:
        if SCENARIOS[name].old == "" and cut.state not in UNPACKED:
            # Nothing may be there that could run. The same command again is the cure.
            package = copy_in(machine, images.package(SCENARIOS[name].new))
            done = machine.offline("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--install", package)
            assert done.returncode == 0, done.stdout + done.stderr
        machine.start()
        site.wait_connected(serial, PATIENCE_S)
        if cut.state in {"unpacked", "half-configured"} and machine.exists("/usr/libexec/iot-onboard/finish-upgrade"):
            wait_for(lambda: state(machine.root) == "installed", "dpkg has finished", PATIENCE_S)
            site.wait_connected(serial, PATIENCE_S)
    except AssertionError as error:
        tally.fail("stuck", f"{note}: {str(error)[:300]}\n{machine.journal_text()[-1500:]}")
    else:
        tally.survive()
    finally:
        machine.close()
