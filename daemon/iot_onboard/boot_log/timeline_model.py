"""The types of a timeline: the kinds of steps from the kernel's start to online. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from .entries import JournalEntry


class Group(enum.Enum):
    """Name who used the time."""

    SYSTEM = "the system"
    OURS = "iot-onboard"
    NETWORK = "the network"
    PLATFORM = "the platform"
    WAITING = "waiting"


class Kind(enum.Enum):
    """Name a kind of step, with a short title that fits beside a bar, and who used the time.

    The name in `slug` must not change: programs read it.
    """

    SYSTEM = "system", "kernel and other units", Group.SYSTEM
    KERNEL = "kernel", "kernel", Group.SYSTEM
    INITRD = "initrd", "initial RAM disk", Group.SYSTEM
    UNITS = "units", "other units", Group.SYSTEM
    START = "start", "start of iot-onboard", Group.OURS
    LOOK = "look", "looking for the secret", Group.OURS
    REGISTRATION_OWN = "registration-own", "registration: preparing", Group.OURS
    REGISTRATION_DNS = "registration-dns", "registration: DNS", Group.NETWORK
    REGISTRATION_TCP = "registration-tcp", "registration: TCP", Group.NETWORK
    REGISTRATION_TLS = "registration-tls", "registration: TLS", Group.NETWORK
    REGISTRATION_ANSWER = "registration-answer", "registration: answer", Group.PLATFORM
    STORE = "store", "storing the secret", Group.OURS
    LOGIN_OWN = "login-own", "login: preparing", Group.OURS
    LOGIN_DNS = "login-dns", "login: DNS", Group.NETWORK
    LOGIN_TCP = "login-tcp", "login: TCP", Group.NETWORK
    LOGIN_TLS = "login-tls", "login: TLS", Group.NETWORK
    LOGIN_ANSWER = "login-answer", "login: answer", Group.PLATFORM
    NAMES = "waiting-names", "no DNS, or no network", Group.WAITING
    NETWORK = "waiting-network", "server not reachable", Group.WAITING
    CLOCK = "waiting-clock", "clock not set", Group.WAITING
    PLATFORM = "waiting-platform", "refused or delayed", Group.WAITING
    DISK = "waiting-disk", "disk not writable", Group.WAITING
    SETUP = "waiting-setup", "not set up", Group.WAITING
    DOWN = "down", "service not running", Group.WAITING
    OTHER = "other", "in progress", Group.OURS

    def __init__(self, slug: str, title: str, group: Group) -> None:
        self.slug = slug
        self.title = title
        self.group = group


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Hold a span of time and its kind, in microseconds since the boot began."""

    kind: Kind
    begin_us: int
    end_us: int

    @property
    def length_us(self) -> int:
        """Return its length."""
        return self.end_us - self.begin_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Hold a boot up to its first login, or up to its last entry.

    `last` is the last entry; `before_us` is the time of firmware and boot loader, if they report it.
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
        """Return its length, from the kernel's start."""
        return self.spans[-1].end_us if self.spans else 0

    def of(self, kind: Kind) -> int:
        """Return how long one kind took in all."""
        return sum(span.length_us for span in self.spans if span.kind is kind)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return the kinds, in the order of their first spans."""
        return tuple(dict.fromkeys(span.kind for span in self.spans))
