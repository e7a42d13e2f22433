"""Attacks 5 and 7: the cloud on a bad day, for a day; and many days of all of it mixed, with the clock running fast."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from iot_onboard.aliyun.codes import PLATFORM_FAULTS, REJECTIONS, THROTTLED, failure_of
from iot_onboard.core import backoff
from iot_onboard.core.failures import Cause, Failure, Throttled, Transient

from .gateway_life import Life
from .tally import Tally

DAY_S = 86_400.0
_BEGIN_S = 1000.0
_LONG_S = 10 * DAY_S
# Registration is refused after some logins, so the way back may take a login's wait and a registration's.
MAX_BACK_S = backoff.BLOCKED.cap_s + backoff.SLOW.cap_s * 3
_MAX_LINES_AN_HOUR = 40
# By the design a refused login leads to a registration every six hours at the least often.
_SELDOM_S = backoff.REREGISTER_CAP_S + MAX_BACK_S
# Full jitter between 1 s and 5 minutes: 24 an hour on average, more while the waits still grow.
_MAX_SOON, _MAX_HOURLY = 60, 8


@dataclass(slots=True, kw_only=True)
class Platform:
    """A platform that keeps the rules of protocol.md, and lets a fault stand in their way."""

    valid: str = ""
    activated: bool = False
    issued: int = 0
    registration: Failure | None = None
    dialling: Failure | None = None
    connack: int = 0
    lasts_s: float = _LONG_S
    stale: int = 0

    def register(self, _: float) -> str | Failure:
        if self.registration is not None:
            return self.registration
        if self.activated:
            return failure_of("6289", "", None)
        self.issued += 1
        given = f"secret{self.issued}"
        if self.stale:
            # An answer of before arrives; the platform goes by the newest one, which never came.
            self.stale -= 1
            self.valid = f"{given}, lost"
            return given
        self.valid = given
        return given

    def dial(self, _: float) -> Failure | None:
        return self.dialling

    def login(self, secret: str, _: float) -> int:
        if self.connack:
            return self.connack
        if secret != self.valid:
            return 4
        self.activated = True
        return 0

    def session_s(self, _: float) -> float:
        return self.lasts_s

    def heal(self) -> None:
        """End every fault but what an operator did."""
        self.registration = self.dialling = None
        self.connack, self.lasts_s, self.stale = 0, _LONG_S, 0

    def reset(self) -> None:
        """Do what ResetThing does."""
        self.valid, self.activated = "", False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Hold one bad day: what is wrong, whether from the first boot on, and how often may be asked meanwhile."""

    name: str
    change: dict[str, object] = field(default_factory=dict)
    at_boot: bool = False
    reset: bool = False
    max_an_hour: int = _MAX_SOON
    max_back_s: float = MAX_BACK_S


def _transient(cause: Cause, *, slow: bool = False) -> Transient:
    return Transient(cause=cause, detail="x", slow=slow)


def faults() -> Iterator[Fault]:
    """Name every bad day."""
    for code in sorted(REJECTIONS):
        change: dict[str, object] = {"registration": failure_of(code, "", None)}
        yield Fault(name=f"registration code {code}", change=change, at_boot=True, max_an_hour=2)
    for code in (*sorted(PLATFORM_FAULTS), THROTTLED, "7777", "-1"):
        change = {"registration": failure_of(code, "x", None)}
        yield Fault(name=f"registration code {code}", change=change, at_boot=True)
    for wait_s in (0.0, 1.0, 120.0, 3600.0, 1e9):
        change = {"registration": Throttled(detail="x", retry_after_s=wait_s, code="429")}
        # A second is a wish that a fleet had better not follow all day: the back-off holds too.
        most = _MAX_SOON if wait_s < 2 else int(3600 / wait_s) + 2
        yield Fault(name=f"Retry-After {wait_s:g}", change=change, at_boot=True, max_an_hour=most)
    for cause in Cause:
        yield Fault(name=f"registration fails: {cause.value}", change={"registration": _transient(cause)}, at_boot=True)
        yield Fault(name=f"dialling fails: {cause.value}", change={"dialling": _transient(cause)})
    for number in (1, 2, 3, 4, 5, 6, 255, -1):
        name = f"CONNACK {number}" if number > 0 else "closed before CONNACK"
        yield Fault(name=name, change={"connack": number})
        change = {"connack": number, "registration": _transient(Cause.NETWORK)}
        yield Fault(name=f"{name}, and no registration either", change=change)
    yield Fault(name="certificate rolled to a chain that is not trusted", change={"dialling": _transient(Cause.TLS)})
    yield Fault(name="registration down alone", change={"registration": _transient(Cause.PLATFORM)})
    yield Fault(name="a stale answer is stored", change={"stale": 1}, at_boot=True)
    yield Fault(name="stale answers all day", change={"stale": 10_000}, at_boot=True, max_back_s=_SELDOM_S)
    yield Fault(name="kicked every second by a clone", change={"lasts_s": 1.0}, max_an_hour=20)
    yield Fault(name="a session of 59 s at most", change={"lasts_s": 59.0}, max_an_hour=20)
    yield Fault(name="a session of 61 s at most", change={"lasts_s": 61.0})
    yield Fault(name="ResetThing while online", reset=True)
    yield Fault(name="ResetThing while off line", change={"dialling": _transient(Cause.NETWORK)}, reset=True)
    change = {"registration": failure_of("6288", "", None)}
    yield Fault(name="ResetThing, and registration off", change=change, reset=True, max_back_s=_SELDOM_S)


