"""Attack 4, for long: a link that flaps for an hour, under whole systems."""

from __future__ import annotations

import tempfile
from pathlib import Path

from support.gateway.flapping import assert_flat, flap
from support.machine import images
from support.machine.site import Site

from .tally import Tally, joined

HOUR_S = 3600.0
_SPEED = 10.0
_ONLINE_S = 900.0


def attack(seconds: float) -> Tally:
    """Flap every 10 s on each release; where no system can be booted nothing is tried, and that is not good."""
    attacked = "a link that flaps for an hour"
    why_not = images.why_not()
    if why_not is not None:
        return Tally(attack=attacked, facts=[f"link: not tried: {why_not}"])
    return joined(attacked, (_on(release, attacked, seconds) for release in images.RELEASES))


def _on(release: str, attacked: str, seconds: float) -> Tally:
    tally = Tally(attack=attacked)
    with (
        tempfile.TemporaryDirectory(prefix="torture-") as home,
        Site(Path(home), images.installed(release)) as site,
    ):
        gateway = site.gateway()
        try:
            found = flap(site, gateway, seconds=seconds, speed=_SPEED, within_s=_ONLINE_S)
        except AssertionError as error:
            tally.fail("stuck", f"{release}: {error}"[:900])
            return tally
        try:
            assert_flat(found)
            assert gateway.show("NRestarts") == {"NRestarts": "0"}
        except AssertionError as error:
            tally.fail("broken", f"{release}: {error}"[:900])
            return tally
        tally.tried = tally.survived = found.flaps
        tally.facts.append(
            f"link: {release}, {seconds:.0f} s, {found.flaps} flaps, {found.logins} logins, {found.lines} lines, "
            f"{found.memory_kb[0]} then {found.memory_kb[-1]} kB of its own, "
            f"{found.open_files[0]} then {found.open_files[-1]} files open, "
            f"online {found.online_after_s:.0f} s after the end"
        )
    return tally
