"""How the doctor judges the service and what is installed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from iot_onboard.aliyun.signing import SignMethod
from iot_onboard.doctor.checks import package, service
from iot_onboard.doctor.checks.package import VECTORS, Module, PackageFacts
from iot_onboard.doctor.checks.service import JournalFacts, StatusFacts, Told, UnitFacts
from support.text.judged import FAIL, OK, SKIPPED, WARN, Row
from support.tree import VECTORS_FILE

KNOWN = VECTORS_FILE


def unit(**changes: str) -> UnitFacts:
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
    return UnitFacts(properties={**usual, **changes})


def ended(status: int, state: str = "failed", sub: str = "failed", result: str = "exit-code") -> UnitFacts:
    return unit(ActiveState=state, SubState=sub, ExecMainStatus=str(status), Result=result)


UNIT = [
    Row("enabled", service.unit, unit(), OK, "starts at boot (enabled)"),
    Row("no systemd", service.unit, UnitFacts(properties={}, trouble="Not booted."), SKIPPED, "answer: Not booted."),
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
    Row("78", service.running, ended(78), FAIL, "78: its configuration is wrong", "check-config"),
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
    Row("never ended", service.restarts, unit(), OK, "never ended"),
    Row("ended once", service.restarts, unit(NRestarts="1"), OK, "1 times"),
    Row("ends often", service.restarts, unit(NRestarts="7"), WARN, "7 times", "journalctl"),
    Row("watchdog", service.restarts, unit(NRestarts="1", Result="watchdog"), WARN, "watchdog", "bundle"),
]

ONLINE = StatusFacts(running=True, state="online", since="10:00", daemon_version="1.0", our_version="1.0")
WAITING = replace(ONLINE, state="waiting", goal="connect", last_error="Cannot connect: refused.", next_try="10:05")
REFUSED = replace(WAITING, state="blocked", last_cure="reset the device", last_cause="6289")

STATE = [
    Row("online", service.state, ONLINE, OK, "online since 10:00"),
    Row("down", service.state, StatusFacts(running=False), SKIPPED, "does not run"),
    Row(
        "waiting",
        service.state,
        WAITING,
        FAIL,
        "waiting to connect since 10:00: Cannot connect: refused. Next try at 10:05.",
        "wait",
    ),
    Row("blocked", service.state, REFUSED, FAIL, "is blocked", "reset the device; more: iot-onboard explain 6289"),
    Row("blocked, no cure", service.state, replace(WAITING, state="blocked"), FAIL, "blocked", "do what the line says"),
    Row("on its way", service.state, replace(WAITING, state="connecting", last_error=None), WARN, "connecting", "wait"),
    Row("not set up", service.state, replace(WAITING, state="not-set-up"), FAIL, "to be set up", "iot-onboard setup"),
    Row("same version", service.version, ONLINE, OK, "(1.0)"),
    Row("older", service.version, replace(ONLINE, daemon_version="0.9"), WARN, "0.9, and 1.0 is installed", "restart"),
    Row("no version", service.version, StatusFacts(running=False), SKIPPED, "does not run"),
]


def told(event: str, priority: int, message: str = "It says this.", remedy: str = "Do that.") -> Told:
    return Told(event=event, message=message, priority=priority, at="2026-12-24 10:00:00 UTC", remedy=remedy)


def journal(*events: Told) -> JournalFacts:
    return JournalFacts(events=events)


SHARED = told("identity-shared", 3, "Another device uses this identity")

JOURNAL = [
    Row("hidden", service.events, JournalFacts(hidden=True), SKIPPED, "may not be read", "sudo"),
    Row("no journal", service.events, JournalFacts(trouble="no."), SKIPPED, "asked: no."),
    Row("nothing", service.events, journal(), OK, "no event"),
    Row(
        "good",
        service.events,
        journal(told("connect-failed", 4), told("online", 5)),
        OK,
        "at 2026-12-24 10:00:00 UTC: It says this.",
    ),
    Row("warning", service.events, journal(told("connect-failed", 4)), WARN, "It says this.", "Do that."),
    Row(
        "error",
        service.events,
        journal(told("online", 5), told("registration-refused", 3)),
        FAIL,
        "It says",
        "Do that.",
    ),
    Row("error without remedy", service.events, journal(told("x", 2, remedy="")), FAIL, "It says", "journalctl"),
    Row(
        "shared",
        service.events,
        journal(SHARED, told("connect-failed", 4)),
        FAIL,
        "Another device uses this identity.",
        "Do that.",
    ),
    Row("shared, online now", service.events, journal(SHARED, told("online", 5)), WARN, "Online, but: At", "Do that."),
]

PAHO = Module(name="paho.mqtt", package="python3-paho-mqtt", version=(1, 6, 1), text="1.6.1")

PACKAGE = [
    Row("vectors", package.signing, None, OK, "3 signatures"),
    Row("vectors by method", package.signing, SignMethod.HMACMD5, OK, "come out right"),
    Row("modules", package.modules, (PAHO,), OK, "paho.mqtt 1.6.1"),
    Row(
        "missing",
        package.modules,
        (PAHO, replace(PAHO, name="yaml", package="python3-yaml", version=None)),
        FAIL,
        "yaml cannot",
        "python3-yaml",
    ),
    Row("old paho", package.modules, (replace(PAHO, version=(1, 5, 0), text="1.5.0"),), WARN, "Paho 1.5.0", "paho"),
    Row("new paho", package.modules, (replace(PAHO, version=(3, 0, 0), text="3.0.0"),), WARN, "Paho 3.0.0", "paho"),
    Row("no version", package.modules, (replace(PAHO, version=(), text=""),), OK, "paho.mqtt."),
    Row("no package", package.files, PackageFacts(), SKIPPED, "Not installed as a package."),
    Row("no dpkg", package.files, PackageFacts(trouble="dpkg is not installed"), SKIPPED, "dpkg is not installed"),
    Row("mute dpkg", package.files, PackageFacts(installed=True, trouble="no end"), SKIPPED, "no end"),
    Row("as shipped", package.files, PackageFacts(installed=True), OK, "as shipped"),
    Row(
        "changed",
        package.files,
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


def test_the_vectors_are_known_ones() -> None:
    """What the doctor signs stands among the tests' vectors, with its source; each method is tried."""
    known = json.loads(KNOWN.read_text())
    signatures = {entry["sign"] for entry in known["registration"]} | {entry["password"] for entry in known["mqtt"]}
    assert {vector.sign for vector in VECTORS} <= signatures
    assert {vector.method for vector in VECTORS} == set(SignMethod)
