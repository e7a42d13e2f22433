"""Wait until the daemon can run: no product identity is configured, or the hardware or a disk is not ready."""

from __future__ import annotations

import os
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from ..config.environment import identity_of
from ..config.files import load
from ..config.problems import ConfigError, MissingFact
from ..config.schema import Config
from ..config.watch import POLL_S, ConfigWatch
from ..core.exit_codes import ExitCode
from ..events.model import Details, Event
from ..reporting.announce import announce, context_of
from ..reporting.headline import trouble
from ..reporting.journal import Journal
from ..reporting.status import NOT_PROVISIONED
from ..reporting.status_file import StatusFile, own_status
from ..system.notify import Notifier
from .loop import Loop, Source
from .stop_signals import StopSignals
from .worker import Result, Worker

# At least one line an hour.
REPEAT_S = 3300.0
# A separate process tests whether a library can be loaded: after one failure, imports in this process may keep failing.
TRY_EVERY_S, _TRY_S = 20.0, 60.0
# How soon another reason is logged.
NEW_REASON_S = 60.0
_ADDRESS = r"\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b"
# A process that cannot see a new host name exits to look for it: soon after a boot at first, when DHCP may set it.
_MIN_BLIND_S = 60.0


def _is_service() -> bool:
    return "NOTIFY_SOCKET" in os.environ


def _utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def blind_s(uptime_s: float, repeat_s: float) -> float:
    """Return how long a process waits that would not see a new host name.

    Each waits for twice as long as the gateway has been up. So there are four in the first hour, whatever systemd says
    of each restart, and then one an hour, and none has to remember how many there were.
    """
    return min(repeat_s, max(_MIN_BLIND_S, 2 * uptime_s))


def is_another_reason(before: str, now: str) -> bool:
    """Say whether a reason must be logged again: not if only a random hardware address in it has changed."""
    return re.sub(_ADDRESS, "", now) != re.sub(_ADDRESS, "", before)


class AwaitingSetup:
    """Log what is missing, and look for it; report to the service manager like the daemon."""

    def __init__(
        self,
        event: Event,
        detail: str,
        config: Config,
        config_path: Path,
        watch: ConfigWatch,
        journal: Journal,
        repeat_s: float = REPEAT_S,
    ) -> None:
        self._event, self._detail = event, detail
        self._config, self._config_path, self._watch = config, config_path, watch
        self._journal = journal
        self._notifier = Notifier()
        self._status_file = StatusFile(config.runtime_dir)
        self._since, self._since_s = _utc_now(), time.monotonic()
        self._repeat_s = repeat_s
        self._repeat_at = self._new_reason_at = 0.0
        self._loop = Loop()
        self._import_check, self._cure = "", ""
        self._try_every_s = TRY_EVERY_S
        self._try_at: float | None = None

    def wait_for_module(self, import_check: str, cure: str, try_every_s: float = TRY_EVERY_S) -> None:
        """Wait for a library that cannot be loaded: until Python can run `import_check`.

        A try may take long, and runs beside the loop. The first is not at once: if a try succeeds and
        the next start fails anyway, this costs one new process each 20 s.
        """
        self._import_check, self._cure = import_check, cure
        self._try_every_s = try_every_s
        self._try_at = time.monotonic() + try_every_s
        self._worker = Worker(self._loop, "look")
        self._loop.add(Source(due_at=lambda: self._try_at, on_due=self._try_to_load))

    def run(self) -> int:
        """Run until a new process can do more, or until a stop signal."""
        with StopSignals(self._loop, lambda: self._end(Event.STOPPING)):
            self._repeat()
            self._notifier.ready()
            self._loop.every(lambda: self._notifier.watchdog_interval_s, self._notifier.watchdog)
            self._loop.add(Source(due_at=lambda: self._repeat_at, on_due=self._repeat))
            self._loop.every(lambda: POLL_S, self._look)
            self._loop.add(Source(due_at=self._journal.retry_at, on_due=self._flush_journal))
            self._loop.add(Source(due_at=self._notifier.retry_at, on_due=self._notifier.flush))
            self._loop.run()
            self._journal.close()
        return ExitCode.DONE

    def _repeat(self) -> None:
        now_s = time.monotonic()
        if self._repeat_at and self._is_blind():
            # A new process logs it again, or has a name.
            self._notifier.stopping()
            self._loop.end()
            return
        self._repeat_at = now_s + (blind_s(now_s, self._repeat_s) if self._is_blind() else self._repeat_s)
        self._new_reason_at = now_s + NEW_REASON_S
        self._log(self._event, self._detail)

    def _is_blind(self) -> bool:
        """Say whether this process cannot see a new host name: with ProtectHostname= it has that of its start."""
        return self._event is Event.DEVICE_NAME_UNKNOWN and "{hostname}" in self._config.device_name and _is_service()

    def _look(self) -> None:
        change = self._watch.look()
        if self._is_ready() or (change is not None and not change.problems):
            self._end(Event.CONFIG_CHANGED)
        elif change is not None:
            for problem in change.problems:
                self._log(Event.CONFIG_CHANGE_INVALID, problem)

    def _flush_journal(self) -> None:
        if (lost := self._journal.flush()) is not None:
            announce(
                Event.LINES_LOST,
                Details(detail=str(lost)),
                context_of(self._config),
                state=NOT_PROVISIONED,
                journal=self._journal,
            )

    def _is_ready(self) -> bool:
        """Say whether what was missing is there, with the same configuration; a new process says what is wrong then."""
        try:
            if self._event is Event.DEVICE_NAME_UNKNOWN:
                identity_of(self._config)
            elif self._event is Event.CONFIG_UNREADABLE:
                load(self._config_path, names_required=False)
        except MissingFact as fact:
            self._detail, before = str(fact), self._detail
            if is_another_reason(before, self._detail):
                self._repeat_at = min(self._repeat_at, self._new_reason_at)
            return False
        except OSError:
            # No descriptor is left.
            return False
        except ConfigError as error:
            return not error.unread
        return self._event not in {Event.NOT_PROVISIONED, Event.SOFTWARE_BROKEN}

    def _try_to_load(self) -> None:
        def job() -> bool:
            # Imported here: a healthy gateway does not need it.
            from ..system.processes import ask

            return ask([sys.executable, "-I", "-c", self._import_check], timeout_s=_TRY_S).code == 0

        self._try_at = None
        self._worker.submit(job, self._tried)

    def _tried(self, result: Result) -> None:
        self._try_at = time.monotonic() + self._try_every_s
        if result.value:
            self._end(Event.CONFIG_CHANGED)

    def _end(self, event: Event) -> None:
        self._log(event)
        self._notifier.stopping()
        self._loop.end()

    def _log(self, event: Event, detail: str = "") -> None:
        details, context = Details(detail=detail, cure=self._cure if detail else ""), context_of(self._config)
        announce(event, details, context, state=NOT_PROVISIONED, notifier=self._notifier, journal=self._journal)
        last = trouble(event, details, context, _utc_now())
        self._status_file.write(own_status(NOT_PROVISIONED, self._since, self._since_s, context, last, event))
