"""A journald that is stopped for ten minutes, under whole systems."""

from __future__ import annotations

from functools import partial

from support.machine import hungjournal
from support.machine.site import Site

from .booted import on_each_release
from .tally import Tally

LONG_S = 600.0


def attack(seconds: float) -> Tally:
    """Stop journald on each release, kick the gateway, and stop and start the service meanwhile."""
    return on_each_release("a journal that hangs", partial(_hang, seconds))


def _hang(seconds: float, release: str, site: Site, tally: Tally) -> None:
    gateway = site.gateway()
    hungjournal.prepare(gateway)
    gateway.boot()
    gateway.wait_for_state("online")
    found = hungjournal.hang(site, gateway, seconds)
    try:
        hungjournal.assert_unmoved(found)
    except AssertionError as error:
        tally.fail("broken", f"{release}: {error}"[:900])
        return
    tally.tried = tally.survived = found.kicks
    tally.facts.append(
        f"hanging journal: {release}, {seconds:.0f} s, {found.kicks} kicks, {found.logins} logins, "
        f"{found.restarts} restarts, watchdog every {hungjournal.WATCHDOG_S} s, stopped in {found.stop_s:.2f} s, "
        f"online {found.start_s:.2f} s after a start, {found.late_lines} lines late {found.lost}".rstrip()
    )
