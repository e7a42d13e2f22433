"""Run a pure state machine in the loop: its inputs, its effects, its deadline and its jobs."""

from __future__ import annotations

import random
from collections.abc import Callable

from ..core.failures import Failure, unforeseen
from ..core.timings import Now
from ..fast_start.typing_names import Any
from .loop import Loop, Source
from .worker import Result, Worker


class Machine:
    """Hold the state of one machine; step by step, take its inputs and run its effects.

    Several stand side by side in a loop, each with a worker of its own, and none knows another: whoever builds them
    says what of the one is an input of the other. `step(state, input, now)` returns the next state and the effects,
    which `run` is handed one by one; then `changed` is given the state before. A state has `wake_at`, the moment when
    `tick` is fed, in seconds of the clock, or `None`.

    What an effect leads to at once, as what `changed` does, waits until the input before it is done with.
    """

    def __init__(
        self,
        *,
        name: str,
        loop: Loop,
        monotonic_s: Callable[[], float],
        state: Any,
        step: Callable[[Any, Any, Now], tuple[Any, tuple[Any, ...]]],
        tick: Any,
        run: Callable[[Any], None],
        changed: Callable[[Any], None] = lambda before: None,  # noqa: ARG005 - it has a caller
    ) -> None:
        self.state = state
        self._monotonic_s = monotonic_s
        self._step = step
        self._run = run
        self._changed = changed
        self._worker = Worker(loop, name)
        self._inputs: list[Any] = []
        self._taking = False
        loop.add(Source(due_at=lambda: self.state.wake_at, on_due=lambda: self.feed(tick)))

    def feed(self, input_: Any) -> None:
        """Take an input, and what its effects feed."""
        self._inputs.append(input_)
        if self._taking:
            return
        self._taking = True
        try:
            while self._inputs:
                self._take(self._inputs.pop(0))
        finally:
            self._taking = False
            self._inputs.clear()

    def start(
        self,
        job: Callable[[], Any],
        succeeded: Callable[[Any], Any],
        failed: Callable[[Failure], Any],
        crashed: Callable[[str], None] | None = None,
    ) -> None:
        """Run a job on the worker, and feed what becomes of its result; raise `RuntimeError` while another one runs.

        A defect is a failure like others where a peer has a say in the job. Where none has, and a new process does as
        well, `crashed` is given the place.
        """

        def on_result(result: Result) -> None:
            if result.crash is not None and crashed is not None:
                crashed(result.crash)
                return
            failure = result.failure if result.crash is None else unforeseen(result.crash)
            self.feed(failed(failure) if failure is not None else succeeded(result.value))

        self._worker.submit(job, on_result)

    def _take(self, input_: Any) -> None:
        now = Now(at=self._monotonic_s(), chance=random.random())  # noqa: S311 - jitter, not a secret
        before = self.state
        self.state, effects = self._step(before, input_, now)
        for effect in effects:
            self._run(effect)
        self._changed(before)
