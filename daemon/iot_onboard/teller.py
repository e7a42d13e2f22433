"""Tell the operator: a line for each event, and the status for whoever asks."""

from __future__ import annotations

import os
from dataclasses import replace

from .clock import Clock
from .events import TABLE, Context, Details, Event, Priority, journal_fields, sentence
from .jobs import Jobs
from .journal import Journal, Line
from .lifecycle.model import Goal, Phase, State
from .notifier import Notifier
from .status import SCHEMA, Status, StatusFile, start_ticks
from .status_report import report


class Teller:
    """Write events to the journal, and the state to the service manager and the status file."""

    def __init__(
        self,
        *,
        context: Context,
        jobs: Jobs,
        journal: Journal,
        notifier: Notifier,
        status_file: StatusFile,
        clock: Clock,
    ) -> None:
        self._context = context
        self._jobs = jobs
        self._journal = journal
        self._notifier = notifier
        self._status_file = status_file
        self._clock = clock
        self._last_error: str | None = None
        self._last_event: str | None = None
        self._phase: Phase | None = None
        self._since = ""
        self._runtime_warned = False

    def announce(self, event: Event, details: Details, state: State) -> None:
        """Write one line, with its journal fields."""
        entry = TABLE[event]
        context = replace(self._context, endpoint=self._endpoint(state))
        message = sentence(event, details, context)
        fields = journal_fields(event, details, context, state.phase.value)
        line = Line(priority=entry.priority, message=message, message_id=entry.message_id, fields=fields)
        self._journal.write(line)
        self._last_event = event.value
        if event in {Event.ONLINE, Event.REGISTERED}:
            self._last_error = None
        elif entry.priority <= Priority.WARNING:
            self._last_error = message

    def tell(self, state: State) -> None:
        """Say how the daemon is now."""
        context = replace(self._context, endpoint=self._endpoint(state))
        utc_now = self._clock.utc_now()
        if state.phase is not self._phase:
            self._phase, self._since = state.phase, utc_now.isoformat(timespec="seconds")
        told = report(state, context, self._last_error, self._clock.monotonic_s(), utc_now)
        self._notifier.status(told.headline)
        status = Status(
            schema=SCHEMA,
            state=state.phase.value,
            goal=state.goal.value if state.goal is not None else None,
            since=self._since,
            product_key=context.product_key,
            device_name=context.device_name,
            endpoint=context.endpoint,
            attempt=state.failures,
            next_try_at=told.next_try_at,
            online_since=self._since if state.phase is Phase.ONLINE else None,
            last_error=self._last_error,
            last_event=self._last_event,
            agent_version=context.version,
            pid=os.getpid(),
            pid_start_ticks=start_ticks(os.getpid()),
        )
        if not self._status_file.write(status):
            self.warn_runtime(state)

    def warn_runtime(self, state: State) -> None:
        """Say once that the runtime directory cannot be written."""
        if not self._runtime_warned:
            self._runtime_warned = True
            details = Details(detail=str(self._jobs.config.runtime_dir))
            self.announce(Event.RUNTIME_NOT_WRITABLE, details, state)

    def _endpoint(self, state: State) -> str:
        if state.phase is Phase.REGISTERING or state.goal is Goal.REGISTER:
            return self._jobs.registration_url
        return f"{self._jobs.mqtt_host}:{self._jobs.config.mqtt_port}"
