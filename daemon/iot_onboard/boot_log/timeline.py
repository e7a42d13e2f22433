"""How long each step from the kernel's start to online took: entries of a boot in, spans out. Pure.

The entries of a boot are read in order. Each ends a span that began at the end of the previous one, so the spans have
no gaps and add up to the whole. The kind of a span comes from the entry at its end, if that ends something
(`registered`, `online`), or else from the entry at its beginning (a failure: the gateway waits for its cause to end).
"""

from __future__ import annotations

from collections.abc import Sequence
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
from .timeline_model import Group, Kind, Span, Timeline

# systemd's "Starting ..." and "Main process exited" (sd-messages.h).
STARTING_ID = "7d4958e842da4a758f6c1cdc7b36dcc5"
EXITED_ID = "98e322203f7a4ed290d09fe03c09fe15"


@dataclass(slots=True, kw_only=True)
class _Walk:
    """Cut the time into spans; `label` is the kind since the last cut, unless the next entry gives a better one."""

    cut_us: int
    label: Kind
    spans: list[Span] = field(default_factory=list)

    def cut(self, kind: Kind, at_us: int, then: Kind | None = None) -> None:
        """End the present span with a kind; lines in the wrong order end none."""
        if at_us > self.cut_us:
            same = bool(self.spans) and self.spans[-1].kind is kind
            begin_us = self.spans.pop().begin_us if same else self.cut_us
            self.spans.append(Span(kind=kind, begin_us=begin_us, end_us=at_us))
            self.cut_us = at_us
        self.label = then or self.label


# The kinds of an exchange with the platform: the daemon's own work before it, then its parts as in `Timings`.
_REGISTRATION = (
    Kind.REGISTRATION_OWN,
    Kind.REGISTRATION_DNS,
    Kind.REGISTRATION_TCP,
    Kind.REGISTRATION_TLS,
    Kind.REGISTRATION_ANSWER,
)
_LOGIN = (Kind.LOGIN_OWN, Kind.LOGIN_DNS, Kind.LOGIN_TCP, Kind.LOGIN_TLS, Kind.LOGIN_ANSWER)
# The kind of the time after an event; these events end any kind before them.
_NEXT = {
    Event.STARTED: Kind.LOOK,
    Event.NOT_PROVISIONED: Kind.SETUP,
    Event.DEVICE_NAME_UNKNOWN: Kind.SETUP,
    Event.CONFIG_UNREADABLE: Kind.SETUP,
    Event.REGISTERING: Kind.REGISTRATION_OWN,
    Event.REREGISTERING: Kind.REGISTRATION_OWN,
    Event.SECRET_STORED: Kind.LOGIN_OWN,
    Event.CONNECTING: Kind.LOGIN_OWN,
    Event.STOPPING: Kind.DOWN,
    Event.CONFIG_CHANGED: Kind.DOWN,
    Event.WORKER_STUCK: Kind.DOWN,
    Event.INTERNAL_ERROR: Kind.DOWN,
}
_SECRET = {Event.SECRET_FOUND, Event.SECRET_RECOVERED, Event.SECRET_DAMAGED, Event.OTHER_DEVICE}
_WAITS = {
    Event.CLOCK_NOT_SET: Kind.CLOCK,
    Event.SECRET_UNREADABLE: Kind.DISK,
    Event.STORE_NOT_WRITABLE: Kind.DISK,
    Event.STORE_VOLATILE: Kind.DISK,
    Event.SAVE_FAILED: Kind.DISK,
    Event.SECRET_FILE_INVALID: Kind.SETUP,
    Event.CONFIG_INVALID: Kind.SETUP,
}
_UNREACHABLE = {
    Cause.NETWORK, Cause.PROXY, Cause.TLS, Cause.TLS_DATE, Cause.TIMEOUT, Cause.ANSWER, Cause.CLOSED_BY_SERVER,
}  # fmt: skip
_CAUSES = {Cause.NAME_LOOKUP.slug: Kind.NAMES} | {cause.slug: Kind.NETWORK for cause in _UNREACHABLE}


