"""The exit codes are public: scripts and the unit go by them."""

from __future__ import annotations

import signal

from iot_onboard.core.exit_codes import ExitCode
from iot_onboard.service.start_recovery import RESTARTED_AFTER
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


def statuses(setting: str) -> set[str]:
    unit = (ROOT / "systemd" / "iot-onboard.service").read_text()
    return {word for line in unit.splitlines() if line.startswith(f"{setting}=") for word in line.split("=")[1].split()}


def test_systemd_knows_after_which_one_it_starts_the_service_again() -> None:
    """After those that the daemon paces itself; never where it did not come to the program (systemd.exec(5)).

    A damaged Python or launcher ends with the others, before any code of ours: the recovery unit paces those.
    """
    prevented, forced = statuses("RestartPreventExitStatus"), statuses("RestartForceExitStatus")
    assert {word for word in forced if word.isdecimal()} == {str(int(code)) for code in RESTARTED_AFTER}
    before_the_program = {str(number) for number in range(200, 246)} - {"223", "234", "244"}
    assert prevented == {str(int(ExitCode.CONFIGURATION)), *before_the_program}


def test_systemd_starts_the_service_again_after_every_signal() -> None:
    """Of the program, not of a command before it; SIGABRT is the watchdog's, SIGKILL that of a lack of memory."""
    unit = (ROOT / "systemd" / "iot-onboard.service").read_text()
    assert "Restart=no" in unit.splitlines()
    harmless = {"SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGWINCH"}
    fatal = {one.name for one in signal.Signals if not one.name.startswith("SIGRT")} - harmless
    assert fatal == {word for word in statuses("RestartForceExitStatus") if word.startswith("SIG")}
