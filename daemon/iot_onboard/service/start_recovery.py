"""Start the service when the obstacle is gone that prevented its start; iot-onboard-recovery.service runs this.

If systemd fails before it runs the program, the service would stay down for ever, or be tried every 2 s, and could not
log why. `start_pacing` decides, a test unit shows whether the service could be started (`start_probe`), and
`credential_recovery` replaces secrets that cannot be loaded.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from ..config import start_probe
from ..config.unloadable import CREDENTIALS
from ..core import tracebacks, units
from ..core.exit_codes import ExitCode
from ..core.units import UnitProperties
from ..disk.files import write_durably
from ..events.model import Details, Event
from ..fast_start.fast_dataclasses import replace
from ..reporting.announce import announce
from ..reporting.start_failure import StartFacts, explain
from ..system.notify import Notifier
from ..system.processes import ask
from ..system.terminal import complain
from .credential_recovery import update_drop_in
from .start_look import ASK_S, look, service_state
from .start_pacing import Action, Look, Memory, Phase, decide, gap_s, mount_gap_s

_PROGRAM_STATUS = 203
_FIRST_STATUS_OF_SYSTEMD = 200
# CLD_EXITED, CLD_KILLED and CLD_DUMPED of the last main process.
_EXITED, _SIGNALLED = 1, {2, 3}
# After these, and after a signal, systemd starts the service again: RestartForceExitStatus= of its unit.
RESTARTED_AFTER = {ExitCode.DONE, ExitCode.INTERNAL}
_LIMIT = "start-limit-hit"
_OWN_PROGRAM = "/usr/bin/iot-onboard"
# TimeoutStartSec= of the service and of the probe.
_PROBE_S = 120.0


def main(root: Path = Path("/")) -> int:
    """Check again and again if a service manager started this, else once; return 1 if systemd does not answer."""
    recovery, waits, said = Recovery(root, Notifier()), bool(os.environ.get("NOTIFY_SOCKET")), ""
    while True:
        try:
            if (code := recovery.look_once()) is not None:
                return code
        except Exception as error:
            # If our code is damaged, the launcher starts older code.
            tracebacks.on_damaged_code(error)
            # Before READY, start jobs of the service wait.
            recovery.notifier.ready()
            # If it ended, systemd would start it again, and log that each time.
            if not waits:
                raise
            place = f"{type(error).__name__} at {tracebacks.innermost_frame(error)}"
            if place != said:
                complain(f"internal error: {place}; please report this line")
            said = place
        if not waits:
            return ExitCode.DONE
        time.sleep(gap_s(recovery.memory))


class Recovery:
    """Check, decide, and have systemd act."""

    def __init__(self, root: Path, notifier: Notifier, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self.memory = Memory(began_s=monotonic_s())
        self._root = root
        self.notifier = notifier
        self._probed = ""
        # Mounts without a source at an earlier check.
        self._sourceless: set[str] = set()
        # How often a failed mount was tried, and when it is tried again.
        self._mounts: dict[str, tuple[int, float]] = {}
        # The start before the one that a required unit prevented: the exit status of its process is out of date.
        self._older_start: str | None = None

    def look_once(self) -> int | None:
        """Do what is due now; return an exit code if there is nothing more to do."""
        unit = service_state()
        if unit.trouble:
            complain("systemd does not answer")
            return ExitCode.FAILED if self.memory.looks == 0 else None
        phase = phase_of(unit)
        if phase in {Phase.DOWN, Phase.STARTING} and self._secrets(unit):
            self.memory = replace(self.memory, looks=1)
            self.notifier.ready()
            _start(unit)
            return None
        self.notifier.ready()
        facts = look(unit, self._root) if phase is Phase.DOWN else StartFacts(unit=unit)
        if facts.in_the_way:
            self._older_start = unit.get("InvocationID")
        is_of_this_start = not facts.in_the_way and unit.get("InvocationID") != self._older_start
        if phase is Phase.DOWN and is_of_this_start and is_over(unit):
            phase = Phase.UNWANTED
        self._try_mounts(facts, self._monotonic_s())
        seen = replace(
            self._judge(facts, phase),
            required=" ".join(f"{one.name}={one.active_state}" for one in facts.requirements),
            has_run=is_of_this_start and has_run(unit),
        )
        cause, cure = explain(facts)
        words = f"{cause}{units.TO_DO}{cure}"
        self.memory, action = decide(self.memory, seen, words, self._monotonic_s())
        if phase is Phase.DOWN:
            # `status` and `doctor` show this.
            self.notifier.status(words)
        if action is Action.START:
            _start(unit)
        self._log(action, cause, cure)
        return ExitCode.DONE if action in {Action.END, Action.RECOVERED} else None

    def _try_mounts(self, facts: StartFacts, now_s: float) -> None:
        """Have systemd try failed mounts; a mount that somebody unmounted is not tried."""
        for one in facts.requirements:
            if not one.name.endswith(".mount") or one.load_state != "loaded" or one.active_state == "active":
                self._mounts.pop(one.name, None)
                continue
            tries, due_s = self._mounts.setdefault(one.name, (0, now_s + mount_gap_s(0)))
            if one.active_state == "failed" and now_s >= due_s:
                self._mounts[one.name] = (tries + 1, now_s + mount_gap_s(tries + 1))
                ask(["systemctl", "start", "--no-block", one.name], timeout_s=ASK_S)

    def _secrets(self, unit: UnitProperties) -> bool:
        """Check the secrets after a failure because of them, and before the first start; true: try again."""
        failed = unit.get("ExecMainStatus") == CREDENTIALS and phase_of(unit) is Phase.DOWN
        if not failed and self.memory.looks > 0:
            return False
        return update_drop_in(self._root, failed=failed) and failed

    def _judge(self, facts: StartFacts, phase: Phase) -> Look:
        if phase is not Phase.DOWN:
            return Look(phase=phase)
        if facts.in_the_way:
            self._sourceless |= {one.name for one in facts.in_the_way if one.what and not one.has_source}
            return Look(
                phase=phase,
                obstacle=", ".join(one.words for one in facts.in_the_way),
                is_hopeful=all(one.has_source and one.name in self._sourceless for one in facts.in_the_way),
                is_dependency=True,
            )
        if facts.unit.number("ExecMainStatus") == _PROGRAM_STATUS and not facts.can_run_program:
            return Look(phase=phase, obstacle=facts.program)
        return Look(phase=phase, obstacle="" if self._could_start(facts) else "the probe fails")

    def _could_start(self, facts: StartFacts) -> bool:
        status = facts.unit.number("ExecMainStatus")
        unit = ask(["systemctl", "cat", units.SERVICE], timeout_s=ASK_S)
        own = status == _PROGRAM_STATUS and facts.program == _OWN_PROGRAM
        program = f"{_OWN_PROGRAM} --version" if own else start_probe.NOTHING
        text = start_probe.render(unit.text, program=program, credentials=str(status) == CREDENTIALS)
        path = self._root / start_probe.PATH.relative_to("/")
        try:
            if text != self._probed:
                # Mode 0644, because systemd shows the content to all users anyway: for another mode it logs a line at
                # each check.
                write_durably(path, text.encode(), 0o644)
                ask(["systemctl", "daemon-reload"], timeout_s=ASK_S)
                self._probed = text
        except OSError:
            # No space in /run: then only the delays decide.
            return True
        return ask(["systemctl", "start", units.PROBE], timeout_s=_PROBE_S).code == 0

    def _log(self, action: Action, cause: str, cure: str) -> None:
        if action is Action.LOG:
            announce(Event.START_PREVENTED, Details(detail=cause, cure=cure), unit=units.SERVICE)
        elif action is Action.RECOVERED:
            announce(Event.START_POSSIBLE, Details(), unit=units.SERVICE)
        if action in {Action.END, Action.RECOVERED} and self._probed:
            (self._root / start_probe.PATH.relative_to("/")).unlink(missing_ok=True)
            ask(["systemctl", "daemon-reload"], timeout_s=ASK_S)


def _start(unit: UnitProperties) -> None:
    if unit.get("Result") == _LIMIT:
        # Otherwise systemd refuses each start until the interval is over; a drop-in may have made that long.
        ask(["systemctl", "reset-failed", units.SERVICE], timeout_s=ASK_S)
    ask(["systemctl", "start", "--no-block", units.SERVICE], timeout_s=ASK_S)


def phase_of(unit: UnitProperties) -> Phase:
    """Return the state of the service; a start that a condition of the unit skipped is intended."""
    state = unit.get("ActiveState")
    if unit.get("LoadState") != "loaded":
        return Phase.UNWANTED
    if state in {"active", "reloading"}:
        return Phase.RUNNING
    if unit.get("Job") or state in {"activating", "deactivating"}:
        return Phase.STARTING
    was_skipped = unit.number("ConditionTimestampMonotonic") > 0 and unit.get("ConditionResult") == "no"
    return Phase.UNWANTED if was_skipped else Phase.DOWN


def is_over(unit: UnitProperties) -> bool:
    """Say whether the service should stay down: its configuration is wrong, or somebody has stopped it.

    After a signal or a status of `RESTARTED_AFTER` systemd starts the service again; if it did not, this was a stop
    that timed out or failed.
    """
    if unit.get("ActiveState") != "failed" or unit.get("Result") == _LIMIT:
        return False
    code, status = unit.number("ExecMainCode"), unit.number("ExecMainStatus")
    if code in _SIGNALLED:
        return True
    return code == _EXITED and (status in RESTARTED_AFTER or status == ExitCode.CONFIGURATION)


def has_run(unit: UnitProperties) -> bool:
    """Say whether systemd ran the program, which then ended with an exit status of its own."""
    return unit.number("ExecMainCode") == _EXITED and 0 < unit.number("ExecMainStatus") < _FIRST_STATUS_OF_SYSTEMD
