"""Asking systemd to start the service afresh."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iot_onboard.core.units import PREVENTED
from iot_onboard.system.systemd import Restart, is_booted, restart, service_properties


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    return tmp_path


def systemctl(root: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Put a program of that name first in the search path; it notes what it is asked."""
    asked = root / "asked"
    program = root / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$*" >>{asked}\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{root}:{os.environ['PATH']}")
    return asked


def test_it_is_restarted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the unit is there."""
    asked = systemctl(root, monkeypatch, "[ $1 = restart ] || echo loaded")
    assert restart(root) is Restart.DONE
    assert asked.read_text().splitlines()[-1] == "restart iot-onboard.service"


def test_a_failure_is_told(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """systemctl waits for the service to be ready: one that ends at once fails here, and its words are shown."""
    systemctl(root, monkeypatch, "[ $1 = show ] && echo loaded && exit; echo Job for it failed. >&2; exit 1")
    assert restart(root) is Restart.FAILED
    assert capsys.readouterr() == ("", "Job for it failed.\n")


@pytest.mark.parametrize("script", ["echo not-found", "echo masked", "exit 1"])
def test_without_the_unit_nothing_is_started(root: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Not installed, masked, or a systemd that does not answer."""
    asked = systemctl(root, monkeypatch, script)
    assert restart(root) is Restart.NO_UNIT
    assert "restart" not in asked.read_text()


def test_without_systemd_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image build or a chroot has none."""
    asked = systemctl(tmp_path, monkeypatch, "echo loaded")
    assert restart(tmp_path) is Restart.NO_SYSTEMD
    assert not asked.exists()


def test_where_it_cannot_be_started_our_unit_says_why(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While that runs; and it is not asked where the service runs."""
    script = f'cat {root}/"$2"'
    asked = systemctl(root, monkeypatch, script)
    (root / "iot-onboard-recovery.service").write_text("ActiveState=active\nStatusText=no mount. To do: mount it\n")
    for state, words in (
        ("failed", "no mount. To do: mount it"),
        ("inactive", "no mount. To do: mount it"),
        ("active", ""),
    ):
        (root / "iot-onboard.service").write_text(f"ActiveState={state}\n")
        assert service_properties().get(PREVENTED) == words
    assert asked.read_text().count("show iot-onboard-recovery.service") == 2
    (root / "iot-onboard-recovery.service").write_text("ActiveState=inactive\nStatusText=old\n")
    (root / "iot-onboard.service").write_text("ActiveState=failed\n")
    assert service_properties().get(PREVENTED) == ""


def test_the_properties_of_the_service(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As systemctl has them, in UTC; where it fails or hangs, its first words instead."""
    asked = systemctl(root, monkeypatch, "echo LoadState=loaded; echo NRestarts=4; echo 'Result=exit=code'")
    unit = service_properties()
    assert (unit.get("LoadState"), unit.number("NRestarts"), unit.get("Result")) == ("loaded", 4, "exit=code")
    assert (unit.get("SubState"), unit.number("LoadState"), unit.trouble) == ("", 0, "")
    assert "show iot-onboard.service" in asked.read_text()
    assert "--timestamp=utc" in asked.read_text()
    systemctl(root, monkeypatch, "echo 'Not booted.' >&2; echo LoadState=loaded; exit 1")
    assert (service_properties().trouble, service_properties().get("LoadState")) == ("Not booted.", "")


def test_a_system_that_systemd_booted(tmp_path: Path) -> None:
    """As sd_booted(3) has it: a directory that systemd makes."""
    assert not is_booted(tmp_path)
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert is_booted(tmp_path)
    assert is_booted() is Path("/run/systemd/system").is_dir()
