"""How the doctor judges the service and what is installed of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from iot_onboard import __version__
from iot_onboard.boot_log.entries import JournalEntry
from iot_onboard.core.units import UnitProperties
from iot_onboard.doctor.checks import service
from iot_onboard.doctor.checks.service import JournalFacts, PackageFacts
from iot_onboard.events.model import Event
from iot_onboard.events.table import TABLE
from iot_onboard.fast_start.fast_dataclasses import replace
from iot_onboard.reporting.status import SCHEMA, Status
from support.text.judged import FAIL, NOTHING, OK, SKIPPED, WARN, Row


def unit(**changes: str) -> UnitProperties:
    usual = {
        "LoadState": "loaded",
        "UnitFileState": "enabled",
        "ActiveState": "active",
        "SubState": "running",
        "MainPID": "412",
        "ExecMainStatus": "0",
        "NRestarts": "0",
        "Result": "success",
        "ActiveEnterTimestamp": "Thu 2026-12-24 10:00:00 UTC",
    }
    return UnitProperties(properties={**usual, **changes})


def ended(status: int, state: str = "failed", sub: str = "failed", result: str = "exit-code") -> UnitProperties:
    return unit(ActiveState=state, SubState=sub, ExecMainStatus=str(status), Result=result)


UNIT = [
    Row("enabled", service.unit, unit(), OK, "starts at boot (enabled)"),
    Row(
        "no systemd", service.unit, UnitProperties(properties={}, trouble="Not booted."), SKIPPED, "answer: Not booted."
    ),
    Row("masked", service.unit, unit(LoadState="masked"), FAIL, "masked", "unmask"),
    Row("not found", service.unit, unit(LoadState="not-found"), FAIL, "not-found", "install the package"),
    Row(
        "disabled",
        service.unit,
        unit(UnitFileState="disabled"),
        FAIL,
        "is disabled",
        "sudo systemctl enable iot-onboard",
    ),
    Row("reload", service.unit, unit(NeedDaemonReload="yes"), WARN, "changed", "daemon-reload"),
    Row("runs", service.running, unit(), OK, "process 412"),
    Row("78", service.running, ended(78), FAIL, "78: its configuration is invalid", "check-config"),
    Row(
        "credentials",
        service.running,
        ended(243, "activating", "auto-restart"),
        FAIL,
        "credentials (the product",
        "journalctl",
    ),
    Row("no user", service.running, ended(217), FAIL, "user does not exist"),
    Row("failed", service.running, ended(1), FAIL, "failed (status 1)", "restart"),
    Row("killed", service.running, ended(9, result="oom-kill"), FAIL, "status 9, oom-kill"),
    Row(
        "restarting",
        service.running,
        ended(70, "activating", "auto-restart"),
        FAIL,
        "status 70, and systemd starts",
        "journalctl",
    ),
    Row("starting", service.running, unit(ActiveState="activating", SubState="start"), WARN, "about to start", "wait"),
    Row(
        "stopped", service.running, unit(ActiveState="inactive", SubState="dead"), FAIL, "(inactive)", "systemctl start"
    ),
    Row(
        "stopped with a reason of old",
        service.running,
        ended(78, "inactive", "dead"),
        FAIL,
        "(inactive)",
        "systemctl start",
    ),
    Row("never ended", service.restarts, unit(), NOTHING),
    Row("ended once", service.restarts, unit(NRestarts="1"), OK, "1 times"),
    Row("ends often", service.restarts, unit(NRestarts="7"), WARN, "7 times", "journalctl"),
    Row("watchdog", service.restarts, unit(NRestarts="1", Result="watchdog"), WARN, "watchdog", "bundle"),
]
ONLINE = Status(
    schema=SCHEMA,
    state="online",
    goal=None,
    since="10:00",
    product_key="a1b2c3d4e5f",
    device_name="gw",
    endpoint="",
    attempt=0,
    next_try_at=None,
    online_since=None,
    last_error=None,
    last_event=None,
    agent_version=__version__,
    pid=1,
    pid_start_ticks=1,
)
WAITING = replace(ONLINE, state="waiting", goal="connect", last_error="Cannot connect: refused.", next_try_at="10:05")
REFUSED = replace(WAITING, state="blocked", last_cure="reset the device", last_cause="6289")
STATE = [
    Row("online", service.state, ONLINE, OK, "online since 10:00"),
    Row("down", service.state, None, SKIPPED, "does not run"),
    Row(
        "waiting",
        service.state,
        WAITING,
        FAIL,
        "waiting to connect since 10:00: Cannot connect: refused. Next try at 10:05.",
        "wait",
    ),
    Row("blocked", service.state, REFUSED, FAIL, "is blocked", "reset the device; more: iot-onboard explain 6289"),
    Row(
        "blocked, no cure",
        service.state,
        replace(WAITING, state="blocked"),
        FAIL,
        "blocked",
        "fix what the sentence says",
    ),
    Row("on its way", service.state, replace(WAITING, state="connecting", last_error=None), WARN, "connecting", "wait"),
    Row(
        "not set up",
        service.state,
        replace(WAITING, state="not-provisioned"),
        FAIL,
        "until this gateway is set up",
        "iot-onboard setup",
    ),
    Row("same version", service.version, ONLINE, NOTHING),
    Row(
        "older",
        service.version,
        replace(ONLINE, agent_version="0.9"),
        WARN,
        f"0.9, but {__version__} is installed",
        "restart",
    ),
    Row("no version", service.version, None, NOTHING),
]


def entry(event: str | None, priority: int, message: str = "It says this.") -> JournalEntry:
    utc = datetime(2026, 12, 24, 10, tzinfo=UTC)
    return JournalEntry(boot_id="b", at_us=1, utc=utc, message=message, priority=priority, event=event)


def journal(*entries: JournalEntry) -> JournalFacts:
    return JournalFacts(entries=entries)


SHARED = entry("identity-shared", 3, "Another device uses this identity")
JOURNAL = [
    Row("hidden", service.events, JournalFacts(hidden=True), SKIPPED, "cannot read the journal", "sudo"),
    Row("no journal", service.events, JournalFacts(trouble="no."), SKIPPED, "read: no."),
    Row("nothing", service.events, journal(), OK, "no event"),
    Row(
        "good",
        service.events,
        journal(entry("connect-failed", 4), entry("online", 5)),
        OK,
        "at 2026-12-24 10:00:00 UTC: It says this.",
    ),
    Row(
        "warning", service.events, journal(entry("connect-failed", 4)), WARN, "It says this.", "explain connect-failed"
    ),
    Row(
        "error",
        service.events,
        journal(entry("online", 5), entry("registration-refused", 3)),
        FAIL,
        "It says",
        f"{TABLE[Event.REGISTRATION_REFUSED].remedy} More: iot-onboard explain registration-refused",
    ),
    Row("of another version", service.events, journal(entry("x", 2), entry(None, 6)), OK, "no event"),
    Row(
        "shared",
        service.events,
        journal(SHARED, entry("connect-failed", 4)),
        FAIL,
        "Another device uses this identity.",
        "explain identity-shared",
    ),
    Row(
        "shared, online now",
        service.events,
        journal(SHARED, entry("online", 5)),
        WARN,
        "Online, but: At",
        "explain identity-shared",
    ),
]
PACKAGE = [
    Row("no package", service.package_files, PackageFacts(), SKIPPED, "Not installed as a package."),
    Row(
        "no dpkg",
        service.package_files,
        PackageFacts(trouble="dpkg is not installed"),
        SKIPPED,
        "dpkg is not installed",
    ),
    Row("mute dpkg", service.package_files, PackageFacts(installed=True, trouble="no end"), SKIPPED, "no end"),
    Row(
        "interrupted before its files were there",
        service.package_files,
        PackageFacts(installed=True, unfinished="half-installed"),
        WARN,
        "interrupted: dpkg reports the package as half-installed",
        "install it again",
    ),
    Row(
        "interrupted before it was configured",
        service.package_files,
        PackageFacts(installed=True, unfinished="unpacked"),
        WARN,
        "interrupted: dpkg reports the package as unpacked",
        "dpkg --configure iot-onboard",
    ),
    Row(
        "code that cannot be loaded",
        service.package_files,
        PackageFacts(installed=True, unloadable="/x.py cannot be loaded (SyntaxError)", changed=("/x.py",)),
        WARN,
        "/x.py cannot be loaded (SyntaxError), and something else runs in its place.",
        "--reinstall",
    ),
    Row(
        "No file of the package was changed",
        service.package_files,
        PackageFacts(installed=True),
        OK,
        "No file of the package was changed",
    ),
    Row(
        "compiled wrong",
        service.package_files,
        PackageFacts(installed=True, compiled=("/x/__pycache__/a.pyc",)),
        WARN,
        "/x/__pycache__/a.pyc",
    ),
    Row(
        "changed",
        service.package_files,
        PackageFacts(installed=True, changed=("/usr/bin/x", "/y")),
        WARN,
        "2 file(s)",
        "--reinstall",
    ),
]


@pytest.mark.parametrize("row", [*UNIT, *STATE, *JOURNAL, *PACKAGE], ids=str)
def test_judgements(row: Row) -> None:
    """These facts, this level, these words, this fix."""
    row.holds()
