"""Say in one sentence why systemd does not run the service, and what to do. Pure."""

from __future__ import annotations

from ..core.exit_codes import ExitCode
from ..core.units import PREVENTED, SERVICE, TO_DO, UnitProperties

START = "sudo systemctl start iot-onboard"
JOURNAL = "journalctl -b -x -u iot-onboard"
# systemd.exec(5), "Process Exit Codes": faults before the first line of this program.
_BEFORE_US = {
    200: "its working directory cannot be opened",
    203: "its program cannot be run",
    208: "its standard input cannot be set up",
    216: "its group does not exist",
    217: "its user does not exist",
    226: "its mount namespace cannot be set up",
    228: "its system call filter cannot be set up",
    233: "its runtime directory cannot be created",
    238: "its state directory cannot be created",
    243: "its credentials (the product secret) cannot be loaded, and the start without them failed too",
}


def is_starting(unit: UnitProperties) -> bool:
    """Return whether the service is starting, and has not just failed."""
    return unit.get("ActiveState") == "activating" and unit.get("SubState") != "auto-restart"


def why_not_running(unit: UnitProperties) -> tuple[str, str] | None:
    """Return a sentence and what to do, or `None` if the service runs."""
    state, restarts = unit.get("ActiveState"), unit.get("SubState") == "auto-restart"
    failed, code = state == "failed", unit.number("ExecMainStatus")
    if unit.get("LoadState") == "masked":
        return "The service is masked: systemd never starts it.", f"sudo systemctl unmask iot-onboard && {START}"
    if state == "active":
        return None
    if unit.get("LoadState") in {"bad-setting", "error"}:
        error = unit.get("LoadError").partition(" ")[2].strip('"') or unit.get("LoadState")
        return (
            f"systemd refuses the unit file: {error.rstrip('.')}.",
            f"systemd-analyze verify {SERVICE} names the line",
        )
    if unit.get(PREVENTED):
        cause, _, cure = unit.get(PREVENTED).partition(TO_DO)
        return (
            f"systemd cannot start the service: {cause}.",
            f"{cure}; the service then starts by itself within half a minute",
        )
    if failed and code == ExitCode.CONFIGURATION:
        sentence = "The service ended with exit code 78: its configuration is invalid. systemd does not restart it."
        return sentence, "fix what `iot-onboard check-config` lists, then: sudo systemctl restart iot-onboard"
    if code in _BEFORE_US and (failed or restarts):
        return f"The service cannot start: {_BEFORE_US[code]} (status {code}).", f"see what systemd says: {JOURNAL}"
    if failed:
        how = "" if unit.get("Result") in {"", "exit-code"} else f", {unit.get('Result')}"
        fix = f"see why: {JOURNAL}, then: sudo systemctl restart iot-onboard"
        return f"The service failed (status {code}{how}).", fix
    if restarts:
        sentence = f"The service just ended with status {code}, and systemd starts it again."
        return sentence, f"if this continues, see why: {JOURNAL}"
    if is_starting(unit):
        return "The service is about to start.", "wait a few seconds and check again"
    return f"The service does not run ({state or 'no state'}).", START
