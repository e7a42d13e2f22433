"""Judge the service: what systemd and dpkg say of it, what it says itself, and what it last told the journal. Pure."""

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
    """Hold this boot's last lines of the daemon, oldest first; `hidden`: this user may not see them."""

    entries: tuple[JournalEntry, ...] = ()
    trouble: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFacts:
    """Hold what dpkg says of our package's files; `changed` are those that are not as shipped.

    `unfinished` is dpkg's word where an installation was interrupted, `unloadable` what the launcher had to do without,
    and `compiled` what Python has compiled, of ours or of a library, and cannot load.
    """

    installed: bool = False
    unfinished: str = ""
    unloadable: str = ""
    changed: tuple[str, ...] = ()
    compiled: tuple[str, ...] = ()
    trouble: str = ""


def unit(facts: UnitProperties) -> Finding:
    """Judge whether the service is installed and starts at boot."""
    if facts.trouble:
        return skipped(f"systemd does not answer: {facts.trouble.rstrip('.')}.", blocks=True)
    loaded, enabled = facts.get("LoadState"), facts.get("UnitFileState")
    if loaded in {"masked", "bad-setting", "error"} and (why := why_not_running(facts)) is not None:
        return fail(*why)
    if loaded != "loaded":
        sentence = f"systemd knows no {SERVICE} ({loaded or 'no answer'})."
        return fail(sentence, "install the package iot-onboard, or: sudo systemctl daemon-reload")
    if enabled not in _ENABLED:
        sentence = f"The service is {enabled or 'not enabled'}: it does not start at the next boot."
        return fail(sentence, "sudo systemctl enable iot-onboard", blocks=False)
    if facts.get("NeedDaemonReload") == "yes":
        return warn("The unit file changed since systemd read it.", "sudo systemctl daemon-reload")
    return ok(f"The service is installed and starts at boot ({enabled}).")


def running(facts: UnitProperties) -> Finding:
    """Judge whether the service runs, and why it does not."""
    why = why_not_running(facts)
    if why is None:
        return ok(f"The service runs (process {facts.get('MainPID')}) since {facts.get('ActiveEnterTimestamp')}.")
    return warn(*why) if is_starting(facts) else fail(*why, blocks=False)


def restarts(facts: UnitProperties) -> Finding | None:
    """Judge how often systemd had to start it again."""
    count = facts.number("NRestarts")
    more = f"{JOURNAL}; where it comes back, send what `iot-onboard bundle` makes"
    if facts.get("Result") == "watchdog":
        sentence = f"The service hung, and the watchdog ended it ({count} restarts since it was started)."
        return warn(sentence, f"see what it did: {more}")
    if count >= 3:
        return warn(f"systemd had to start the service again {count} times.", f"see why: {more}")
    return ok(f"It ended by itself {count} times, which is little.") if count else None


def state(status: Status | None) -> Finding:
    """Judge what the daemon says of itself."""
    if status is None:
        return skipped("The daemon does not run: there is nobody to ask.")
    if status.state == NOT_PROVISIONED:
        return fail("The daemon waits for this gateway to be set up.", SETUP, blocks=False)
    if status.state == "online":
        return ok(f"The daemon is online since {status.since}.")
    goal = f" to {status.goal}" if status.goal else ""
    error = f": {status.last_error.rstrip('.')}" if status.last_error else ""
    then = f" Next try at {status.next_try_at}." if status.next_try_at else ""
    sentence = f"The daemon is {status.state}{goal} since {status.since}{error}.{then}"
    if status.state != "blocked" and not status.last_error:
        return warn(sentence, "wait a moment, and look again")
    otherwise = "do what the line says" if status.state == "blocked" else "where the checks above are well, wait"
    more = f"; more: iot-onboard explain {status.last_cause}" if status.last_cause else ""
    return fail(sentence, f"{status.last_cure or otherwise}{more}", blocks=False)


def version(status: Status | None) -> Finding | None:
    """Judge whether what runs is what is installed."""
    if status is None or status.agent_version == __version__:
        return None
    sentence = f"The daemon that runs is {status.agent_version}, and {__version__} is installed."
    return warn(sentence, "sudo systemctl restart iot-onboard")


def events(facts: JournalFacts) -> Finding:
    """Judge what the daemon last told the journal in this boot."""
    if facts.hidden:
        return skipped("The journal may not be read by this user.", "run with sudo")
    if facts.trouble:
        return skipped(f"The journal cannot be asked: {facts.trouble.rstrip('.')}.")
    # Not systemd's own lines about the unit, nor what another version has told.
    known = [entry for entry in facts.entries if entry.event in _EVENTS]
    if not known:
        return ok("The journal holds no event of the daemon in this boot.")
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
    """Judge whether our files are those of the package; what an operator may change is not counted."""
    if not facts.installed:
        return skipped(f"Not installed as a package{f': {facts.trouble}' if facts.trouble else ''}.")
    if facts.unloadable:
        return warn(f"{facts.unloadable}, and something else runs in its place.", _REINSTALL)
    if facts.unfinished:
        configure = "sudo dpkg --configure iot-onboard, or wait for the next boot, which does that"
        cure = "install it again, by the same command" if facts.unfinished == "half-installed" else configure
        return warn(f"An installation was interrupted: dpkg calls the package {facts.unfinished}.", cure)
    if facts.trouble:
        return skipped(f"dpkg does not say: {facts.trouble}.")
    if facts.compiled:
        sentence = f"{len(facts.compiled)} compiled file(s) are damaged, such as {facts.compiled[0]}."
        return warn(f"{sentence} The service starts without them, slowly.", f"sudo rm {' '.join(facts.compiled)}")
    if facts.changed:
        sentence = f"{len(facts.changed)} file(s) of the package are not as shipped, such as {facts.changed[0]}."
        return warn(sentence, _REINSTALL)
    return ok("Every file of the package is as shipped.")


def _described(entry: JournalEntry) -> str:
    return f"{entry.utc:%Y-%m-%d %H:%M:%S} UTC: {entry.message.strip().rstrip('.')}."


def _remedy(entry: JournalEntry) -> str:
    return f"{TABLE[Event(entry.event)].remedy} More: iot-onboard explain {entry.event}"
