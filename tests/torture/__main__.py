"""Run the attacks and print their table: `make torture`, or `python -m torture --only crash --most 50`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from support.machine.interrupted import SCENARIOS

from . import (
    cloud,
    crash,
    disk,
    flapping_interface,
    fleet,
    fuzz,
    hanging_journal,
    idle_cut,
    link,
    local,
    mad_mqtt,
    mad_servers,
    never_started,
    real,
    upgrade,
)
from .tally import Tally, remarks, table

INPUTS = 1_000_000
GATEWAYS = 200
# Each a command of root's amid swaps of the service's user.
TURNS = 2_000
# A day, by clocks that run forty times as fast, of so many daemons: one logs in some four hundred times.
SOAK_S = 2160.0
SOAKS = 6
DAYS = 3_000
SIZES = (1_000, 10_000, 100_000, 1_000_000)


def _attacks(options: argparse.Namespace) -> dict[str, Callable[[], list[Tally]]]:
    jobs, most, seed = options.jobs, options.most, options.seed
    inputs = INPUTS if most is None else most * 100
    return {
        "fleet": lambda: [fleet.attack(jobs, SIZES if most is None else SIZES[:1], seed, options.plots)],
        "fuzz": lambda: [fuzz.attack(jobs, inputs, seed)],
        "mad-servers": lambda: [mad_servers.attack(inputs, seed)],
        "mad-mqtt": lambda: [mad_mqtt.attack(jobs, inputs // 3, seed)],
        "secrets": lambda: [real.secrets()],
        "site": lambda: [real.site(GATEWAYS)],
        "link": lambda: [link.attack(link.HOUR_S if most is None else 200.0)],
        "idle-cut": lambda: [idle_cut.attack(idle_cut.TEN_MINUTES_S if most is None else 200.0)],
        "flapping-interface": lambda: [
            flapping_interface.attack(flapping_interface.TEN_MINUTES_S if most is None else 30.0)
        ],
        "hanging-journal": lambda: [hanging_journal.attack(hanging_journal.LONG_S if most is None else 30.0)],
        "soak": lambda: [real.soaks(SOAKS, SOAK_S if most is None else 30.0, seed)],
        "cloud": lambda: [cloud.bad_days(seed), cloud.soak(seed, DAYS if most is None else most)],
        "local": lambda: [local.attack(TURNS if most is None else most, seed)],
        "never-started": lambda: [never_started.attack(never_started.TEN_MINUTES_S if most is None else 30.0)],
        "disk": lambda: disk.attack(jobs, most),
        **{f"crash-{name.replace(' ', '-')}": partial(crash.attack, [name], jobs, most) for name in crash.FLOWS},
        **{f"upgrade-{name}": partial(upgrade.attack, jobs, most, [name]) for name in SCENARIOS},
    }


def _chosen(wanted: list[str], names: Iterable[str]) -> list[str]:
    """Return the attacks that are meant: `crash` is every one of its kind."""
    return [name for only in wanted for name in names if name == only or name.startswith(f"{only}-")]


def main() -> int:
    """Return 0 where every attack was survived."""
    parser = argparse.ArgumentParser(prog="torture", description="Attack the daemon, and print what became of it.")
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="run this attack, or those of this kind, alone; repeatable",
    )
    parser.add_argument("--most", type=int, help="a spread sample of so many cases an attack, in place of all of them")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (default: %(default)s)")
    parser.add_argument("--plots", type=Path, metavar="DIRECTORY", help="draw the fleets there, as SVG")
    options = parser.parse_args()
    attacks = _attacks(options)
    unknown = [only for only in options.only or () if not _chosen([only], attacks)]
    if unknown:
        parser.error(f"{', '.join(unknown)}: there are {', '.join(attacks)}")
    tallies: list[Tally] = []
    for name in _chosen(options.only, attacks) if options.only else attacks:
        started = time.monotonic()
        found = attacks[name]()
        tallies += found
        for tally in found:
            for remark in remarks(tally):
                print(remark)
        print(f"{name}: {time.monotonic() - started:,.0f} s", flush=True)
    print(f"\n{table(tallies)}")
    return 0 if all(tally.good for tally in tallies) else 1


if __name__ == "__main__":
    sys.exit(main())
