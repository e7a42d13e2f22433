"""Two gateways with one identity, against a platform that counts the logins of both together."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from iot_onboard.core import backoff
from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.core.timings import Now
from iot_onboard.events.model import Event
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle import step
from iot_onboard.lifecycle.state import State
from iot_onboard.mqtt.keepalive import KeepAlive

CREDENTIALS = Credentials(
    identity=Identity(product_key="a1b2c3d4e5f", device_name="gw-0001"), device_secret=Secret("x")
)
TURNED_AWAY = m.Refused(code=2)
# Hold-offs lie between half a minute and a quarter of an hour; each ends in two logins.
MAX_LOGINS_AN_HOUR = 25


@dataclass(slots=True)
class Pair:
    """Run two state machines in simulated time; the newer login evicts the older one."""

    seed: int
    lasts_s: float
    states: list[State] = field(default_factory=lambda: [State(), State()])
    online: int | None = None
    logins: list[float] = field(default_factory=list)
    named_at: list[float] = field(default_factory=list)
    idle_at: list[float] = field(default_factory=list)
    keepalives: dict[int, KeepAlive] = field(default_factory=dict)
    _due: list[tuple[float, int, int, m.Input]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=itertools.count)

    def run(self) -> Pair:
        chance = random.Random(self.seed)
        self._push(0.0, 0, m.Loaded(credentials=CREDENTIALS))
        self._push(chance.uniform(0.0, 5.0), 1, m.Loaded(credentials=CREDENTIALS))
        now_s = 0.0
        while now_s < self.lasts_s:
            now_s, _, which, given = heapq.heappop(self._due)
            state = self.states[which]
            if isinstance(given, m.Tick) and (state.wake_at is None or state.wake_at > now_s):
                continue
            self.states[which], effects = step(state, given, Now(at=now_s, chance=chance.random()))
            for effect in effects:
                self._act(now_s, which, effect)
            if self.states[which].phase is m.Phase.WAITING and (wake_at := self.states[which].wake_at) is not None:
                self._push(wake_at, which, m.Tick())
        return self

    def _push(self, at_s: float, which: int, given: m.Input) -> None:
        heapq.heappush(self._due, (at_s, next(self._order), which, given))

    def _act(self, now_s: float, which: int, effect: m.Effect) -> None:
        match effect:
            case m.Dial():
                self._push(now_s + 0.1, which, m.Dialled())
            case m.Login(keepalive_s=keepalive_s, first_ping_s=first_ping_s):
                self._login(now_s, which, KeepAlive(keepalive_s, now_s, first_ping_s))
            case m.Announce(event=Event.IDENTITY_SHARED):
                self.named_at.append(now_s)
            case m.Announce(event=Event.IDLE_TIMEOUT):
                self.idle_at.append(now_s)

    def _kicked(self, now_s: float, which: int) -> m.Lost:
        keepalive = self.keepalives[which]
        while (at_s := keepalive.next_at()) < now_s:
            keepalive.pinged(at_s)
            keepalive.received(at_s)
        return m.Lost(by_server=True, detail="closed", idle_time=keepalive.idle_time(now_s))

    def _login(self, now_s: float, which: int, keepalive: KeepAlive) -> None:
        recent = [at for at in self.logins if now_s - at < backoff.BUDGET_WINDOW_S]
        self.logins.append(now_s)
        if len(recent) >= backoff.BUDGET_CONNECTS:
            self._push(now_s + 0.05, which, TURNED_AWAY)
            return
        if self.online == 1 - which:
            self._push(now_s + 0.05, 1 - which, self._kicked(now_s + 0.05, 1 - which))
        self.online = which
        keepalive.received(now_s + 0.05)
        self.keepalives[which] = keepalive
        self._push(now_s + 0.05, which, m.Accepted())


@pytest.mark.parametrize("seed", range(100))
def test_two_holders_of_one_identity(seed: int) -> None:
    """One names the cause within six minutes; from then on they evict each other some times an hour, and no more."""
    pair = Pair(seed, lasts_s=4 * 3600.0).run()
    assert pair.named_at[0] <= 360.0
    later = [at for at in pair.logins if at > 3600.0]
    assert 0 < len(later) <= 3 * MAX_LOGINS_AN_HOUR


def test_a_clone_is_seldom_taken_for_an_idle_timeout() -> None:
    """Chance makes silences equal now and then; it does not keep the clone from being named."""
    pairs = [Pair(seed, lasts_s=4 * 3600.0).run() for seed in range(200)]
    assert sum(bool(pair.idle_at) for pair in pairs) <= 12
