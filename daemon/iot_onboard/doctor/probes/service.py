"""Read the facts about the service: from systemd, the journal, dpkg and the status file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ...boot_log.entries import read_entry
from ...core.units import SERVICE
from ...reporting.status_file import read_checked
from ...system.processes import ask
from ...system.systemd import service_properties
from ..checks.service import JournalFacts, PackageFacts
from ..model import Facts, Probe
from .compiled import damaged_of
from .configuration import CONFIG

_TIMEOUT_S = 4.0
_MAX_LINES = 200
_DPKG_TIMEOUT_S = 2.0
_COMPILED_TIMEOUT_S = 20.0
_UNFINISHED = {"half-installed", "unpacked", "half-configured"}
_STATES = {"installed", "triggers-awaited", "triggers-pending", *_UNFINISHED}
# Small images leave these out on purpose (dpkg's path-exclude).
_LEFT_OUT = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/")


def _journal(_: Facts) -> JournalFacts:
    command = ["journalctl", "-b", "-u", SERVICE, "-o", "json", "-n", str(_MAX_LINES), "--no-pager", "-q"]
    answer = ask(command, timeout_s=_TIMEOUT_S)
    if answer.complaint:
        return JournalFacts(trouble=answer.complaint)
    entries = tuple(entry for line in answer.text.splitlines() if (entry := read_entry(line)) is not None)
    # A user in none of the journal's groups can read only that user's own lines, not the service's.
    return JournalFacts(entries=entries, hidden=os.geteuid() != 0 and all(entry.event is None for entry in entries))


def _damaged() -> tuple[str, ...]:
    """Return the damaged compiled files of this package and of the libraries that it uses."""
    package = Path(__file__).parents[2]
    script = Path(__file__).with_name("compiled.py")
    answer = ask([sys.executable, "-I", str(script), str(package)], timeout_s=_COMPILED_TIMEOUT_S)
    return () if answer.code is None else damaged_of(answer.text)


def _package(_: Facts) -> PackageFacts:
    shown = "-f=${db:Status-Eflag} ${db:Status-Status}"
    known = ask(["dpkg-query", "-W", shown, "iot-onboard"], timeout_s=_DPKG_TIMEOUT_S)
    found = known.text.rpartition(" ")[2]
    if known.code != 0 or found not in _STATES:
        return PackageFacts(trouble=known.trouble)
    # dpkg does not configure a package that must be installed again.
    unfinished = "half-installed" if known.text.startswith("reinstreq") else found * (found in _UNFINISHED)
    compiled = _damaged()
    # The package's launcher leaves here what it could not load.
    unloadable = str(sys._xoptions.get("iot-onboard-cause", ""))
    answer = ask(["dpkg", "--verify", "iot-onboard"], timeout_s=_DPKG_TIMEOUT_S)
    if answer.code is None:
        return PackageFacts(installed=True, unfinished=unfinished, unloadable=unloadable, trouble=answer.trouble)
    # "??5?????? c /etc/...": the letter before the path marks the files that operators edit.
    lines = [line.split(maxsplit=1) for line in answer.text.splitlines() if line]
    paths = [words[1] for words in lines if len(words) == 2 and not words[1].startswith("c ")]
    changed = tuple(path for path in paths if not path.startswith(_LEFT_OUT))
    return PackageFacts(
        installed=True, unfinished=unfinished, unloadable=unloadable, changed=changed, compiled=compiled
    )


UNIT = Probe(name="the query to systemd", collect=lambda _: service_properties())
STATUS = Probe(
    name="the read of the status file",
    collect=lambda facts: read_checked(facts.get(CONFIG).runtime_dir, facts.root),
    needs=(CONFIG,),
)
JOURNAL = Probe(name="the query to the journal", collect=_journal)
PACKAGE = Probe(name="the query to dpkg", collect=_package)
