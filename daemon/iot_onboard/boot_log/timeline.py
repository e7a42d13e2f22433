"""Where the time from the kernel's start to online went: what the journal tells of a boot in, spans out. Pure.

The moments of a boot are walked through in order. Each ends a span that began where the one before ended, so the spans
of a boot follow each other without a gap and add up to the whole. What a span was spent on says the moment at its end
where that ends something (`registered`, `online`), else the one at its beginning (a failure: its cause is waited for).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from ..core import units
from ..core.failures import Cause
from ..core.timings import Timings
from ..events.model import Event
from ..events.model import Kind as EventKind
from ..events.table import TABLE
from .boots import BootStart
from .entries import JournalEntry
from .timeline_model import ABOUT, Group, Kind, Span, Timeline

# systemd's "Starting ..." and "Main process exited" (sd-messages.h).
STARTING_ID = "7d4958e842da4a758f6c1cdc7b36dcc5"
EXITED_ID = "98e322203f7a4ed290d09fe03c09fe15"


@dataclass(slots=True, kw_only=True)
class _Walk:
    """Cut the time into spans; `label` is what it is for since the last cut, if the next moment knows no better."""

    cut_us: int
    label: Kind
    spans: list[Span] = field(default_factory=list)

    def cut(self, kind: Kind, at_us: int, then: Kind | None = None) -> None:
        """End the present span, as a kind; lines that came in the wrong order end none."""
        if at_us > self.cut_us:
            same = bool(self.spans) and self.spans[-1].kind is kind
            begin_us = self.spans.pop().begin_us if same else self.cut_us
            self.spans.append(Span(kind=kind, begin_us=begin_us, end_us=at_us))
            self.cut_us = at_us
        self.label = then or self.label


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leg:
    """Name the kinds of an exchange with the platform."""

    own: Kind
    dns: Kind
    tcp: Kind
    tls: Kind
    answer: Kind


_REGISTRATION = _Leg(
    own=Kind.REGISTRATION_OWN,
    dns=Kind.REGISTRATION_DNS,
    tcp=Kind.REGISTRATION_TCP,
    tls=Kind.REGISTRATION_TLS,
    answer=Kind.REGISTRATION_ANSWER,
)
_LOGIN = _Leg(own=Kind.LOGIN_OWN, dns=Kind.LOGIN_DNS, tcp=Kind.LOGIN_TCP, tls=Kind.LOGIN_TLS, answer=Kind.LOGIN_ANSWER)
_BEGINNINGS = {
    Event.STARTED: Kind.LOOK,
    Event.NOT_SET_UP: Kind.SETUP,
    Event.NAME_UNKNOWN: Kind.SETUP,
    Event.CONFIGURATION_UNREAD: Kind.SETUP,
}
_ATTEMPTS = {
    Event.REGISTERING: Kind.REGISTRATION_OWN,
    Event.REREGISTERING: Kind.REGISTRATION_OWN,
    Event.CONNECTING: Kind.LOGIN_OWN,
}
_SECRET = {Event.SECRET_FOUND, Event.SECRET_RECOVERED, Event.SECRET_DAMAGED, Event.OTHER_DEVICE}
_ENDINGS = {Event.STOPPING, Event.SETTINGS_CHANGED, Event.WORKER_STUCK, Event.INTERNAL_ERROR}
_WAITS = {
    Event.CLOCK_WRONG: Kind.CLOCK,
    Event.SECRET_UNREADABLE: Kind.DISK,
    Event.STORE_NOT_WRITABLE: Kind.DISK,
    Event.SAVE_FAILED: Kind.DISK,
    Event.NOT_CONFIGURED: Kind.SETUP,
    Event.CONFIGURATION_WRONG: Kind.SETUP,
}
_CAUSES = {
    Cause.NAME_LOOKUP: Kind.NAMES,
    Cause.NETWORK: Kind.NETWORK,
    Cause.PROXY: Kind.NETWORK,
    Cause.TLS: Kind.NETWORK,
    Cause.TLS_DATE: Kind.NETWORK,
    Cause.TIMEOUT: Kind.NETWORK,
    Cause.ANSWER: Kind.NETWORK,
    Cause.CLOSED_BY_SERVER: Kind.NETWORK,
}
_SLUGS = {cause.slug: kind for cause, kind in _CAUSES.items()}


def timeline(boot: int, start: BootStart, moments: Sequence[JournalEntry], now_us: int | None) -> Timeline:
    """Return the timeline of a boot; `now_us` is the present, where it is the present boot. Needs a moment at least."""
    ordered = sorted(moments, key=lambda moment: moment.at_us)
    walk = _Walk(cut_us=start.origin_us, label=Kind.SYSTEM)
    if start.initrd_us is not None:
        walk.cut(Kind.KERNEL, start.initrd_us)
    if start.userspace_us is not None:
        walk.cut(Kind.KERNEL if start.initrd_us is None else Kind.INITRD, start.userspace_us, then=Kind.UNITS)
    # The newest line knows the wall clock best: at the beginning it may not have been set.
    newest = last = ordered[-1]
    online = False
    for moment in ordered:
        _take(walk, moment)
        if moment.event == Event.ONLINE.value and not moment.by_manager:
            online, last = True, moment
            break
    if not online:
        walk.cut(Kind.OTHER if walk.label in _ATTEMPTS.values() else walk.label, now_us or last.at_us)
    return Timeline(
        boot=boot,
        boot_id=last.boot_id,
        began=newest.utc - timedelta(microseconds=newest.at_us - start.origin_us),
        spans=tuple(_since(start.origin_us, walk.spans)),
        online=online,
        last=last,
        before_us=start.before_us,
    )


def _take(walk: _Walk, moment: JournalEntry) -> None:
    if moment.by_manager:
        _take_managers(walk, moment)
        return
    try:
        event = Event(moment.event)
    except ValueError:
        return
    at_us, kind = moment.at_us, TABLE[event].kind
    if event in _BEGINNINGS:
        walk.cut(walk.label, at_us, then=_BEGINNINGS[event])
    elif event in _SECRET:
        walk.cut(walk.label, at_us)
    elif event in _ATTEMPTS:
        walk.cut(walk.label, at_us, then=_ATTEMPTS[event])
    elif event is Event.REGISTERED:
        _exchange(walk, moment, _REGISTRATION, then=Kind.STORE)
    elif event is Event.SECRET_STORED:
        walk.cut(walk.label, at_us, then=Kind.LOGIN_OWN)
    elif event is Event.ONLINE:
        _exchange(walk, moment, _LOGIN, then=Kind.OTHER)
    elif event in _ENDINGS:
        walk.cut(walk.label, at_us, then=Kind.DOWN)
    elif kind is EventKind.TROUBLE or event in _WAITS:
        wait = _WAITS.get(event) or _SLUGS.get(moment.cause or "", Kind.PLATFORM)
        # An attempt that failed is the time of what it failed for; what was waited for before stays what it was.
        walk.cut(walk.label if ABOUT[walk.label].group is Group.WAITING else wait, at_us, then=wait)


def _take_managers(walk: _Walk, moment: JournalEntry) -> None:
    if moment.unit != units.SERVICE:
        return
    if moment.message_id == STARTING_ID:
        walk.cut(walk.label, moment.at_us, then=Kind.START)
    elif moment.message_id == EXITED_ID:
        # What is set up wrong ends the service, and it is not started again before somebody mends that.
        walk.cut(walk.label, moment.at_us, then=Kind.SETUP if walk.label is Kind.SETUP else Kind.DOWN)


def _exchange(walk: _Walk, moment: JournalEntry, leg: _Leg, *, then: Kind) -> None:
    """Cut an exchange into its parts, backwards from its end; before the first of them is our own work."""
    end_us, took = moment.at_us, moment.took
    begin_us = max(end_us - _us(moment.duration_ms), walk.cut_us)
    walk.cut(walk.label if ABOUT[walk.label].group is Group.WAITING else leg.own, begin_us)
    if took == Timings():
        walk.cut(leg.answer, end_us, then=then)
        return
    parts = ((leg.dns, took.dns_ms), (leg.tcp, took.tcp_ms), (leg.tls, took.tls_ms), (leg.answer, took.answer_ms))
    left_us = sum(_us(ms) for _, ms in parts)
    walk.cut(leg.own, max(end_us - left_us, begin_us))
    for kind, ms in parts:
        left_us -= _us(ms)
        walk.cut(kind, max(end_us - left_us, begin_us), then=then)


def _us(milliseconds: int | None) -> int:
    return max(milliseconds or 0, 0) * 1000


def _since(origin_us: int, spans: Sequence[Span]) -> Iterator[Span]:
    for span in spans:
        yield Span(kind=span.kind, begin_us=span.begin_us - origin_us, end_us=span.end_us - origin_us)
