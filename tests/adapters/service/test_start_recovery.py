"""What starts the service once it can be started, against a systemctl that answers as it is told."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from iot_onboard.config.start_probe import PATH
from iot_onboard.config.unloadable import DROP_IN
from iot_onboard.core import tracebacks, units
from iot_onboard.core.units import UnitProperties
from iot_onboard.service.start_pacing import Phase
from iot_onboard.service.start_recovery import Recovery, is_over, main, phase_of
from iot_onboard.system.notify import Notifier

_SYSTEMCTL = """#!/bin/sh
echo "$*" >>{0}/asked
case "$1 $2" in
    "show iot-onboard.service") cat {0}/service ;;
    "show "*) cat {0}/required ;;
    "cat "*) cat {0}/unit ;;
    "start iot-onboard-probe.service") exit $(cat {0}/probe) ;;
esac
"""


@dataclass
class Manager:
    """A systemd, and what it was asked to do."""

    root: Path

    def service(self, **properties: str) -> None:
        found = {"LoadState": "loaded", "ActiveState": "failed", "Result": "exit-code", **properties}
        (self.root / "service").write_text("".join(f"{name}={value}\n" for name, value in found.items()))

    def required(self, state: str) -> None:
        text = f"Id=data.mount\nLoadState=loaded\nActiveState={state}\nWhere=/data\nWhat=/dev/none\n"
        (self.root / "required").write_text(text)

    def probe(self, code: int) -> None:
        (self.root / "probe").write_text(str(code))

    def done(self) -> list[str]:
        """Return what it was asked to do since the last time, the questions left out."""
        asked = (self.root / "asked").read_text().splitlines()
        (self.root / "asked").unlink()
        return [line for line in asked if not line.startswith(("show", "cat"))]

    @property
    def probe_unit(self) -> Path:
        return self.root / PATH.relative_to("/")


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manager:
    (tmp_path / "bin").mkdir()
    (tmp_path / PATH.relative_to("/")).parent.mkdir(parents=True)
    for name, text in (("systemctl", _SYSTEMCTL.format(tmp_path)), ("journalctl", "#!/bin/sh\n")):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "unit").write_text("[Service]\nUser=iot-onboard\n")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    made = Manager(tmp_path)
    made.service(ExecMainStatus="226")
    made.required("active")
    made.probe(1)
    return made


START = f"start --no-block {units.SERVICE}"
PROBE = f"start {units.PROBE}"


def test_it_is_started_once_the_probe_succeeds_and_the_probe_goes(
    manager: Manager, capfd: pytest.CaptureFixture[str]
) -> None:
    """One line says why not, one that it runs; the unit is read by systemd once."""
    recovery = Recovery(manager.root, Notifier({}))
    for _ in range(5):
        assert recovery.look_once() is None
    assert manager.done() == ["daemon-reload", *[PROBE] * 5]
    assert "User=iot-onboard" in manager.probe_unit.read_text()
    # systemd warns of each look at one that not everybody may read.
    assert manager.probe_unit.stat().st_mode & 0o777 == 0o644
    assert capfd.readouterr().err.count("systemd cannot start the service") == 1
    manager.probe(0)
    assert recovery.look_once() is None
    assert manager.done() == [PROBE, START]
    manager.service(ActiveState="active")
    assert recovery.look_once() == 0
    assert manager.done() == ["daemon-reload"]
    assert not manager.probe_unit.exists()
    assert "The service runs" in capfd.readouterr().err


def test_while_a_required_unit_is_missing_nothing_is_probed(
    manager: Manager, capfd: pytest.CaptureFixture[str]
) -> None:
    """A probe would start that unit, which has lines of its own."""
    manager.service(ActiveState="inactive", Result="success", Requires="data.mount", ConditionResult="no")
    manager.required("failed")
    recovery = Recovery(manager.root, Notifier({}))
    for _ in range(4):
        assert recovery.look_once() is None
    assert manager.done() == []
    assert "data.mount (/data) has failed" in capfd.readouterr().err
    manager.required("active")
    manager.probe(0)
    assert recovery.look_once() is None
    assert manager.done() == ["daemon-reload", PROBE, START]


def test_a_secret_that_cannot_be_loaded_is_taken_away_first(manager: Manager) -> None:
    """And the service started, without a probe."""
    (manager.root / "unit").write_text("[Service]\nLoadCredential=other:/none\n")
    manager.service(ExecMainStatus="243")
    recovery = Recovery(manager.root, Notifier({}))
    # What seems to be at fault, then every one.
    for _ in range(2):
        assert recovery.look_once() is None
        assert manager.done() == ["daemon-reload", START]
    assert (manager.root / DROP_IN.relative_to("/")).exists()
    # Nothing is left to take away: now it is probed, with its credentials.
    assert recovery.look_once() is None
    assert manager.done() == ["daemon-reload", PROBE]
    assert "LoadCredential=other:/none" in manager.probe_unit.read_text()


def test_a_run_that_is_full_leaves_the_pace_alone(manager: Manager) -> None:
    """Without a probe the service is tried at once, and then after hours."""
    manager.probe_unit.parent.rmdir()
    recovery = Recovery(manager.root, Notifier({}))
    for _ in range(3):
        assert recovery.look_once() is None
    assert manager.done() == [START]


def test_a_start_limit_of_a_drop_in_is_no_wedge(manager: Manager) -> None:
    """systemd refuses to start what was started too often, until that is reset."""
    manager.service(Result="start-limit-hit", ExecMainStatus="70")
    manager.probe(0)
    assert Recovery(manager.root, Notifier({})).look_once() is None
    assert manager.done() == ["daemon-reload", PROBE, f"reset-failed {units.SERVICE}", START]


def test_by_hand_it_looks_once(manager: Manager) -> None:
    """0, whatever it found; 1 where systemd does not answer."""
    before = time.monotonic()
    assert main(manager.root) == 0
    assert time.monotonic() - before < 5
    (manager.root / "bin/systemctl").write_text("#!/bin/sh\nexit 1\n")
    assert main(manager.root) == 1


def test_a_mount_is_tried_once_its_source_appears(manager: Manager, tmp_path: Path) -> None:
    """Not where it was there all the time: that is a mount with another fault."""
    for was_there in (True, False):
        source = tmp_path / "source"
        source.unlink(missing_ok=True)
        manager.service(ActiveState="inactive", Result="success", Requires="data.mount")
        manager.required("failed")
        (tmp_path / "required").write_text((tmp_path / "required").read_text().replace("/dev/none", str(source)))
        recovery = Recovery(manager.root, Notifier({}))
        if was_there:
            source.touch()
        assert recovery.look_once() is None
        source.touch()
        assert recovery.look_once() is None
        assert manager.done() == ([] if was_there else [START])


@pytest.mark.parametrize(
    ("properties", "phase"),
    [
        ({"LoadState": "masked"}, Phase.UNWANTED),
        ({"LoadState": "loaded", "ActiveState": "active"}, Phase.RUNNING),
        ({"LoadState": "loaded", "ActiveState": "activating", "SubState": "auto-restart"}, Phase.STARTING),
        ({"LoadState": "loaded", "ActiveState": "activating", "SubState": "start"}, Phase.STARTING),
        ({"LoadState": "loaded", "ActiveState": "failed", "Job": "4"}, Phase.STARTING),
        ({"LoadState": "loaded", "ActiveState": "failed", "ExecMainStatus": "226"}, Phase.DOWN),
        ({"LoadState": "loaded", "ActiveState": "inactive"}, Phase.DOWN),
        ({"LoadState": "loaded", "ActiveState": "inactive", "ConditionResult": "no"}, Phase.DOWN),
        (
            {
                "LoadState": "loaded",
                "ActiveState": "inactive",
                "ConditionResult": "no",
                "ConditionTimestampMonotonic": "9",
            },
            Phase.UNWANTED,
        ),
    ],
)
def test_how_the_service_is(properties: dict[str, str], phase: Phase) -> None:
    """A condition that was never looked at says no, too."""
    assert phase_of(UnitProperties(properties=properties)) is phase


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        *((1, 78, True), (1, 0, True), (1, 70, True), (2, 9, True), (3, 6, True)),
        *((1, 1, False), (1, 127, False), (1, 226, False), (0, 0, False)),
    ],
)
def test_a_service_that_is_to_stay_as_it_is(manager: Manager, code: int, status: int, expected: bool) -> None:
    """Its configuration is wrong, or it would have been started again if nobody had stopped it."""
    manager.service(ExecMainCode=str(code), ExecMainStatus=str(status), InvocationID="a")
    manager.probe(0)
    assert Recovery(manager.root, Notifier({})).look_once() == (0 if expected else None)
    assert (START in manager.done()) is not expected
    state = {"ActiveState": "failed", "Result": "start-limit-hit", "ExecMainCode": str(code)}
    assert not is_over(UnitProperties(properties=state))


def test_what_an_older_process_ended_with_is_not_of_this_start(manager: Manager) -> None:
    """A required unit failed since: once that is over, the service is started."""
    manager.service(ExecMainCode="1", ExecMainStatus="78", InvocationID="a", Requires="data.mount")
    manager.required("failed")
    recovery = Recovery(manager.root, Notifier({}))
    assert recovery.look_once() is None
    manager.required("active")
    manager.probe(0)
    assert recovery.look_once() is None
    assert START in manager.done()
    # This one is of the new start.
    manager.service(ExecMainCode="1", ExecMainStatus="78", InvocationID="b", Requires="data.mount")
    assert recovery.look_once() == 0


def test_a_mount_that_has_failed_is_tried_by_itself(manager: Manager) -> None:
    """After a minute, then in growing gaps; the service follows once it is there. One that was unmounted is not."""
    now_s = 1000.0
    tried: list[float] = []
    manager.service(ActiveState="inactive", Result="success", Requires="data.mount")
    manager.required("failed")
    recovery = Recovery(manager.root, Notifier({}), lambda: now_s)
    for _ in range(60):
        assert recovery.look_once() is None
        if "start --no-block data.mount" in manager_done(manager):
            tried.append(now_s)
        now_s += 10.0
    assert tried == [1060.0, 1180.0, 1420.0]
    manager.required("inactive")
    for _ in range(60):
        assert recovery.look_once() is None
        now_s += 30.0
    assert manager_done(manager) == []
    manager.required("active")
    manager.probe(0)
    assert recovery.look_once() is None
    assert START in manager.done()


def manager_done(manager: Manager) -> list[str]:
    return manager.done() if (manager.root / "asked").exists() else []


def test_an_error_of_ours_is_no_end(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    """The launcher is handed it first: it may have older code that is whole."""
    handed: list[BaseException] = []
    monkeypatch.setattr(tracebacks, "on_damaged_code", handed.append)
    (manager.root / "service").write_bytes(b"ExecMainStatus=226\nLoadState=loaded\nActiveState=failed\n")
    (manager.root / "var/lib").mkdir(parents=True)
    monkeypatch.setattr(os, "access", damaged)
    with (manager.root / "service").open("a") as file:
        file.write("ExecStart={ path=/x ; argv[]=x }\n")
    with pytest.raises(ImportError):
        main(manager.root)
    assert [type(error) for error in handed] == [ImportError]


def damaged(*_: object) -> bool:
    raise ImportError("x")
