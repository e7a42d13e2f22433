"""Attack 8: a whole fleet wants to log in at once, and the account may do 500 logins a second.

The gateways are the daemon's own state machine and back-off, not a copy; time and chance are simulated. What the
platform does beyond its limit is as protocol.md has it: CONNACK 3, "unavailable; in practice also throttling".
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from iot_onboard.core import backoff
from iot_onboard.core.failures import Cause, Transient
from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.core.timings import Now
from iot_onboard.fast_start.fast_dataclasses import replace
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle import step
from iot_onboard.lifecycle.state import Policy, State

from .parts import shared
from .plot import Curve, plot
from .tally import Tally, joined

LIMIT_PER_S = 500
# The same hardware, the same image: what is left of chance in the time from power to the first dial.
BOOT_S = (20.0, 35.0)
DIAL_S = (0.1, 0.4)
CONNACK_S = 0.05
OUTAGE_S = 3600.0
# Of it, this much is simulated; before, every gateway fails and waits in the same way.
SEEN_S = 600.0
_FAILURES_TO_CAP = 12
# A larger fleet is looked at through one of so many of its gateways, against as small a part of the limit. One that
# knows its size comes back just below the limit, where it is chance that decides: of one in five the limit is counted
# over five seconds, so that chance is as large as in the whole.
MAX_SIMULATED, MAX_SIMULATED_KNOWN = 20_000, 200_000
# The goal of a fleet that knows its size.
MAX_ATTEMPTS_KNOWN = 2.0
# Below, nobody is refused.
MIN_PLOTTED = 10_000
_MAX_S = 6 * 3600.0
_GONE = Transient(cause=Cause.NETWORK, detail="connection refused")
_CREDENTIALS = Credentials(
    identity=Identity(product_key="a1b2c3d4e5f", device_name="gw-0001"), device_secret=Secret("x")
)

_GIVEN: dict[type[m.Input], m.Input] = {
    type(given): given
    for given in (
        m.Loaded(credentials=_CREDENTIALS),
        m.Lost(by_server=True, detail="closed"),
        m.Dialled(),
        m.DialFailed(failure=_GONE),
        m.Accepted(),
        m.Refused(code=3),
        m.Tick(),
    )
}


@dataclass(slots=True, kw_only=True)
class Outcome:
    """Hold how it went; times are seconds from when the platform can be reached by the first gateway."""

    scenario: str
    devices: int
    one_in: int = 1
    size_known: bool = False
    online: int = 0
    attempts: int = 0
    refused: int = 0
    over_budget: int = 0
    last_s: float = 0.0
    attempts_per_s: Counter[int] = field(default_factory=Counter)

    @property
    def min_s(self) -> float:
        """Return what the account's limit alone asks for."""
        return self.devices / self.limit_per_s

    @property
    def bound_s(self) -> float:
        """Return the goal of a fleet that knows its size: 1.2 times the limit, or as long as they come by themselves.

        They start over 15 s, and after an outage the last of them looks after five minutes.
        """
        begins_s = BOOT_S[1] - BOOT_S[0] if self.scenario == SCENARIOS[0] else 0.0
        return max(begins_s + 1.2 * self.min_s, 0.0 if begins_s else backoff.WAITING.cap_s + DIAL_S[1])

    @property
    def limit_per_s(self) -> float:
        """Return the part of the account's limit that these devices have."""
        return LIMIT_PER_S / self.one_in

    def __str__(self) -> str:
        shown = f", of which one in {self.one_in} was looked at" if self.one_in > 1 else ""
        known = "its size known" if self.size_known else "its size unknown"
        return (
            f"fleet of {self.devices * self.one_in:,}{shown}, {self.scenario}, {known}: "
            f"{self.attempts / self.devices:.2f} "
            f"attempts and {self.refused / self.devices:.2f} refusals a device, all online after {self.last_s:,.0f} s, "
            f"where the limit alone asks for {self.min_s:,.0f} s"
        )


