"""The types of a timeline: what the time from the kernel's start to online can be spent on. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from .entries import JournalEntry


class Group(enum.Enum):
    """Name who uses the time."""

    SYSTEM = "the system"
    OURS = "iot-onboard"
    NETWORK = "the network"
    PLATFORM = "the platform"
    WAITING = "waiting"


class Kind(enum.Enum):
    """Name what time is spent on, with a short text for the bar, and who uses it.

    Never change a name in `slug`: programs read it.
    """

    SYSTEM = "system", "kernel and units before", Group.SYSTEM
    KERNEL = "kernel", "kernel", Group.SYSTEM
    INITRD = "initrd", "initial RAM disk", Group.SYSTEM
    UNITS = "units", "units before us", Group.SYSTEM
    START = "start", "our own start", Group.OURS
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
    NETWORK = "waiting-network", "no way through", Group.WAITING
    CLOCK = "waiting-clock", "clock not set", Group.WAITING
    PLATFORM = "waiting-platform", "refused or put off", Group.WAITING
    DISK = "waiting-disk", "disk not writable", Group.WAITING
    SETUP = "waiting-setup", "not set up", Group.WAITING
    DOWN = "down", "service not running", Group.WAITING
    OTHER = "other", "under way", Group.OURS

    def __init__(self, slug: str, title: str, group: Group) -> None:
        self.slug = slug
        self.title = title
        self.group = group


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Hold one part of the time and its kind, in microseconds since the boot began."""

    kind: Kind
    begin_us: int
    end_us: int

    @property
    def length_us(self) -> int:
        """Return its length."""
        return self.end_us - self.begin_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Hold a boot up to its first login, or up to now.

    `last` is the line that it ended with; `before_us` what firmware and boot loader took, if known.
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
        """Return the total length of one kind of span."""
        return sum(span.length_us for span in self.spans if span.kind is kind)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return the kinds of its spans, in the order of their first occurrence."""
        return tuple(dict.fromkeys(span.kind for span in self.spans))
