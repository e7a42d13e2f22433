"""Report to the operator: a journal line for each event, and the status."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..core.secret import KnownSecrets
from ..events.format import Line, line_of, reason, repeated
from ..events.model import Context, Details, Event, Kind, Priority
from ..events.rate_limit import Decision, Memories, cause_of, decide_about, repeat, repeat_at
from ..events.table import TABLE
from ..fast_start.fast_dataclasses import replace
from ..lifecycle.model import Goal, Phase
from ..lifecycle.state import State
from ..system.clock import Clock
from ..system.notify import Notifier
from .headline import Trouble, next_try_at, report, secret_words, trouble
from .history import Registration, with_session
from .journal import Journal
from .runtime_files import HistoryLog
from .status_file import StatusFile, own_status

# Longer than any sentence of ours: text of a peer is cut where it is received.
MAX_DETAIL = 1000
# How soon a status that could not be written is written again.
STATUS_AGAIN_S = 60.0


class Reporter:
    """Write events to the journal, and the state to the service manager and the status file."""

    def __init__(
        self,
        *,
        context: Context,
        paho_version: str,
        registration_url: str,
        mqtt_endpoint: str,
        runtime_dir: Path,
        journal: Journal,
        notifier: Notifier,
        clock: Clock,
        known: KnownSecrets,
    ) -> None:
        self._context = context
        self._paho_version = paho_version
        self._registration_url = registration_url
        self._mqtt_endpoint = mqtt_endpoint
        self._runtime_dir = runtime_dir
        self._journal = journal
        self._notifier = notifier
        self._status_file = StatusFile(runtime_dir)
        self._history_log = HistoryLog(runtime_dir)
        self._history = self._history_log.read()
        self._clock = clock
        self._known = known
        self._last: Trouble | None = None
        self._last_event: Event | None = None
        self._phase: Phase | None = None
        self._since = ("", 0.0)
        self._was_online = False
        self._runtime_warned = False
        self._status_again_at: float | None = None
        self._memories = Memories()
        self._logged: tuple[Event, Details] | None = None

    def log_event(self, event: Event, details: Details, state: State) -> None:
        """Write one line, with its journal fields; one that only repeats another goes to debug level.

        Status and history are the gateway's: an event about another device leaves them as they are.
        """
        entry, context = TABLE[event], self._context_in(state)
        if details.detail:
            details = replace(details, detail=self._known.shown(details.detail, MAX_DETAIL))
        if details.cause and not details.cure:
            details = replace(details, cure=_cure_for(details.cause))
        line = line_of(event, details, context, state.phase.value)
        other, cause = context.other(details), cause_of(event.value, details.cause, details.detail)
        now_s = self._clock.monotonic_s()
        self._memories, decision = decide_about(self._memories, other, entry.kind, cause, now_s)
        self._journal.write(self._counted(line, decision) if decision.log else replace(line, priority=Priority.DEBUG))
        if other is not None:
            return
        self._last_event = event
        if entry.kind is Kind.TROUBLE:
            self._logged = event, details
        if entry.kind is Kind.TROUBLE or (entry.kind is Kind.NOTE and entry.priority <= Priority.WARNING):
            self._last = trouble(event, details, context, self._utc_text())
        self._remember(event, details)

    def repeat_at(self) -> float | None:
        """Return when `repeat_if_due` has something to log, or `None`."""
        times = (repeat_at(self._memories.own), self._status_again_at)
        return min((at for at in times if at is not None), default=None)

    def repeat_if_due(self, state: State) -> None:
        """Log a lasting trouble again when it is time, with the next try as it is now."""
        now_s = self._clock.monotonic_s()
        if self._status_again_at is not None and now_s >= self._status_again_at:
            self.publish_status(state)
        own, decision = repeat(self._memories.own, now_s)
        self._memories = replace(self._memories, own=own)
        if decision.log and self._logged is not None:
            event, details = self._logged
            left_s = max(0.0, (next_try_at(state) or now_s) - now_s)
            line = line_of(event, replace(details, next_try_s=left_s), self._context_in(state), state.phase.value)
            self._journal.write(self._counted(line, decision))

    def journal_retry_at(self) -> float | None:
        """Return when `flush_journal` has something to do, or `None`."""
        return self._journal.retry_at()

    def flush_journal(self, state: State) -> None:
        """Write the lines that the journal did not take, and log once how many were lost."""
        if (lost := self._journal.flush()) is not None:
            self.log_event(Event.LINES_LOST, Details(detail=str(lost)), state)

    def close_journal(self) -> None:
        """Write the waiting lines as far as possible at once: the process ends."""
        self._journal.close()

    def publish_status(self, state: State) -> None:
        """Publish the present state of the daemon."""
        context, now_s = self._context_in(state), self._clock.monotonic_s()
        if self._phase is None:
            # Written before the status, because readers of the status trust the history.
            self._history_log.write(self._history)
        if state.phase is not self._phase:
            self._phase, self._since = state.phase, (self._utc_text(), now_s)
        shown = report(state, context, self._last, now_s, self._clock.utc_now().astimezone())
        self._notifier.status(shown.headline)
        issued_at = state.credentials.issued_at if state.credentials is not None else None
        status = replace(
            own_status(state.phase.value, *self._since, context, self._last, self._last_event),
            goal=state.goal.value if state.goal is not None else None,
            attempt=state.failures,
            next_try_at=_text(shown.next_try_at),
            next_try_monotonic_s=shown.next_try_monotonic_s,
            online_since=self._since[0] if state.phase is Phase.ONLINE else None,
            secret=secret_words(state),
            secret_issued_at=_text(issued_at),
            paho_version=self._paho_version,
        )
        written = self._status_file.write(status)
        # A gateway that stays online has no other reason to write: its old status would stay for ever.
        self._status_again_at = None if written else now_s + STATUS_AGAIN_S
        if not written:
            self.warn_runtime_dir(state)

    def warn_runtime_dir(self, state: State) -> None:
        """Log once that the runtime directory cannot be written."""
        if not self._runtime_warned:
            self._runtime_warned = True
            details = Details(detail=str(self._runtime_dir))
            self.log_event(Event.RUNTIME_DIR_NOT_WRITABLE, details, state)

    def _remember(self, event: Event, details: Details) -> None:
        """Store what survives a restart of the service; `_phase` is still the one before the event."""
        if event is Event.ONLINE:
            now_s = self._clock.monotonic_s()
            self._history = with_session(self._history, now_s, reconnect=self._was_online)
            self._was_online = True
        elif event is Event.REGISTERED or (self._phase is Phase.REGISTERING and TABLE[event].kind is Kind.TROUBLE):
            outcome = "registered" if event is Event.REGISTERED else reason(details)
            self._history = replace(self._history, registration=Registration(at=self._utc_text(), outcome=outcome))
        else:
            return
        self._history_log.write(self._history)

    def _counted(self, line: Line, decision: Decision) -> Line:
        if decision.lasts_s <= 0:
            return line
        # From the present clock: at the beginning it may not have been set.
        now = self._clock.utc_now().astimezone()
        count = repeated(decision.times, now - timedelta(seconds=decision.lasts_s), now)
        return replace(line, message=f"{line.message} ({count})")

    def _context_in(self, state: State) -> Context:
        if state.phase is Phase.REGISTERING or state.goal is Goal.REGISTER:
            return replace(self._context, endpoint=self._registration_url)
        return replace(self._context, endpoint=self._mqtt_endpoint)

    def _utc_text(self) -> str:
        return self._clock.utc_now().isoformat(timespec="seconds")


def _cure_for(cause: str) -> str:
    try:
        # Imported here: a start without failures does not need it.
        from ..events.causes import cure_for
    except OSError:
        # No descriptor is left: the line is written without it.
        return ""
    return cure_for(cause)


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds")
