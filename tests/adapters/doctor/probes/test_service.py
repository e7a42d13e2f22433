"""What the doctor sees of the service; with programs that stand in for systemctl, journalctl and dpkg."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from iot_onboard import __version__
from iot_onboard.doctor.checks import service
from iot_onboard.doctor.model import Level
from iot_onboard.doctor.probes.service import JOURNAL, PACKAGE, STATUS, UNIT
from iot_onboard.reporting.status_file import start_ticks
from support.process.probing import bring, program
from support.process.unprivileged import unprivileged


def test_the_unit(config: Path, programs: Path) -> None:
    """What systemctl says is read; where it cannot, its first words are told."""
    program(programs, "systemctl", "echo LoadState=loaded; echo NRestarts=4; echo 'Result=exit=code'")
    facts = bring(UNIT, config)
    assert (facts.get("LoadState"), facts.number("NRestarts"), facts.get("Result")) == ("loaded", 4, "exit=code")
    program(programs, "systemctl", "echo 'System has not been booted.' >&2; echo more >&2; exit 1")
    assert bring(UNIT, config).trouble == "System has not been booted."
    program(programs, "systemctl", "exec sleep 60")
    assert service.unit(bring(UNIT, config)).sentence.endswith("did not end within 4 s.")


def line(event: str, priority: int, message: str) -> str:
    fields = {
        "__REALTIME_TIMESTAMP": "1790000000000000",
        "__MONOTONIC_TIMESTAMP": "1",
        "IOT_EVENT": event,
        "PRIORITY": str(priority),
        "MESSAGE": message,
    }
    return json.dumps(fields)


def test_the_journal(config: Path, programs: Path) -> None:
    """Our events are read, with the table's remedy; other lines are passed over."""
    lines = [
        json.dumps({"MESSAGE": "Started.", "PRIORITY": "6", "__REALTIME_TIMESTAMP": "1", "__MONOTONIC_TIMESTAMP": "1"}),
        line("registration-refused", 3, "Registration refused."),
        line("an-event-of-the-future", 3, "?"),
        "not JSON",
    ]
    program(programs, "journalctl", "cat <<'END'\n" + "\n".join(lines) + "\nEND")
    facts = bring(JOURNAL, config)
    assert [entry.event for entry in facts.entries] == [None, "registration-refused", "an-event-of-the-future"]
    finding = service.events(facts)
    assert finding.sentence == "The last event, at 2026-09-21 14:13:20 UTC: Registration refused."
    assert finding.fix.endswith("More: iot-onboard explain registration-refused")


def test_a_journal_that_says_nothing(config: Path, programs: Path) -> None:
    """To an ordinary user that means that it is hidden."""
    program(programs, "journalctl", "exit 0")
    with unprivileged():
        assert bring(JOURNAL, config).hidden
    program(programs, "journalctl", "echo 'No journal files were found.' >&2; exit 1")
    assert "No journal files" in service.events(bring(JOURNAL, config)).sentence


def test_the_status_file(tmp_path: Path, config: Path) -> None:
    """Read as the status command does: a file of a process that is gone is none."""
    assert bring(STATUS, config) is None
    (tmp_path / "run").mkdir()
    pid = subprocess.Popen(["sleep", "60"])
    record = {
        "schema": 1, "state": "waiting", "goal": "connect", "since": "2026-11-02T10:00:00+00:00", "product_key": "p",
        "device_name": "d", "endpoint": "e", "attempt": 3, "next_try_at": None, "online_since": None,
        "last_error": "Cannot connect: x.", "last_event": None, "agent_version": __version__, "pid": pid.pid,
        "pid_start_ticks": start_ticks(pid.pid),
    }  # fmt: skip
    (tmp_path / "run/status.json").write_text(json.dumps(record))
    finding = service.state(bring(STATUS, config))
    pid.kill()
    pid.wait()
    assert "waiting to connect" in finding.sentence
    assert bring(STATUS, config) is None


def test_the_package(config: Path, programs: Path) -> None:
    """Only files that nobody is meant to change count."""
    assert service.package_files(bring(PACKAGE, config)).level is Level.SKIPPED
    program(programs, "dpkg-query", "printf 'ok installed'")
    program(programs, "dpkg", "exit 0")
    assert service.package_files(bring(PACKAGE, config)).level is Level.OK
    verify = """
        echo '??5??????   /usr/bin/iot-onboard'
        echo '??5?????? c /etc/iot-onboard/config.yaml'
        echo 'missing     /usr/share/doc/iot-onboard/changelog.gz'
        exit 1
    """
    program(programs, "dpkg", verify)
    assert bring(PACKAGE, config).changed == ("/usr/bin/iot-onboard",)
    for logged, unfinished in (("ok half-configured", "half-configured"), ("reinstreq unpacked", "half-installed")):
        program(programs, "dpkg-query", f"printf '{logged}'")
        assert bring(PACKAGE, config).unfinished == unfinished
