"""The exit codes are public: scripts and the unit go by them."""

from __future__ import annotations

from iot_onboard.core.exit_codes import ExitCode
from support.tree import ROOT


def test_the_published_numbers() -> None:
    """As the manual and the design have them."""
    assert {code.name: int(code) for code in ExitCode} == {
        "DONE": 0,
        "FAILED": 1,
        "USAGE": 2,
        "INTERNAL": 70,
        "CONFIGURATION": 78,
    }


def test_systemd_knows_which_one_a_restart_does_not_mend() -> None:
    """The unit names the very number."""
    unit = (ROOT / "systemd" / "iot-onboard.service").read_text()
    (line,) = (line for line in unit.splitlines() if line.startswith("RestartPreventExitStatus="))
    assert str(int(ExitCode.CONFIGURATION)) in line.partition("=")[2].split()
