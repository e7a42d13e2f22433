"""The words of a timeline: what the time from the kernel's start to online can be spent on. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from .entries import JournalEntry


class Group(enum.Enum):
    """Say whose time it is."""

    SYSTEM = "the system"
    OURS = "iot-onboard"
    NETWORK = "the network"
    PLATFORM = "the platform"
    WAITING = "waiting"


class Kind(enum.Enum):
    """Name what time is spent on; the value stays."""

    SYSTEM = "system"
    KERNEL = "kernel"
    INITRD = "initrd"
    UNITS = "units"
    START = "start"
    LOOK = "look"
    REGISTRATION_OWN = "registration-own"
    REGISTRATION_DNS = "registration-dns"
    REGISTRATION_TCP = "registration-tcp"
    REGISTRATION_TLS = "registration-tls"
    REGISTRATION_ANSWER = "registration-answer"
    STORE = "store"
    LOGIN_OWN = "login-own"
    LOGIN_DNS = "login-dns"
    LOGIN_TCP = "login-tcp"
    LOGIN_TLS = "login-tls"
    LOGIN_ANSWER = "login-answer"
    NAMES = "waiting-names"
    NETWORK = "waiting-network"
    CLOCK = "waiting-clock"
    PLATFORM = "waiting-platform"
    DISK = "waiting-disk"
    SETUP = "waiting-setup"
    DOWN = "down"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Say what a kind of span is, in the few words that fit beside a bar."""

    title: str
    group: Group


ABOUT = {
    Kind.SYSTEM: About(title="kernel and units before", group=Group.SYSTEM),
    Kind.KERNEL: About(title="kernel", group=Group.SYSTEM),
    Kind.INITRD: About(title="initial RAM disk", group=Group.SYSTEM),
    Kind.UNITS: About(title="units before us", group=Group.SYSTEM),
    Kind.START: About(title="our own start", group=Group.OURS),
    Kind.LOOK: About(title="looking for the secret", group=Group.OURS),
    Kind.REGISTRATION_OWN: About(title="registration: preparing", group=Group.OURS),
    Kind.REGISTRATION_DNS: About(title="registration: DNS", group=Group.NETWORK),
    Kind.REGISTRATION_TCP: About(title="registration: TCP", group=Group.NETWORK),
    Kind.REGISTRATION_TLS: About(title="registration: TLS", group=Group.NETWORK),
    Kind.REGISTRATION_ANSWER: About(title="registration: answer", group=Group.PLATFORM),
    Kind.STORE: About(title="storing the secret", group=Group.OURS),
    Kind.LOGIN_OWN: About(title="login: preparing", group=Group.OURS),
    Kind.LOGIN_DNS: About(title="login: DNS", group=Group.NETWORK),
    Kind.LOGIN_TCP: About(title="login: TCP", group=Group.NETWORK),
    Kind.LOGIN_TLS: About(title="login: TLS", group=Group.NETWORK),
    Kind.LOGIN_ANSWER: About(title="login: answer", group=Group.PLATFORM),
    Kind.NAMES: About(title="no DNS, or no network", group=Group.WAITING),
    Kind.NETWORK: About(title="no way through", group=Group.WAITING),
    Kind.CLOCK: About(title="clock not set", group=Group.WAITING),
    Kind.PLATFORM: About(title="refused or put off", group=Group.WAITING),
    Kind.DISK: About(title="disk not writable", group=Group.WAITING),
    Kind.SETUP: About(title="not set up", group=Group.WAITING),
    Kind.DOWN: About(title="service not running", group=Group.WAITING),
    Kind.OTHER: About(title="under way", group=Group.OURS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Hold what some time was spent on, in microseconds since the boot began."""

    kind: Kind
    begin_us: int
    end_us: int

    @property
    def length_us(self) -> int:
        """Return how long it took."""
        return self.end_us - self.begin_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Hold a boot up to its first login, or as far as it came.

    `last` is the line that it ended with; `before_us` what firmware and boot loader took, where they tell.
    """

    boot: int
    boot_id: str
    began: datetime
    spans: tuple[Span, ...]
    online: bool
    last: JournalEntry
    before_us: int | None = None

    @property
    def whole_us(self) -> int:
        """Return how long it took, from the kernel's start."""
        return self.spans[-1].end_us if self.spans else 0

    def of(self, kind: Kind) -> int:
        """Return how long one kind of span took in all."""
        return sum(span.length_us for span in self.spans if span.kind is kind)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return what the time was spent on, in the order in which it came first."""
        return tuple(dict.fromkeys(span.kind for span in self.spans))
