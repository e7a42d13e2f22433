"""Run a pure state machine in the loop: its inputs, its effects, its deadline and its jobs."""

from __future__ import annotations

import random
from collections.abc import Callable

from ..core.failures import Failure, defect_failure
from ..core.timings import Now
from ..fast_start.typing_names import Any
from .loop import Loop, Source
from .worker import Result, Worker


class Machine:
    """Hold the state of one machine, take its inputs one by one, and run the effects.

    Several machines can share one loop. Each has its own worker, and no machine knows another: the code that builds
    them decides which event of one machine is an input of another. `step(state, input, now)` returns the next state and
    the effects. `run` is called with each effect, then `changed` with the state before. A state has `wake_at`: when
    `tick` is fed, in seconds of the clock, or `None`.

    An input that is fed by an effect or by `changed` waits until the present input is finished.
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
        """Take an input, and then the inputs that its effects feed."""
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

        A defect in the job counts as a failure. With `crashed`, that function gets the place of the defect instead.
        """

        def on_result(result: Result) -> None:
            if result.crash is not None and crashed is not None:
                crashed(result.crash)
                return
            failure = result.failure if result.crash is None else defect_failure(result.crash)
            self.feed(failed(failure) if failure is not None else succeeded(result.value))

        self._worker.submit(job, on_result)

    def _take(self, input_: Any) -> None:
        now = Now(at=self._monotonic_s(), chance=random.random())  # noqa: S311 - jitter, not a secret
        before = self.state
        self.state, effects = self._step(before, input_, now)
        for effect in effects:
            self._run(effect)
        self._changed(before)
