"""A journald that is stopped for ten minutes, under whole systems."""

from __future__ import annotations

import tempfile
from pathlib import Path

from support.machine import hungjournal, images
from support.machine.site import Site

from .tally import Tally, joined

LONG_S = 600.0


def attack(seconds: float) -> Tally:
    """Stop journald on each release; where no system can be booted nothing is tried, and that is not good."""
    attacked = "a journal that hangs"
    why_not = images.why_not()
    if why_not is not None:
        return Tally(attack=attacked, facts=[f"hanging journal: not tried: {why_not}"])
    return joined(attacked, (_on(release, attacked, seconds) for release in images.RELEASES))


def _on(release: str, attacked: str, seconds: float) -> Tally:
    tally = Tally(attack=attacked)
    with (
        tempfile.TemporaryDirectory(prefix="torture-") as home,
        Site(Path(home), images.installed(release)) as site,
    ):
        gateway = site.gateway()
        hungjournal.prepare(gateway)
        gateway.boot()
        gateway.wait_for_state("online")
        try:
            found = hungjournal.hang(site, gateway, seconds)
        except AssertionError as error:
            tally.fail("stuck", f"{release}: {error}"[:900])
            return tally
        try:
            hungjournal.assert_unmoved(found)
        except AssertionError as error:
            tally.fail("broken", f"{release}: {error}"[:900])
            return tally
        tally.tried = tally.survived = found.kicks
        tally.facts.append(
            f"hanging journal: {release}, {seconds:.0f} s, {found.kicks} kicks, {found.logins} logins, "
            f"{found.restarts} restarts, watchdog every {hungjournal.WATCHDOG_S} s, stopped in {found.stop_s:.2f} s, "
            f"online {found.start_s:.2f} s after a start, {found.late_lines} lines late {found.lost}".rstrip()
        )
    return tally
