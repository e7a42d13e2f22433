"""Wait until it is known who this gateway is: nobody has said so yet, or the hardware has not.

The service of a package that is installed and not set up; and that of a board whose network interface, which gives
the name, is not there yet.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ..config.device_name import expand
from ..config.environment import with_systemd_directories
from ..config.files import load
from ..config.hardware import read_facts
from ..config.problems import BadName, ConfigError, MissingFact
from ..config.reader import parse
from ..config.schema import Config
from ..config.watch import POLL_S, ConfigWatch
from ..core.exit_codes import ExitCode
from ..events.model import Details, Event
from ..reporting.announce import announce, context_of
from ..reporting.headline import trouble
from ..reporting.status import NOT_SET_UP
from ..reporting.status_file import StatusFile, own_status
from ..system.notify import Notifier
from .stop_signals import StopSignals

# No hour is silent.
REMIND_S = 3300.0


def wait_for_names(config: Config, settings: ConfigWatch) -> int:
    """Wait for a configuration with names, and end, so that the service manager starts the daemon with it."""
    names = {"product_key": config.product_key, "device_name": config.device_name}
    missing = [key for key, value in names.items() if not value]
    detail = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    return _wait(config, settings, Event.NOT_SET_UP, detail, lambda: False)


def wait_for_fact(config: Config, settings: ConfigWatch, missing: MissingFact) -> int:
    """Wait for the hardware to tell what the device name is made of, or for another configuration, and end."""

    def told() -> bool:
        try:
            expand(config.device_name, read_facts())
        except MissingFact:
            return False
        except BadName:
            return True  # a new process says what is wrong with it
        return True

    return _wait(config, settings, Event.NAME_UNKNOWN, str(missing), told)


def wait_for_files(config_path: Path, settings: ConfigWatch, error: ConfigError) -> int:
    """Wait for files that are there to become readable, and end.

    A disk that gave an error, or a process out of descriptors, may be well a moment later: ending with 78 would be for
    good. What stands in those files is not known, so this runs with the defaults.
    """
    config, _ = parse([], names_required=False)
    assert config is not None

    def told() -> bool:
        try:
            load(config_path, names_required=False)
        except ConfigError as now:
            return not now.unread  # a new process says what is wrong
        return True

    detail = "; ".join(str(problem) for problem in error.problems if problem.unread)
    return _wait(config, settings, Event.CONFIGURATION_UNREAD, detail, told)


def tell_wrong(problems: Iterable[str]) -> None:
    """Say each problem of a configuration that the daemon cannot run with, as an event."""
    for problem in problems:
        announce(Event.CONFIGURATION_WRONG, Details(detail=problem), state="stopped")


def _wait(config: Config, settings: ConfigWatch, event: Event, detail: str, told: Callable[[], bool]) -> int:
    settings.runs_with(config)
    config = with_systemd_directories(config)
    return AwaitingSetup(
        event=event,
        detail=detail,
        told=told,
        config=config,
        settings=settings,
        notifier=Notifier(),
        status_file=StatusFile(config.runtime_dir),
    ).run()


@dataclass(slots=True, kw_only=True)
class AwaitingSetup:
    """Tell what is missing, and look for it; answer the service manager as the daemon would."""

    event: Event
    detail: str
    told: Callable[[], bool]
    config: Config
    settings: ConfigWatch
    notifier: Notifier
    status_file: StatusFile
    _since_s: float = field(default_factory=time.monotonic)
    _since: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def run(self) -> int:
        """Run until there is something to run with, or until asked to stop."""
        with StopSignals() as stop_signals:
            self._remind()
            self.notifier.ready()
            remind_at = time.monotonic() + REMIND_S
            # A watchdog is answered at each turn.
            turn_s = min(POLL_S, self.notifier.watchdog_interval_s or POLL_S)
            while not select.select([stop_signals], [], [], turn_s)[0]:
                if self.notifier.watchdog_interval_s is not None:
                    self.notifier.watchdog()
                if time.monotonic() >= remind_at:
                    self._remind()
                    remind_at = time.monotonic() + REMIND_S
                if self.told():
                    return self._end(Event.SETTINGS_CHANGED)
                change = self.settings.look()
                if change is None:
                    continue
                for problem in change.problems:
                    self._announce(Event.SETTINGS_WRONG, problem)
                if not change.problems:
                    return self._end(Event.SETTINGS_CHANGED)
            return self._end(Event.STOPPING)

    def _remind(self) -> None:
        self._announce(self.event, self.detail)

    def _end(self, event: Event) -> int:
        self._announce(event)
        self.notifier.stopping()
        return ExitCode.DONE

    def _announce(self, event: Event, detail: str = "") -> None:
        details, context, level = Details(detail=detail), context_of(self.config), self.config.log_level
        announce(event, details, context, state=NOT_SET_UP, level=level, notifier=self.notifier)
        last = trouble(event, details, context, datetime.now(UTC).isoformat(timespec="seconds"))
        self.status_file.write(own_status(NOT_SET_UP, self._since, self._since_s, context, last, event))
