"""Judge the service: what systemd says of it, what it says itself, and what it last told the journal. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ...config.schema import SETUP
from ...core import units
from ...core.exit_codes import ExitCode
from ...events.model import Event, Priority
from ...fast_start.fast_dataclasses import dataclass
from ..model import Finding, fail, ok, skipped, warn

START = "sudo systemctl start iot-onboard"
JOURNAL = "journalctl -b -x -u iot-onboard"
# systemd.exec(5), "Process Exit Codes": what goes wrong before our first line.
_BEFORE_US = {
    200: "its working directory cannot be entered",
    203: "its program cannot be run",
    208: "its standard input cannot be set up",
    216: "its group does not exist",
    217: "its user does not exist",
    226: "its name space cannot be set up",
    228: "its system call filter cannot be set up",
    233: "its runtime directory cannot be made",
    238: "its state directory cannot be made",
    243: "its credentials (the product secret) cannot be handed out, and what starts it without them has failed too",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFacts:
    """Hold the unit's properties as `systemctl show` has them; `trouble` says why there are none."""

    properties: Mapping[str, str]
    trouble: str = ""

    def of(self, name: str) -> str:
        """Return a property, empty where systemd does not say."""
        return self.properties.get(name, "")

    def number(self, name: str) -> int:
        """Return a property that counts something, 0 where systemd does not say."""
        return int(self.of(name)) if self.of(name).isdecimal() else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFacts:
    """Hold what the daemon says of itself; `running` is false where the file is of a process that is gone."""

    running: bool
    state: str = ""
    goal: str | None = None
    since: str = ""
    last_error: str | None = None
    last_cure: str | None = None
    last_cause: str | None = None
    next_try: str | None = None
    daemon_version: str = ""
    our_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Hold one event of the journal: `remedy` comes from the event table."""

    event: str
    message: str
    priority: int
    at: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFacts:
    """Hold this boot's last events of the daemon, oldest first; `hidden`: this user may not see them."""

    events: tuple[Told, ...] = ()
    trouble: str = ""
    hidden: bool = False


def unit(facts: UnitFacts) -> Finding:
    """Judge whether the service is installed and starts at boot."""
    if facts.trouble:
        return skipped(f"systemd does not answer: {facts.trouble.rstrip('.')}.", blocks=True)
    loaded, enabled = facts.of("LoadState"), facts.of("UnitFileState")
    if loaded == "masked":
        return fail("The service is masked: it can never start.", "sudo systemctl unmask iot-onboard && " + START)
    if loaded != "loaded":
        sentence = f"systemd knows no {units.SERVICE} ({loaded or 'no answer'})."
        return fail(sentence, "install the package iot-onboard, or: sudo systemctl daemon-reload")
    if enabled not in {"enabled", "enabled-runtime", "static", "alias", "generated", "linked"}:
        sentence = f"The service is {enabled or 'not enabled'}: it does not start at the next boot."
        return fail(sentence, "sudo systemctl enable iot-onboard", blocks=False)
    if facts.of("NeedDaemonReload") == "yes":
        return warn("The unit file changed since systemd read it.", "sudo systemctl daemon-reload")
    return ok(f"The service is installed and starts at boot ({enabled}).")


def running(facts: UnitFacts) -> Finding:
    """Judge whether the service runs, and why it does not."""
    state, sub = facts.of("ActiveState"), facts.of("SubState")
    code = facts.number("ExecMainStatus")
    if state == "active":
        return ok(f"The service runs (process {facts.of('MainPID')}) since {facts.of('ActiveEnterTimestamp')}.")
    if state == "failed" and code == ExitCode.CONFIGURATION:
        sentence = "The service ended with 78: its configuration is wrong, and the same one would fail again."
        return fail(sentence, "mend what `iot-onboard check-config` lists, then: sudo systemctl restart iot-onboard")
    if code in _BEFORE_US and (state == "failed" or sub == "auto-restart"):
        sentence = f"The service cannot start: {_BEFORE_US[code]} (status {code})."
        return fail(sentence, f"see what systemd says: {JOURNAL}")
    if state == "failed":
        how = facts.of("Result")
        killed = f", {how}" if how not in {"", "exit-code"} else ""
        fix = f"see why: {JOURNAL}, then: sudo systemctl restart iot-onboard"
        return fail(f"The service failed (status {code}{killed}).", fix)
    if sub == "auto-restart":
        sentence = f"The service just ended with status {code}, and systemd starts it again."
        return fail(sentence, f"where that goes on, see why: {JOURNAL}")
    if state == "activating":
        return warn("The service is about to start.", "wait a few seconds and look again")
    return fail(f"The service does not run ({state or 'no state'}).", START)