def timeline(boot: int, start: BootStart, entries: Sequence[JournalEntry], now_us: int | None) -> Timeline:
    """Return the timeline of a boot with at least one entry; `now_us` is the present time, if it is this boot."""
    ordered = sorted(entries, key=lambda entry: entry.at_us)
    walk = _Walk(cut_us=start.origin_us, label=Kind.SYSTEM)
    if start.initrd_us is not None:
        walk.cut(Kind.KERNEL, start.initrd_us)
    if start.userspace_us is not None:
        walk.cut(Kind.KERNEL if start.initrd_us is None else Kind.INITRD, start.userspace_us, then=Kind.UNITS)
    # The newest line has the best wall clock: at the beginning it may not have been set.
    newest = ordered[-1]
    # The timeline is the gateway's: it leaves out events about devices that it speaks for.
    own = [entry for entry in ordered if not entry.other]
    last = own[-1] if own else newest
    online = False
    for entry in own:
        _take(walk, entry)
        if entry.event == Event.ONLINE.value and not entry.by_manager:
            online, last = True, entry
            break
    if not online:
        walk.cut(Kind.OTHER if walk.label in (_REGISTRATION[0], _LOGIN[0]) else walk.label, now_us or last.at_us)
    return Timeline(
        boot=boot,
        boot_id=last.boot_id,
        began=newest.utc - timedelta(microseconds=newest.at_us - start.origin_us),
        spans=tuple(
            Span(kind=span.kind, begin_us=span.begin_us - start.origin_us, end_us=span.end_us - start.origin_us)
            for span in walk.spans
        ),
        online=online,
        last=last,
        before_us=start.before_us,
    )


def _take(walk: _Walk, entry: JournalEntry) -> None:
    if entry.by_manager:
        _take_managers(walk, entry)
        return
    try:
        event = Event(entry.event)
    except ValueError:
        return
    at_us, kind = entry.at_us, TABLE[event].kind
    if event in _NEXT or event in _SECRET:
        walk.cut(walk.label, at_us, then=_NEXT.get(event))
    elif event is Event.REGISTERED:
        _exchange(walk, entry, _REGISTRATION, then=Kind.STORE)
    elif event is Event.ONLINE:
        _exchange(walk, entry, _LOGIN, then=Kind.OTHER)
    elif kind is EventKind.TROUBLE or event in _WAITS:
        wait = _WAITS.get(event) or _CAUSES.get(entry.cause or "", Kind.PLATFORM)
        # The time of a failed attempt counts for its cause; a wait before it keeps its kind.
        walk.cut(walk.label if walk.label.group is Group.WAITING else wait, at_us, then=wait)


def _take_managers(walk: _Walk, entry: JournalEntry) -> None:
    if entry.unit != units.SERVICE:
        return
    if entry.message_id == STARTING_ID:
        walk.cut(walk.label, entry.at_us, then=Kind.START)
    elif entry.message_id == EXITED_ID:
        # A wrong configuration ends the service, and it does not start again before somebody fixes that.
        walk.cut(walk.label, entry.at_us, then=Kind.SETUP if walk.label is Kind.SETUP else Kind.DOWN)


def _exchange(walk: _Walk, entry: JournalEntry, kinds: tuple[Kind, ...], *, then: Kind) -> None:
    """Cut an exchange into its parts, backwards from its end; before the first of them is the daemon's own work."""
    own, *timed = kinds
    end_us, timings = entry.at_us, entry.timings
    begin_us = max(end_us - _us(entry.duration_ms), walk.cut_us)
    walk.cut(walk.label if walk.label.group is Group.WAITING else own, begin_us)
    if timings == Timings():
        walk.cut(timed[-1], end_us, then=then)
        return
    parts_us = [_us(ms) for ms in (timings.dns_ms, timings.tcp_ms, timings.tls_ms, timings.answer_ms)]
    left_us = sum(parts_us)
    walk.cut(own, max(end_us - left_us, begin_us))
    for kind, part_us in zip(timed, parts_us, strict=True):
        left_us -= part_us
        walk.cut(kind, max(end_us - left_us, begin_us), then=then)


def _us(milliseconds: int | None) -> int:
    return max(milliseconds or 0, 0) * 1000