def _one_day(fault: Fault, seed: int, tally: Tally) -> str:
    platform = Platform()
    life = Life(platform, random.Random(seed))
    if not fault.at_boot:
        life.run(_BEGIN_S + 3600)
        # The fault ends the session that is up.
        platform.lasts_s = 1.0
        life.end_session()
    if fault.reset:
        platform.reset()
    for name, value in fault.change.items():
        setattr(platform, name, value)
    if not fault.at_boot and "lasts_s" not in fault.change:
        platform.lasts_s = _LONG_S
    begins_s = life.now_s
    life.run(begins_s + DAY_S)
    during = sorted(at for at in (*life.dials, *life.registrations) if at > begins_s)
    asked = life.max_an_hour([at for at in during if at > begins_s + 3600])
    platform.heal()
    heals_s = life.now_s
    # A session that is short by fault still ends; what counts is one that lasts.
    back_s = life.online_by(heals_s + fault.max_back_s)
    if back_s is None:
        tally.fail("stuck", f"{fault.name}: not online {fault.max_back_s:.0f} s after the fault ended")
        return ""
    wrong = [*life.broken]
    lines = life.max_an_hour(life.lines_at)
    if asked > fault.max_an_hour:
        wrong.append(f"{asked} attempts an hour, {fault.max_an_hour} allowed")
    if lines > _MAX_LINES_AN_HOUR:
        wrong.append(f"{lines} lines an hour")
    tally.check(not wrong, f"{fault.name}: {'; '.join(wrong)}")
    return f"{fault.name} | {asked} | {lines} | {back_s - heals_s:,.0f}"


def bad_days(seed: int) -> Tally:
    """Let each fault last a day, and end; return what was done, at which pace, and how soon all was well again."""
    tally = Tally(attack="the cloud on a bad day")
    rows = [_one_day(fault, seed + number, tally) for number, fault in enumerate(faults())]
    tally.facts.append("fault | attempts an hour at most, after the first | lines an hour at most | back after s")
    tally.facts += [row for row in rows if row]
    return tally


def soak(seed: int, days: int) -> Tally:
    """Live many days in which the fault changes at random; each must end online."""
    tally = Tally(attack="soak, simulated")
    chance = random.Random(seed)
    choices = list(faults())
    sessions = logins = 0
    for day in range(days):
        platform = Platform()
        life = Life(platform, random.Random(seed + day))
        while life.now_s < _BEGIN_S + DAY_S:
            platform.heal()
            fault = choices[int(chance.random() * len(choices))]
            for name, value in fault.change.items():
                setattr(platform, name, value)
            if fault.reset:
                platform.reset()
            if chance.random() < 0.5:
                platform.lasts_s = chance.uniform(0.5, 400.0)
            life.run(life.now_s + chance.expovariate(1 / 600))
        platform.heal()
        lines = life.max_an_hour(life.lines_at)
        wrong = [*life.broken, *([f"{lines} lines in an hour"] if lines > 4 * _MAX_LINES_AN_HOUR else [])]
        if life.online_by(life.now_s + MAX_BACK_S + backoff.REREGISTER_CAP_S) is None:
            tally.fail("stuck", f"seed {seed + day}: {life.state.phase.value} for {life.state.goal}")
        else:
            tally.check(not wrong, f"seed {seed + day}: {'; '.join(wrong[:3])}")
        sessions, logins = sessions + life.sessions, logins + len(life.logins)
    tally.facts.append(f"soak: {days} days, {logins:,} logins, {sessions:,} sessions")
    return tally
