"""`iot-onboard status`: show whether the gateway is online, from the daemon's status file, and if not, why."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ..config.files import read_documents
from ..config.reader import values_of
from ..config.schema import RULES
from ..core.exit_codes import ExitCode
from ..fast_start.fast_dataclasses import replace
from ..reporting.runtime_files import HistoryLog
from ..reporting.status import Status
from ..reporting.status_file import read, read_checked
from ..reporting.status_view import View, line, record_of, text, view_of, view_without_daemon
from ..system.terminal import style

_POLL_S = 0.2
_ASK_AGAIN_S = 5.0
EPILOG = """\
Exit code: 0 online, 1 not online, 2 the daemon is not running. Every user can run it.

examples:
  iot-onboard status                the state, the last error, what to do, and when the next try comes
  iot-onboard status --wait 60      wait until it is online, a minute at most
  iot-onboard status --watch        show each change, until Ctrl-C
  iot-onboard status --json         for a program; docs/status.md describes it
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add how the status is shown, and how long to wait."""
    parser.add_argument("--json", action="store_true", help="print one JSON object; with --watch one for each change")
    parser.add_argument("--wait", type=float, metavar="SECONDS", help="return as soon as it is online")
    parser.add_argument("--watch", action="store_true", help="show each change; with --wait until it is online")


def run(arguments: argparse.Namespace) -> int:
    """Print the status, at once or as soon as the gateway is online, or with each change."""
    watcher = StatusWatcher(runtime_dir(arguments.config))
    waits = arguments.wait is not None
    until_s = time.monotonic() + max(0.0, arguments.wait) if waits else math.inf if arguments.watch else -math.inf
    if arguments.watch:
        view = _watch(watcher, _shower(as_json=arguments.json), until_s, until_online=waits)
    else:
        while not watcher.online() and time.monotonic() < until_s:
            time.sleep(min(_POLL_S, max(0.0, until_s - time.monotonic())))
        view = watcher.view()
        print(_json(view) if arguments.json else text(view, _local_now(), style()))
    if not view.running:
        return ExitCode.USAGE
    return ExitCode.DONE if view.status.state == "online" else ExitCode.FAILED


def runtime_dir(config_path: Path) -> Path:
    """Return the directory of the status file, even if the configuration is invalid or cannot be read."""
    place: Path = RULES["runtime_dir"].default
    for document in read_documents(config_path)[0]:
        place = values_of(document).get("runtime_dir", place)
    return place


class StatusWatcher:
    """Read the status at every call; ask systemd why there is none only every few seconds."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._absence: tuple[str, str, str | None] | None = None
        self._asked_at = -math.inf
        self._found: Status | None = None
        self._checked: Status | None = None
        self._checked_at = -math.inf

    def online(self) -> bool:
        """Say whether the gateway is online."""
        status = self._status()
        return status is not None and status.state == "online"

    def _status(self) -> Status | None:
        """Return the status; compare it with systemd's if it is new, and every few seconds."""
        found, now_s = read(self._place), time.monotonic()
        if found is None or found != self._found or now_s - self._checked_at >= _ASK_AGAIN_S:
            self._found, self._checked, self._checked_at = found, read_checked(self._place), now_s
        return self._checked

    def view(self) -> View:
        """Return the answer as it is now."""
        now, now_s = datetime.now(UTC), time.monotonic()
        status = self._status()
        if status is not None:
            self._absence = None
            return view_of(status, HistoryLog(self._place).read_as_reader(), now, now_s)
        if self._absence is None or now_s - self._asked_at >= _ASK_AGAIN_S:
            self._absence, self._asked_at = why_absent(self._place), now_s
        return view_without_daemon(*self._absence, now)


def why_absent(place: Path, root: Path = Path("/")) -> tuple[str, str, str | None]:
    """Return why no daemon runs, from systemd if there is one: a sentence, what to do, and a name for `explain`."""
    # Only this function needs the modules that run other programs.
    from ..core import units
    from ..events.model import Event
    from ..reporting.service_unit import START, why_not_running
    from ..system.systemd import is_booted, service_properties

    if not is_booted(root):
        return "No daemon runs here.", "sudo systemctl start iot-onboard, or in the foreground: iot-onboard run", None
    unit = service_properties()
    if unit.get("LoadState") not in {"loaded", "masked", "bad-setting", "error"}:
        return "No daemon runs here.", START, None
    why = why_not_running(unit)
    if why is None:
        cure = "try again in a moment; if that does not help: sudo iot-onboard doctor"
        return f"The service runs, but {place} has no status file.", cure, None
    code = unit.number("ExecMainStatus")
    named = f"exit-{code}" if unit.get("ActiveState") == "failed" and code in set(ExitCode) else None
    if unit.get(units.PREVENTED):
        named = Event.START_PREVENTED.value
    return why[0], f"{why[1]}. Its last lines: journalctl -u iot-onboard -n 20", named


def _watch(watcher: StatusWatcher, show: Callable[[View], None], until_s: float, *, until_online: bool) -> View:
    view = watcher.view()
    try:
        show(view)
        while not (until_online and view.status.state == "online") and time.monotonic() < until_s:
            time.sleep(_POLL_S)
            view = watcher.view()
            show(view)
    except KeyboardInterrupt:
        # The usual end of a watch: the present view is the answer.
        pass
    return view


def _shower(*, as_json: bool) -> Callable[[View], None]:
    """Return a function that shows a view if it has changed: in place on a terminal, or else as a new line."""
    before = ""
    redraws = not as_json and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"

    def redraw(view: View) -> None:
        nonlocal before
        drawn = text(view, _local_now(), style())
        if drawn != before:
            # Up to the first row, and clear to the end of the screen (ECMA-48).
            up = f"\x1b[{before.count(chr(10)) + 1}F\x1b[J" if before else ""
            print(up + drawn, flush=True)
            before = drawn

    def follow(view: View) -> None:
        nonlocal before
        # Times that only count on are no change.
        lasting = replace(view, at="", since_s=None, next_try_s=None, sessions_24h=None, reconnects_24h=None)
        now = view.status
        shown = (now.state, now.goal, now.attempt, now.next_try_at, now.last_error)
        key = repr(record_of(lasting) if as_json else shown)
        if key != before:
            print(_json(view) if as_json else line(view, _local_now()), flush=True)
            before = key

    return redraw if redraws else follow


def _json(view: View) -> str:
    return json.dumps(record_of(view))


def _local_now() -> datetime:
    return datetime.now().astimezone()
