"""Look at the service: ask systemd and the journal, and read the status file."""

from __future__ import annotations

import os

from ...boot_log.entries import read_moment
from ...core.units import SERVICE
from ...reporting.status_file import read
from ...system.processes import ask
from ...system.systemd import service_properties
from ..checks.service import JournalFacts
from ..model import Facts, Probe
from .configuration import CONFIG

_TIMEOUT_S = 4.0
_MAX_LINES = 200


def _journal(_: Facts) -> JournalFacts:
    command = ["journalctl", "-b", "-u", SERVICE, "-o", "json", "-n", str(_MAX_LINES), "--no-pager", "-q"]
    answer = ask(command, timeout_s=_TIMEOUT_S)
    if answer.complaint:
        return JournalFacts(trouble=answer.complaint)
    entries = tuple(entry for line in answer.text.splitlines() if (entry := read_moment(line)) is not None)
    # Whoever is in none of the journal's groups sees their own lines alone, and those are not the service's.
    return JournalFacts(entries=entries, hidden=os.geteuid() != 0 and all(entry.event is None for entry in entries))


UNIT = Probe(name="asking systemd for the service", look=lambda _: service_properties())
STATUS = Probe(name="reading the status file", look=lambda facts: read(facts.get(CONFIG).runtime_dir), needs=(CONFIG,))
JOURNAL = Probe(name="asking the journal", look=_journal)
