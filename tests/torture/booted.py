"""Run an attack under whole systems, on each release."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from support.machine import images
from support.machine.site import Site

from .tally import Tally, joined


def on_each_release(attacked: str, run: Callable[[str, Site, Tally], None]) -> Tally:
    """Run an attack with a platform of its own each; a failed assertion is a device that is stuck.

    Where no system can be booted nothing is tried, and that is not good.
    """
    why_not = images.why_not()
    if why_not is not None:
        return Tally(attack=attacked, facts=[f"{attacked}: not tried: {why_not}"])
    return joined(attacked, (_on(release, attacked, run) for release in images.RELEASES))


def _on(release: str, attacked: str, run: Callable[[str, Site, Tally], None]) -> Tally:
    tally = Tally(attack=attacked)
    with (
        tempfile.TemporaryDirectory(prefix="torture-") as home,
        Site(Path(home), images.installed(release)) as site,
    ):
        try:
            run(release, site, tally)
        except AssertionError as error:
            tally.fail("stuck", f"{release}: {error}"[:900])
    return tally
