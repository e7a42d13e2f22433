"""Attack: everything that keeps systemd from starting the service, one after the other, and each for a while."""

from __future__ import annotations

import time
from functools import partial

from support.machine.machine import Machine
from support.machine.site import Site
from support.machine.startfaults import (
    HEALS_S,
    MAX_LINES_OF_A_START,
    START_FAULTS,
    StartFault,
    break_start,
    cursor,
    end_start_fault,
    events_of,
    is_active,
    lines_since,
    tidy,
    wait_until_reported,
)

from .booted import on_each_release
from .tally import Tally

TEN_MINUTES_S = 600.0


def attack(seconds: float) -> Tally:
    """Let the first fault last, and the others come and go, on both releases."""
    return on_each_release("never started", partial(_each_fault, seconds))


def _each_fault(seconds: float, release: str, site: Site, tally: Tally) -> None:
    machine = site.gateway("gw0001")
    machine.boot()
    machine.wait_for_state("online")
    longest_s = 0.0
    for number, fault in enumerate(START_FAULTS):
        healed_s = _try(machine, fault, seconds if number == 0 else 0.0, tally)
        longest_s = max(longest_s, healed_s)
    tally.facts.append(
        f"never started, {release}: {len(START_FAULTS)} causes, the first for {seconds:.0f} s; "
        f"healed within {longest_s:.0f} s of their end"
    )


def _try(machine: Machine, fault: StartFault, seconds: float, tally: Tally) -> float:
    place = break_start(machine, fault)
    output = wait_until_reported(machine, place)
    tally.check(all(word in output["MESSAGE"] for word in fault.words), f"{fault.id}: {output['MESSAGE']}")
    first = lines_since(machine, place)
    tally.check(events_of(first) == ["start-prevented"], f"{fault.id}: {events_of(first)}")
    tally.check(len(first) <= MAX_LINES_OF_A_START + 1, f"{fault.id}: {len(first)} lines")
    place = cursor(machine)
    time.sleep(seconds)
    later = [line["MESSAGE"] for line in lines_since(machine, place)]
    tally.check(not later, f"{fault.id}: {len(later)} lines in {seconds:.0f} s more: {later[:3]}")
    end_start_fault(machine, fault, output["MESSAGE"])
    ended_s = time.monotonic()
    while not is_active(machine) and time.monotonic() - ended_s < HEALS_S:
        time.sleep(0.5)
    healed_s = time.monotonic() - ended_s
    if is_active(machine):
        tally.survive()
    else:
        tally.fail("stuck", f"{fault.id}: not started {healed_s:.0f} s after its end")
    tidy(machine)
    return healed_s
