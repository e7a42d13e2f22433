"""The life of one gateway, fed to the pure state machine input by input."""

from __future__ import annotations

from datetime import UTC, datetime

from iot_onboard.core.failures import Cause, Misconfigured, Rejected, StoreFailure, StoreFault, Transient
from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.core.timings import Now
from iot_onboard.events.model import Details, Event
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle import step
from iot_onboard.lifecycle.state import Policy, State

IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw-0001")
NETWORK = Transient(cause=Cause.NETWORK, detail="no route")
UNREADABLE = StoreFailure(fault=StoreFault.UNREADABLE, detail="EIO")
FULL = StoreFailure(fault=StoreFault.NOT_WRITABLE, detail="ENOSPC")
VOLATILE = StoreFailure(fault=StoreFault.VOLATILE, detail="tmpfs at /var, which is in memory")
ACTIVATED = Rejected(code="6289", detail="activated", cure="ResetThing")
MISSING = Misconfigured(detail="no product secret", cure="write it")


def secret(number: int) -> Credentials:
    issued = datetime(2026, 11, 1, tzinfo=UTC)
    return Credentials(identity=IDENTITY, device_secret=Secret(f"secret{number}"), issued_at=issued)


class Life:
    """Feed a state machine and keep what came out."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.state = State(policy=policy or Policy())
        self.now_s = 1000.0
        self.effects: tuple[m.Effect, ...] = ()

    def feed(self, given: m.Input, *, after_s: float = 0.0, chance: float = 0.5) -> Life:
        self.now_s += after_s
        self.state, self.effects = step(self.state, given, Now(at=self.now_s, chance=chance))
        return self

    def wait(self, chance: float = 0.5) -> Life:
        assert self.state.wake_at is not None
        return self.feed(m.Tick(), after_s=max(0.0, self.state.wake_at - self.now_s), chance=chance)

    def connecting(self) -> Life:
        return self.feed(m.Started()).feed(m.Loaded(credentials=secret(0)))

    def online(self) -> Life:
        return self.connecting().feed(m.Dialled()).feed(m.Accepted())

    def refuse(self, code: int = 4) -> Life:
        if self.state.phase is m.Phase.WAITING or self.state.phase is m.Phase.BLOCKED:
            self.wait()
            if self.state.phase is m.Phase.WAITING:
                self.wait()
        return self.feed(m.Dialled()).feed(m.Refused(code=code))

    def has(self, kind: type[m.Effect]) -> bool:
        return any(isinstance(effect, kind) for effect in self.effects)

    def announced(self) -> list[Event]:
        return [effect.event for effect in self.effects if isinstance(effect, m.Announce)]


def announced_details(life: Life) -> Details:
    return next(effect.details for effect in life.effects if isinstance(effect, m.Announce))
