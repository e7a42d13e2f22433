"""Attack 4, for long: a link that flaps for an hour, under whole systems."""

from __future__ import annotations

from functools import partial

from support.gateway.flapping import assert_flat, flap
from support.machine.site import Site

from .booted import on_each_release
from .tally import Tally

HOUR_S = 3600.0
_SPEED = 10.0
_ONLINE_S = 900.0


def attack(seconds: float) -> Tally:
    """Flap every 10 s on each release."""
    return on_each_release("a link that flaps for an hour", partial(_flap, seconds))


def _flap(seconds: float, release: str, site: Site, tally: Tally) -> None:
    gateway = site.gateway()
    found = flap(site, gateway, seconds=seconds, speed=_SPEED, within_s=_ONLINE_S)
    try:
        assert_flat(found)
        assert gateway.show("NRestarts") == {"NRestarts": "0"}
    except AssertionError as error:
        tally.fail("broken", f"{release}: {error}"[:900])
        return
    tally.tried = tally.survived = found.flaps
    tally.facts.append(
        f"link: {release}, {seconds:.0f} s, {found.flaps} flaps, {found.logins} logins, {found.lines} lines, "
        f"{found.memory_kb[0]} then {found.memory_kb[-1]} kB of its own, "
        f"{found.open_files[0]} then {found.open_files[-1]} files open, "
        f"online {found.online_after_s:.0f} s after the end"
    )
