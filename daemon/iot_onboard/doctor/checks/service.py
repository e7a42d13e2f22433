"""Check the service: its state in systemd, its package, its status file, and its last event in the journal. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ... import __version__
from ...boot_log.entries import JournalEntry
from ...config.schema import SETUP
from ...core.units import SERVICE, UnitProperties
from ...events.model import Event, Priority
from ...events.table import TABLE
from ...reporting.service_unit import JOURNAL, is_starting, why_not_running
from ...reporting.status import NOT_PROVISIONED, Status
from ..model import Finding, fail, ok, skipped, warn

_ENABLED = {"enabled", "enabled-runtime", "static", "alias", "generated", "linked"}
_REINSTALL = "sudo apt-get install --reinstall iot-onboard"
_EVENTS = {event.value for event in Event}


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFacts:
    """Hold the daemon's last lines in this boot, oldest first; `hidden`: this user cannot read them."""

    entries: tuple[JournalEntry, ...] = ()
    trouble: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFacts:
    """Hold what dpkg says about the package's files; `changed` names those that differ from the package.

    `unfinished` is dpkg's state if an installation was interrupted, `unloadable` what the launcher could not load, and
    `compiled` names the compiled files of the package or of a library that Python cannot load.
    """

    installed: bool = False
    unfinished: str = ""
    unloadable: str = ""
    changed: tuple[str, ...] = ()
    compiled: tuple[str, ...] = ()
    trouble: str = ""


def unit(facts: UnitProperties) -> Finding:
    """Check that the service is installed and starts at boot."""
    if facts.trouble:
        return skipped(f"systemd does not answer: {facts.trouble.rstrip('.')}.", blocks=True)
    loaded, enabled = facts.get("LoadState"), facts.get("UnitFileState")
    if loaded in {"masked", "bad-setting", "error"} and (why := why_not_running(facts)) is not None:
        return fail(*why)
    if loaded != "loaded":
        sentence = f"systemd knows no {SERVICE} ({loaded or 'no answer'})."
        return fail(sentence, "install the package iot-onboard; if it is installed: sudo systemctl daemon-reload")
    if enabled not in _ENABLED:
        sentence = f"The service is {enabled or 'not enabled'}: it does not start at the next boot."
        return fail(sentence, "sudo systemctl enable iot-onboard", blocks=False)
    if facts.get("NeedDaemonReload") == "yes":
        return warn("The unit file has changed since systemd read it.", "sudo systemctl daemon-reload")
    return ok(f"The service is installed and starts at boot ({enabled}).")


def running(facts: UnitProperties) -> Finding:
    """Check that the service runs, or say why it does not."""
    why = why_not_running(facts)
    if why is None:
        return ok(f"The service runs (process {facts.get('MainPID')}) since {facts.get('ActiveEnterTimestamp')}.")
    return warn(*why) if is_starting(facts) else fail(*why, blocks=False)


def restarts(facts: UnitProperties) -> Finding | None:
    """Check how often systemd had to restart it."""
    count = facts.number("NRestarts")
    more = f"{JOURNAL}; if it happens again, send the file that `sudo iot-onboard bundle` makes"
    if facts.get("Result") == "watchdog":
        sentence = f"The service hung, and the watchdog ended it ({count} restarts since it was started)."
        return warn(sentence, f"see what it did: {more}")
    if count >= 3:
        return warn(f"systemd had to restart the service {count} times.", f"see why: {more}")
    return ok(f"systemd restarted it {count} times, which is few.") if count else None


def state(status: Status | None) -> Finding:
    """Check the state in the daemon's status file."""
    if status is None:
        return skipped("The daemon does not run: it has no status.")
    if status.state == NOT_PROVISIONED:
        return fail("The daemon waits until this gateway is set up.", SETUP, blocks=False)
    if status.state == "online":
        return ok(f"The daemon is online since {status.since}.")
    goal = f" to {status.goal}" if status.goal else ""
    error = f": {status.last_error.rstrip('.')}" if status.last_error else ""
    then = f" Next try at {status.next_try_at}." if status.next_try_at else ""
    sentence = f"The daemon is {status.state}{goal} since {status.since}{error}.{then}"
    if status.state != "blocked" and not status.last_error:
        return warn(sentence, "wait a moment, then run it again")
    otherwise = "fix what the sentence says" if status.state == "blocked" else "if the checks above are ok, wait"
    more = f"; more: iot-onboard explain {status.last_cause}" if status.last_cause else ""
    return fail(sentence, f"{status.last_cure or otherwise}{more}", blocks=False)


def version(status: Status | None) -> Finding | None:
    """Check that the running version is the installed one."""
    if status is None or status.agent_version == __version__:
        return None
    sentence = f"The running daemon has version {status.agent_version}, but {__version__} is installed."
    return warn(sentence, "sudo systemctl restart iot-onboard")


def events(facts: JournalFacts) -> Finding:
    """Check the daemon's last event in this boot."""
    if facts.hidden:
        return skipped("This user cannot read the journal.", "run with sudo")
    if facts.trouble:
        return skipped(f"The journal cannot be read: {facts.trouble.rstrip('.')}.")
    # Without systemd's own lines about the unit, and without events that only another version has.
    known = [entry for entry in facts.entries if entry.event in _EVENTS]
    if not known:
        return ok("The journal has no event of the daemon in this boot.")
    last = known[-1]
    shared = next((entry for entry in reversed(known) if entry.event == Event.IDENTITY_SHARED.value), None)
    if shared is not None:
        online = last.event == Event.ONLINE.value
        sentence = f"{'Online, but: ' * online}At {_described(shared)}"
        return warn(sentence, _remedy(shared)) if online else fail(sentence, _remedy(shared), blocks=False)
    sentence = f"The last event, at {_described(last)}"
    if last.priority <= Priority.ERR:
        return fail(sentence, _remedy(last), blocks=False)
    return warn(sentence, _remedy(last)) if last.priority == Priority.WARNING else ok(sentence)


def package_files(facts: PackageFacts) -> Finding:
    """Check that the package's files are unchanged; files that an operator is meant to edit are left out."""
    if not facts.installed:
        return skipped(f"Not installed as a package{f': {facts.trouble}' if facts.trouble else ''}.")
    if facts.unloadable:
        return warn(f"{facts.unloadable}, and something else runs in its place.", _REINSTALL)
    if facts.unfinished:
        configure = "sudo dpkg --configure iot-onboard; the next boot does that too"
        cure = "install it again with the same command" if facts.unfinished == "half-installed" else configure
        return warn(f"An installation was interrupted: dpkg reports the package as {facts.unfinished}.", cure)
    if facts.trouble:
        return skipped(f"dpkg does not answer: {facts.trouble}.")
    if facts.compiled:
        sentence = f"{len(facts.compiled)} compiled file(s) are damaged, for example {facts.compiled[0]}."
        return warn(f"{sentence} The service starts without them, slowly.", f"sudo rm {' '.join(facts.compiled)}")
    if facts.changed:
        sentence = f"{len(facts.changed)} file(s) of the package were changed, for example {facts.changed[0]}."
        return warn(sentence, _REINSTALL)
    return ok("No file of the package was changed.")


def _described(entry: JournalEntry) -> str:
    return f"{entry.utc:%Y-%m-%d %H:%M:%S} UTC: {entry.message.strip().rstrip('.')}."


def _remedy(entry: JournalEntry) -> str:
    return f"{TABLE[Event(entry.event)].remedy} More: iot-onboard explain {entry.event}"
