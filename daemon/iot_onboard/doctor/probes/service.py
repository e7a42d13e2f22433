"""Look at the service: ask systemd and the journal, and read the status file."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

from ... import __version__
from ...core import units
from ...events.model import Event
from ...events.table import TABLE
from ...reporting.status_file import read
from ...system.processes import ask
from ..checks.service import JournalFacts, StatusFacts, Told, UnitFacts
from ..model import Probe, Seen
from .configuration import CONFIG

_TIMEOUT_S = 4.0
_PROPERTIES = (
    "LoadState,UnitFileState,ActiveState,SubState,Result,ExecMainStatus,ExecMainCode,MainPID,NRestarts,NeedDaemonReload,"
    "ActiveEnterTimestamp,ActiveEnterTimestampMonotonic"
)
_MOST_EVENTS = 200


def unit_facts() -> UnitFacts:
    """Ask systemd for the unit's properties."""
    answer = ask(
        ["systemctl", "show", units.SERVICE, f"--property={_PROPERTIES}", "--timestamp=utc"], timeout_s=_TIMEOUT_S
    )
    if answer.code != 0:
        words = answer.errors.decode("utf-8", "replace").strip().splitlines()
        return UnitFacts(properties={}, trouble=answer.trouble or (words[0] if words else f"status {answer.code}"))
    pairs = (line.partition("=") for line in answer.text.splitlines())
    return UnitFacts(properties={name: value for name, _, value in pairs})


def _status(seen: Seen) -> StatusFacts:
    status = read(seen.of(CONFIG).runtime_dir)
    if status is None:
        return StatusFacts(running=False)
    return StatusFacts(
        running=True,
        state=status.state,
        goal=status.goal,
        since=status.since,
        last_error=status.last_error,
        last_cure=status.last_cure,
        last_cause=status.last_cause,
        next_try=status.next_try_at,
        daemon_version=status.agent_version,
        our_version=__version__,
    )


def _journal(_: Seen) -> JournalFacts:
    command = ["journalctl", "-b", "-u", units.SERVICE, "-o", "json", "-n", str(_MOST_EVENTS), "--no-pager", "-q"]
    answer = ask(command, timeout_s=_TIMEOUT_S)
    if answer.code != 0:
        words = answer.errors.decode("utf-8", "replace").strip().splitlines()
        return JournalFacts(trouble=answer.trouble or (words[0] if words else f"status {answer.code}"))
    events = tuple(told for line in answer.text.splitlines() if (told := _told(line)) is not None)
    # Whoever is in none of the journal's groups sees their own lines alone, and those are not the service's.
    return JournalFacts(events=events, hidden=not events and os.geteuid() != 0)


def _told(line: str) -> Told | None:
    try:
        record = json.loads(line)
        at = datetime.fromtimestamp(int(record["__REALTIME_TIMESTAMP"]) / 1_000_000, UTC)
        event = Event(record["IOT_EVENT"])
        return Told(
            event=event.value,
            message=str(record["MESSAGE"]),
            priority=int(record["PRIORITY"]),
            at=f"{at:%Y-%m-%d %H:%M:%S} UTC",
            remedy=f"{TABLE[event].remedy} More: iot-onboard explain {event.value}",
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        # systemd's own lines about the unit, and whatever another version wrote.
        return None


UNIT_PROPERTIES: Probe[UnitFacts] = Probe(name="asking systemd for the service", look=lambda _: unit_facts())
STATUS: Probe[StatusFacts] = Probe(name="reading the status file", look=_status, needs=(CONFIG,))
JOURNAL: Probe[JournalFacts] = Probe(name="asking the journal", look=_journal)
