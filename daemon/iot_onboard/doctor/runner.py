"""Run the checks side by side, each as soon as what it rests on is known, and cut off what hangs.

Every probe has a daemon thread of its own, for some calls cannot be ended from outside (name look-up, a dying disk):
the run goes on without it. `apart` is for what a thread like that does to the end of its process.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..core.tracebacks import innermost_frame
from ..fast_start.fast_dataclasses import dataclass, replace
from .model import Check, Denied, Finding, Probe, Result, Seen, fail, skipped

LIMIT_S = 5.0
# The longest chain of probes, all of them slow; a run takes a second or two.
TOTAL_S = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """Hold what a probe brought, or the finding of every check that relies on it."""

    value: object = None
    trouble: Finding | None = None
    took_s: float = 0.0


def run(
    checks: Sequence[Check[Any]],
    config_path: Path,
    *,
    root: Path = Path("/"),
    limit_s: float = LIMIT_S,
    total_s: float = TOTAL_S,
) -> tuple[Result, ...]:
    """Return a result for each check, in their order; `checks` holds each one's `needs` too."""
    return _Run(checks, config_path, root, limit_s, total_s).results()


class _Run:
    def __init__(
        self, checks: Sequence[Check[Any]], config_path: Path, root: Path, limit_s: float, total_s: float
    ) -> None:
        self._checks = checks
        self._limit_s = limit_s
        self._ends_at = time.monotonic() + total_s
        self._results: dict[str, Result] = {}
        self._outcomes: dict[Probe[Any], _Outcome] = {}
        self._values: dict[Probe[Any], object] = {}
        self._seen = Seen(config_path, root, self._values)
        self._running: dict[Probe[Any], float] = {}
        self._done: queue.SimpleQueue[tuple[Probe[Any], _Outcome]] = queue.SimpleQueue()

    def results(self) -> tuple[Result, ...]:
        while len(self._results) < len(self._checks):
            if not self._advance():
                self._wait()
        return tuple(self._results[check.id] for check in self._checks)

    def _advance(self) -> bool:
        """Judge what can be judged and start what is asked for; say whether there may be more to do."""
        before = len(self._results), len(self._outcomes)
        for check in self._checks:
            if check.id in self._results or any(need not in self._results for need in check.needs):
                continue
            blocking = next((found for need in check.needs if (found := self._results[need]).finding.blocks), None)
            if blocking is not None:
                self._results[check.id] = Result(check=check, finding=_blocked(blocking))
                continue
            self._want(check.probe)
            if check.probe in self._outcomes:
                outcome = self._outcomes[check.probe]
                finding = outcome.trouble or _judged(check, outcome.value)
                self._results[check.id] = Result(check=check, finding=finding, took_s=outcome.took_s)
        return (len(self._results), len(self._outcomes)) != before

    def _want(self, probe: Probe[Any]) -> None:
        if probe in self._outcomes or probe in self._running:
            return
        for other in (*probe.needs, *probe.wants):
            self._want(other)
        needed = (self._outcomes.get(need) for need in probe.needs)
        trouble = next((outcome for outcome in needed if outcome is not None and outcome.trouble is not None), None)
        if trouble is not None:
            self._keep(probe, trouble)
        elif any(other not in self._outcomes for other in (*probe.needs, *probe.wants)):
            return
        elif (now := time.monotonic()) >= self._ends_at:
            # A machine so slow that something has always just ended would otherwise run on to the last probe.
            self._keep(probe, _Outcome(trouble=_not_begun(probe)))
        else:
            self._running[probe] = now + self._limit_s
            threading.Thread(target=self._look, args=(probe,), name=probe.name, daemon=True).start()

    def _look(self, probe: Probe[Any]) -> None:
        began = time.monotonic()
        outcome = _looked(lambda: probe.look(self._seen))
        self._done.put((probe, replace(outcome, took_s=time.monotonic() - began)))

    def _wait(self) -> None:
        until = min([*self._running.values(), self._ends_at])
        try:
            probe, outcome = self._done.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            now = time.monotonic()
            for late in [probe for probe, at in self._running.items() if at <= now or self._ends_at <= now]:
                self._keep(late, _Outcome(trouble=_stuck(late, self._limit_s), took_s=self._limit_s))
            return
        # One that was given up on may still come back.
        if probe not in self._outcomes:
            self._keep(probe, outcome)

    def _keep(self, probe: Probe[Any], outcome: _Outcome) -> None:
        self._running.pop(probe, None)
        self._outcomes[probe] = outcome
        if outcome.trouble is None:
            self._values[probe] = outcome.value


def _looked(look: Callable[[], object]) -> _Outcome:
    try:
        return _Outcome(value=look())
    except Denied as denied:
        return _Outcome(trouble=_denied(str(denied)))
    except PermissionError as error:
        return _Outcome(trouble=_denied(str(error.filename or "what this check looks at")))
    except BaseException as error:
        return _Outcome(trouble=_broken(error))


def _judged(check: Check[Any], value: object) -> Finding:
    try:
        return check.judge(value)
    except Exception as error:
        return _broken(error)


def _blocked(blocking: Result) -> Finding:
    cause = blocking.finding.because or blocking.check.id
    return replace(skipped(f"Not looked at, because of {cause}.", blocks=True), because=cause)


def _denied(what: str) -> Finding:
    if os.geteuid() != 0:
        return skipped(f"{what} may not be read by this user.", "run with sudo", blocks=True)
    return fail(f"{what} cannot be read, not even by root.", "check the file system, and any security module")


def _stuck(probe: Probe[Any], limit_s: float) -> Finding:
    name = f"{probe.name[:1].upper()}{probe.name[1:]}"
    return fail(f"{name} did not end within {limit_s:.0f} s, and was cut off.", probe.stuck)


def _not_begun(probe: Probe[Any]) -> Finding:
    name = f"{probe.name[:1].upper()}{probe.name[1:]}"
    return fail(f"{name} was not begun: what came before took all the time there is.", probe.stuck)


def _broken(error: BaseException) -> Finding:
    # The message of an exception may quote data: its kind and place do not.
    place = f"{type(error).__name__} at {innermost_frame(error)}"
    return skipped(f"This check itself broke: {place}.", "please report this line", blocks=True)
