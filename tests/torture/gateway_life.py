"""One gateway's state machine against a simulated cloud and clock, watched for the invariants of the design."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from iot_onboard.core import backoff
from iot_onboard.core.failures import Failure
from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.core.timings import Now
from iot_onboard.events.model import Event
from iot_onboard.events.rate_limit import Memory, cause_of, decide, repeat, repeat_at
from iot_onboard.events.table import TABLE
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle import step
from iot_onboard.lifecycle.state import State

IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw-0001")
# The longest wait that the design has, for somebody to act.
MAX_WAIT_S = backoff.BLOCKED.cap_s
_HOUR_S = 3600.0


class Cloud(Protocol):
    """Say what the platform does at a time."""

    def register(self, now_s: float) -> str | Failure:
        """Answer a registration: a secret, or why not."""

    def dial(self, now_s: float) -> Failure | None:
        """Let a dial through, or not."""

    def login(self, secret: str, now_s: float) -> int:
        """Return the CONNACK number; below 0 the connection ends before it."""

    def session_s(self, now_s: float) -> float:
        """Return how long a session that begins now lasts."""


@dataclass(slots=True)
class Life:
    """Run one gateway from an empty disk; `broken` names what must not be."""

    cloud: Cloud
    chance: random.Random
    now_s: float = 1000.0
    state: State = field(default_factory=State)
    disk: Credentials | None = None
    registrations: list[float] = field(default_factory=list)
    dials: list[float] = field(default_factory=list)
    logins: list[float] = field(default_factory=list)
    sessions: int = 0
    events: Counter[Event] = field(default_factory=Counter)
    lines_at: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    _memory: Memory = field(default_factory=Memory)
    _next: m.Input | None = field(default_factory=m.Started)
    _next_s: float = 1000.0

    def run(self, until_s: float) -> bool:
        """Live until then; say whether the gateway is online at that moment."""
        while self._due_s() <= until_s:
            self.now_s = max(self.now_s, self._due_s())
            given: m.Input = m.Tick()
            if self._next is not None and self._next_s <= self.now_s:
                given, self._next = self._next, None
            self._feed(given)
            if self.state.phase is m.Phase.STOPPED:
                self.broken.append(f"stopped by {type(given).__name__}")
                return False
        self.now_s = until_s
        return self.state.phase is m.Phase.ONLINE

    def online_by(self, until_s: float) -> float | None:
        """Live until it is online and return when, or `None` where it is not by then."""
        while self.now_s < until_s:
            if self.state.phase is m.Phase.ONLINE:
                return self.now_s
            self.run(min(until_s, max(self._due_s(), self.now_s)))
        return self.now_s if self.state.phase is m.Phase.ONLINE else None

    def _due_s(self) -> float:
        times = [self.state.wake_at, self._next_s if self._next is not None else None, repeat_at(self._memory)]
        return min((at for at in times if at is not None), default=float("inf"))

    def _soon(self, given: m.Input, after_s: float) -> None:
        self._next, self._next_s = given, self.now_s + after_s

    def _feed(self, given: m.Input) -> None:
        self._memory, verdict = repeat(self._memory, self.now_s)
        if verdict.log:
            self.lines_at.append(self.now_s)
        self.state, effects = step(self.state, given, Now(at=self.now_s, chance=self.chance.random()))
        for effect in effects:
            self._run(effect)
        self._watch_wait()

    def _run(self, effect: m.Effect) -> None:
        match effect:
            case m.Load():
                found = m.Loaded(credentials=self.disk) if self.disk else m.NothingStored(writable=True)
                self._soon(found, 0.01)
            case m.Register():
                self._register()
            case m.Save(credentials=credentials):
                self.disk = credentials
                self._soon(m.Saved(), 0.02)
            case m.Dial():
                self.dials.append(self.now_s)
                failure = self.cloud.dial(self.now_s)
                self._soon(m.DialFailed(failure=failure) if failure else m.Dialled(), 0.2)
            case m.Login(credentials=credentials):
                self._login(credentials)
            case m.Announce(event=event, details=details):
                self.events[event] += 1
                cause = cause_of(event.value, details.cause, details.detail)
                self._memory, verdict = decide(self._memory, TABLE[event].kind, cause, self.now_s)
                if verdict.log:
                    self.lines_at.append(self.now_s)
            case m.Report() | m.Drop() | m.Disconnect() | m.Exit():
                pass

    def _register(self) -> None:
        if isinstance(self._next, m.Registered | m.RegisterFailed):
            self.broken.append("two registrations at a time")
        self.registrations.append(self.now_s)
        answer = self.cloud.register(self.now_s)
        if isinstance(answer, str):
            fresh = Credentials(identity=IDENTITY, device_secret=Secret(answer))
            self._soon(m.Registered(credentials=fresh), 0.3)
        else:
            self._soon(m.RegisterFailed(failure=answer), 0.3)

    def _login(self, credentials: Credentials) -> None:
        if credentials != self.disk:
            self.broken.append("a login with a secret that is not on disk")
        self.logins.append(self.now_s)
        if sum(self.now_s - at < backoff.BUDGET_WINDOW_S for at in self.logins[-8:]) > backoff.BUDGET_CONNECTS:
            self.broken.append("more than five logins in 60 s")
        code = self.cloud.login(credentials.device_secret.reveal(), self.now_s)
        if code < 0:
            self._soon(m.Lost(by_server=True, detail="closed"), 0.05)
        elif code:
            self._soon(m.Refused(code=code), 0.05)
        else:
            self.sessions += 1
            self._soon(m.Accepted(), 0.05)

    def _watch_wait(self) -> None:
        state = self.state
        if state.phase is m.Phase.ONLINE and self._next is None:
            self._soon(m.Lost(by_server=True, detail="closed"), self.cloud.session_s(self.now_s))
        if state.phase in {m.Phase.WAITING, m.Phase.BLOCKED}:
            wait_s = (state.wake_at or float("inf")) - self.now_s
            if wait_s > MAX_WAIT_S + 1:
                self.broken.append(f"a wait of {wait_s:.0f} s")
        elif state.phase is not m.Phase.ONLINE and state.wake_at is None and state.phase is not m.Phase.STOPPED:
            self.broken.append(f"no deadline in {state.phase.value}")

    def end_session(self) -> None:
        """End the session that is up."""
        self._next_s = self.now_s

    def max_an_hour(self, stamps: list[float]) -> int:
        """Return the most of these in any 60 minutes."""
        first, most = 0, 0
        for last, at in enumerate(stamps):
            while at - stamps[first] >= _HOUR_S:
                first += 1
            most = max(most, last - first + 1)
        return most
