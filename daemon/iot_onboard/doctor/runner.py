"""Run the checks in parallel, each as soon as the checks that it needs have ended, and abandon a probe that hangs.

Every check and every probe has a daemon thread of its own, because some calls cannot be stopped from outside (name
look-up, a failing disk): the run goes on without them. Such a thread can also hang the exit of the process: that is why
the commands use `run_isolated`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..core.failures import is_temporary
from ..core.tracebacks import innermost_frame
from .model import Check, Facts, Finding, Level, Probe, Result, capitalised, fail, skipped

T = TypeVar("T")
LIMIT_S = 5.0
# The longest chain of probes, all of them slow; usually a run takes a second or two.
TOTAL_S = 40.0
# How often, and after what pause, a thread is requested again if the system has none.
_TRIES, _PAUSE_S = 20, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """Hold how a probe ended; `trouble` is the finding for every check that uses it, if it has no facts."""

    trouble: Finding | None = None
    duration_s: float = 0.0


def run(
    checks: Sequence[Check[Any]],
    config_path: Path,
    *,
    root: Path = Path("/"),
    limit_s: float = LIMIT_S,
    total_s: float = TOTAL_S,
) -> tuple[Result, ...]:
    """Return a result for each check, in the same order; `checks` must contain each one's `needs` too."""
    this = _Run(config_path, root, limit_s, total_s)
    results: dict[str, Future[Result]] = {}
    for check in checks:
        # The checks that it needs come earlier.
        needs = [(need, results[need]) for need in check.needs]
        results[check.id] = _start(check.id, partial(this.examine, check, needs))
    return tuple(_result(check, results[check.id]) for check in checks)


def _result(check: Check[Any], result: Future[Result]) -> Result:
    try:
        return result.result()
    except Exception as error:
        # The system had no thread for it.
        return Result(check=check, findings=(_broken(error),))


class _Run:
    def __init__(self, config_path: Path, root: Path, limit_s: float, total_s: float) -> None:
        self._limit_s = limit_s
        self._ends_at = time.monotonic() + total_s
        self._values: dict[Probe[Any], object] = {}
        self._facts = Facts(config_path, root, self._values)
        self._outcomes: dict[Probe[Any], Future[_Outcome]] = {}
        self._lock = threading.Lock()

    def examine(self, check: Check[Any], needs: Sequence[tuple[str, Future[Result]]]) -> Result:
        for need, result in needs:
            if (blocking := _result(check, result).blocking) is not None:
                cause = blocking.because or need
                sentence = f"Not checked, because {cause} did not pass."
                finding = Finding(level=Level.SKIPPED, sentence=sentence, blocks=True, because=cause)
                return Result(check=check, findings=(finding,))
        try:
            outcome = self._ask(check.probe).result()
            findings = (outcome.trouble,) if outcome.trouble is not None else check.findings(self._values[check.probe])
        except Exception as error:
            return Result(check=check, findings=(_broken(error),))
        return Result(check=check, findings=findings, duration_s=outcome.duration_s)

    def _ask(self, probe: Probe[Any]) -> Future[_Outcome]:
        """Return the outcome of a probe; each probe runs once."""
        with self._lock:
            if probe not in self._outcomes:
                self._outcomes[probe] = _start(probe.name, partial(self._bring, probe))
            return self._outcomes[probe]

    def _bring(self, probe: Probe[Any]) -> _Outcome:
        asked = [self._ask(other) for other in (*probe.needs, *probe.wants)]
        outcomes = [other.result() for other in asked]
        if failed := [outcome for outcome in outcomes[: len(probe.needs)] if outcome.trouble is not None]:
            return failed[0]
        began = time.monotonic()
        if began >= self._ends_at:
            # On a very slow machine no probe may hang, and yet all of them together take too long.
            return _Outcome(trouble=_late(probe, "was not started: the earlier checks used up the time limit"))
        looking = _start(probe.name, lambda: probe.collect(self._facts))
        done, _ = wait([looking], timeout=min(self._limit_s, self._ends_at - began))
        if not done:
            # It may still end later: nobody waits for its result.
            trouble = _late(probe, f"did not end within {self._limit_s:.0f} s, and was abandoned")
            return _Outcome(trouble=trouble, duration_s=self._limit_s)
        duration_s = time.monotonic() - began
        if (error := looking.exception()) is not None:
            return _Outcome(trouble=_broken(error), duration_s=duration_s)
        self._values[probe] = looking.result()
        return _Outcome(duration_s=duration_s)


def _start(name: str, work: Callable[[], T]) -> Future[T]:
    """Do work in a daemon thread."""
    future: Future[T] = Future()

    def run_it() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    for left in reversed(range(_TRIES)):
        try:
            threading.Thread(target=run_it, name=name, daemon=True).start()
        except (RuntimeError, MemoryError) as error:
            # Other threads end, and free theirs.
            if not left:
                future.set_exception(error)
            time.sleep(_PAUSE_S)
        else:
            break
    return future


def _late(probe: Probe[Any], how: str) -> Finding:
    return fail(f"{capitalised(probe.name)} {how}.", probe.stuck)


def _broken(error: BaseException) -> Finding:
    if isinstance(error, PermissionError):
        what = error.filename or "what this check looks at"
        if os.geteuid() != 0:
            return skipped(f"This user cannot read {what}.", "run with sudo", blocks=True)
        return fail(f"Even root cannot read {what}.", "check the file system, and any security module")
    if is_temporary(error):
        sentence = "This check could not run: this machine has no free thread, memory or descriptor."
        return skipped(sentence, "run it again in a moment; `free` and `ps -eL` show what uses them", blocks=True)
    # The message of an exception may quote data: its kind and place do not.
    place = f"{type(error).__name__} at {innermost_frame(error)}"
    return skipped(f"This check has an internal error: {place}.", "please report this line", blocks=True)