class Fleet:
    """Run many state machines against one limit."""

    def __init__(self, scenario: str, devices: int, seed: int, *, size_known: bool = False) -> None:
        self._policy = Policy(fleet_size=devices if size_known else None)
        self._chance = random.Random(seed)
        self._queue: list[tuple[float, int, type[m.Input]]] = []
        self._states: list[State] = []
        self._back_at = 0.0
        self._accepted: Counter[int] = Counter()
        one_in = -(-devices // (MAX_SIMULATED_KNOWN if size_known else MAX_SIMULATED))
        self.outcome = Outcome(scenario=scenario, devices=devices // one_in, one_in=one_in, size_known=size_known)
        for device in range(devices // one_in):
            self._begin(device, scenario)

    def _begin(self, device: int, scenario: str) -> None:
        state = State(policy=self._policy)
        if scenario == "power comes back":
            self._states.append(state)
            self._push(self._chance.uniform(*BOOT_S), device, m.Loaded)
            self._back_at = BOOT_S[0]
            return
        # Nobody has been reached for so long that the waits have reached their cap: the rest of the hour is like this.
        state, _ = step(state, m.Loaded(credentials=_CREDENTIALS), Now(at=OUTAGE_S - SEEN_S, chance=0.5))
        self._states.append(replace(state, failures=_FAILURES_TO_CAP))
        self._back_at = OUTAGE_S
        self._push(OUTAGE_S - SEEN_S, device, m.DialFailed)

    def _push(self, at_s: float, device: int, kind: type[m.Input]) -> None:
        heapq.heappush(self._queue, (at_s, device, kind))

    def run(self) -> Outcome:
        """Run until all are online, or for six hours."""
        while self._queue:
            at_s, device, kind = heapq.heappop(self._queue)
            if at_s > _MAX_S:
                break
            self._feed(device, _GIVEN[kind], at_s)
        return self.outcome

    def _feed(self, device: int, given: m.Input, at_s: float) -> None:
        before = self._states[device]
        state, effects = step(before, given, Now(at=at_s, chance=self._chance.random()))
        self._states[device] = state
        for effect in effects:
            if isinstance(effect, m.Dial):
                there = at_s >= self._back_at
                self._push(at_s + self._chance.uniform(*DIAL_S), device, m.Dialled if there else m.DialFailed)
            elif isinstance(effect, m.Login):
                self._login(device, state, at_s)
        if state.phase is m.Phase.WAITING and state.wake_at is not None:
            self._push(state.wake_at, device, m.Tick)

    def _login(self, device: int, state: State, at_s: float) -> None:
        outcome, second = self.outcome, int(at_s)
        outcome.attempts += 1
        outcome.attempts_per_s[second] += 1
        recent = sum(at_s - stamp < backoff.BUDGET_WINDOW_S for stamp in state.budget.connects)
        outcome.over_budget += recent > backoff.BUDGET_CONNECTS
        window_s = outcome.one_in if outcome.size_known else 1
        window = int(at_s / window_s)
        if self._accepted[window] < outcome.limit_per_s * window_s:
            self._accepted[window] += 1
            outcome.online += 1
            outcome.last_s = at_s - self._back_at
            self._push(at_s + CONNACK_S, device, m.Accepted)
        else:
            outcome.refused += 1
            self._push(at_s + CONNACK_S, device, m.Refused)

    @property
    def start_s(self) -> float:
        """Return when the platform can first be reached."""
        return self._back_at


SCENARIOS = ("power comes back", "an hour without the cloud")


def simulate(scenario: str, devices: int, seed: int, *, size_known: bool = False) -> Outcome:
    """Run one fleet, times counted from when the platform can be reached."""
    fleet = Fleet(scenario, devices, seed, size_known=size_known)
    outcome = fleet.run()
    outcome.attempts_per_s = Counter({at - int(fleet.start_s): made for at, made in outcome.attempts_per_s.items()})
    return outcome


def _curve(outcome: Outcome) -> Curve:
    end = int(outcome.last_s) + 2
    width = max(1, end // 240)
    scale = outcome.one_in / width
    per_s = outcome.attempts_per_s
    rate = [(float(at), scale * sum(per_s[at + more] for more in range(width))) for at in range(0, end, width)]
    return Curve(f"attempts a second, fleet_size {'set' if outcome.size_known else 'not set'}", rate)


def run_part(scenario: str, devices: int, seed: int, plots: str | None) -> Tally:
    """Run one fleet, without and with its size in the configuration, and draw both."""
    outcomes = [simulate(scenario, devices, seed, size_known=known) for known in (False, True)]
    tried, online = sum(outcome.devices for outcome in outcomes), sum(outcome.online for outcome in outcomes)
    tally = Tally(attack="", tried=tried, survived=online, stuck=tried - online)
    for outcome in outcomes:
        tally.facts.append(str(outcome))
        if outcome.over_budget:
            tally.broken += outcome.over_budget
            tally.notes.append(f"{outcome.over_budget} logins over the budget of a device")
    known = outcomes[1]
    if known.last_s > known.bound_s or known.attempts > known.devices * MAX_ATTEMPTS_KNOWN:
        tally.broken += 1
        tally.notes.append(f"beyond the goal of {known.bound_s:,.0f} s and {MAX_ATTEMPTS_KNOWN} attempts: {known}")
    if plots is not None and devices >= MIN_PLOTTED:
        name = f"fleet-{'power' if 'power' in scenario else 'outage'}-{devices}.svg"
        title = f"{devices:,} gateways: {scenario}"
        Path(plots, name).write_text(plot(title, "seconds", [_curve(outcome) for outcome in outcomes]))
    return tally


def attack(jobs: int, sizes: tuple[int, ...], seed: int, plots: Path | None = None) -> Tally:
    """Let fleets of these sizes come back in both ways."""
    place = str(plots) if plots else None
    pieces = [(scenario, devices, seed, place) for devices in sizes for scenario in SCENARIOS]
    return joined("fleets, simulated", shared(jobs, run_part, pieces))
