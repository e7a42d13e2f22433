"""Run the checks side by side, each as soon as what it rests on is known, and cut off what hangs.

Every check and every probe has a daemon thread of its own, for some calls cannot be ended from outside (name look-up,
a dying disk): the run goes on without it. `run_isolated` is for what a thread like that does to the end of its process.
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
# The longest chain of probes, all of them slow; a run takes a second or two.
TOTAL_S = 40.0
# How long a thread is waited for where there is none to be had.
_TRIES, _PAUSE_S = 20, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """Hold the finding of every check that relies on a probe, where it brought nothing."""

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
    """Return a result for each check, in their order; `checks` holds each one's `needs` too."""
    this = _Run(config_path, root, limit_s, total_s)
    results: dict[str, Future[Result]] = {}
    for check in checks:
        # What a check needs stands before it.
        needs = [(need, results[need]) for need in check.needs]
        results[check.id] = _start(check.id, partial(this.examine, check, needs))
    return tuple(_result(check, results[check.id]) for check in checks)


def _result(check: Check[Any], result: Future[Result]) -> Result:
    try:
        return result.result()
    except Exception as error:
        # Its thread could not be had.
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
                sentence = f"Not looked at, because of {cause}."
                finding = Finding(level=Level.SKIPPED, sentence=sentence, blocks=True, because=cause)
                return Result(check=check, findings=(finding,))
        try:
            outcome = self._ask(check.probe).result()
            findings = (outcome.trouble,) if outcome.trouble is not None else check.findings(self._values[check.probe])
        except Exception as error:
            return Result(check=check, findings=(_broken(error),))
        return Result(check=check, findings=findings, duration_s=outcome.duration_s)

    def _ask(self, probe: Probe[Any]) -> Future[_Outcome]:
        """Return what comes of a probe; it is asked once."""
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
            # A machine so slow that something has always just ended would otherwise run on to the last probe.
            return _Outcome(trouble=_late(probe, "was not begun: what came before took all the time there is"))
        looking = _start(probe.name, lambda: probe.look(self._facts))
        done, _ = wait([looking], timeout=min(self._limit_s, self._ends_at - began))
        if not done:
            # It may still come back, and changes nothing then.
            trouble = _late(probe, f"did not end within {self._limit_s:.0f} s, and was cut off")
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
            # Those that are under way end, and leave theirs.
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
            return skipped(f"{what} may not be read by this user.", "run with sudo", blocks=True)
        return fail(f"{what} cannot be read, not even by root.", "check the file system, and any security module")
    if is_temporary(error):
        sentence = "This check could not run: this machine has no thread, memory or descriptor to spare."
        return skipped(sentence, "look again in a moment; `free` and `ps -eL` show what takes them", blocks=True)
    # The message of an exception may quote data: its kind and place do not.
    place = f"{type(error).__name__} at {innermost_frame(error)}"
    return skipped(f"This check itself broke: {place}.", "please report this line", blocks=True)
