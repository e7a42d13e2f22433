"""A journal that hangs takes no gateway away: no line is worth the connection."""

from __future__ import annotations

import pytest

from support.machine import hungjournal
from support.machine.machine import Machine
from support.machine.site import Site


@pytest.mark.parametrize("seconds", [25.0])
def test_a_journal_that_hangs(site: Site, gateway: Machine, seconds: float) -> None:
    """Online, the watchdog fed, a stop within half a second, a start that is online at once; the lines come later."""
    hungjournal.prepare(gateway)
    gateway.boot()
    gateway.wait_for_state("online")
    found = hungjournal.hang(site, gateway, seconds)
    hungjournal.assert_unmoved(found)