def restarts(facts: UnitFacts) -> Finding:
    """Judge how often systemd had to start it again."""
    count = facts.number("NRestarts")
    if facts.of("Result") == "watchdog":
        sentence = f"The service hung, and the watchdog ended it ({count} restarts since it was started)."
        return warn(sentence, f"see what it did: {JOURNAL}; where it comes back, send what `iot-onboard bundle` makes")
    if count >= 3:
        sentence = f"systemd had to start the service again {count} times."
        return warn(sentence, f"see why: {JOURNAL}; where it comes back, send what `iot-onboard bundle` makes")
    return ok(f"It ended by itself {count} times, which is little." if count else "The service never ended by itself.")


def state(facts: StatusFacts) -> Finding:
    """Judge what the daemon says of itself."""
    if not facts.running:
        return skipped("The daemon does not run: there is nobody to ask.")
    if facts.state == "not-set-up":
        return fail("The daemon waits for this gateway to be set up.", SETUP, blocks=False)
    if facts.state == "online":
        return ok(f"The daemon is online since {facts.since}.")
    goal = f" to {facts.goal}" if facts.goal else ""
    told = f": {facts.last_error.rstrip('.')}" if facts.last_error else ""
    then = f" Next try at {facts.next_try}." if facts.next_try else ""
    sentence = f"The daemon is {facts.state}{goal} since {facts.since}{told}.{then}"
    more = f"; more: iot-onboard explain {facts.last_cause}" if facts.last_cause else ""
    if facts.state == "blocked":
        return fail(sentence, f"{facts.last_cure or 'do what the line says'}{more}", blocks=False)
    if not facts.last_error:
        return warn(sentence, "wait a moment, and look again")
    return fail(sentence, f"{facts.last_cure or 'where the checks above are well, wait'}{more}", blocks=False)


def version(facts: StatusFacts) -> Finding:
    """Judge whether what runs is what is installed."""
    if not facts.running:
        return skipped("The daemon does not run.")
    if facts.daemon_version != facts.our_version:
        sentence = f"The daemon that runs is {facts.daemon_version}, and {facts.our_version} is installed."
        return warn(sentence, "sudo systemctl restart iot-onboard")
    return ok(f"The daemon that runs is the one that is installed ({facts.our_version}).")


def events(facts: JournalFacts) -> Finding:
    """Judge what the daemon last told the journal in this boot."""
    if facts.hidden:
        return skipped("The journal may not be read by this user.", "run with sudo")
    if facts.trouble:
        return skipped(f"The journal cannot be asked: {facts.trouble.rstrip('.')}.")
    if not facts.events:
        return ok("The journal holds no event of the daemon in this boot.")
    last = facts.events[-1]
    told = f"The last event, at {last.at}: {_ended(last.message)}"
    shared = next((told for told in reversed(facts.events) if told.event == Event.IDENTITY_SHARED.value), None)
    if shared is not None:
        sentence = f"At {shared.at}: {_ended(shared.message)}"
        fix = shared.remedy or "find the other device of this name, and give it its own"
        if last.event == Event.ONLINE.value:
            return warn(f"Online, but: {sentence}", fix)
        return fail(sentence, fix, blocks=False)
    if last.priority <= Priority.ERR:
        return fail(told, last.remedy or f"see what came before: {JOURNAL}", blocks=False)
    if last.priority == Priority.WARNING:
        return warn(told, last.remedy or "it tries again by itself")
    return ok(told)


def _ended(message: str) -> str:
    """Return a message as a sentence."""
    return message.strip().rstrip(".") + "."
