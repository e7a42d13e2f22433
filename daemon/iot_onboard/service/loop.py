"""The one loop: it waits in one thread for descriptors and times, and calls the source of each."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable

from ..fast_start.fast_dataclasses import dataclass

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Hold what is waited for: a descriptor, -1 while there is none, or a moment, `None` while there is none.

    Both may be another one at each turn, and so may `mask`: READ, WRITE or both. Moments are those of the loop's clock.
    """

    fileno: Callable[[], int] = lambda: -1
    mask: Callable[[], int] = lambda: READ
    on_ready: Callable[[int], None] = lambda mask: None  # noqa: ARG005 - it has a caller
    due_at: Callable[[], float | None] = lambda: None
    on_due: Callable[[], None] = lambda: None


class Loop:
    """Wait for all sources until one of them ends it; what a source raises ends it too."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._selector = selectors.DefaultSelector()
        self._sources: list[Source] = []
        self._watched: dict[Source, tuple[int, int]] = {}
        self._ended = False

    def add(self, source: Source) -> None:
        """Wait for a source as well; what is due in one turn is done in the order of adding."""
        self._sources.append(source)

    def every(self, period_s: Callable[[], float | None], act: Callable[[], None]) -> None:
        """Act at once, and again when a period has gone by since; not while the period is `None`."""
        acted_at = float("-inf")

        def due_at() -> float | None:
            period = period_s()
            return None if period is None else acted_at + period

        def on_due() -> None:
            nonlocal acted_at
            acted_at = self._monotonic_s()
            act()

        self.add(Source(due_at=due_at, on_due=on_due))

    def end(self) -> None:
        """Have `run` return after the present call, whatever else is ready or due."""
        self._ended = True

    def run(self) -> None:
        """Wait and act until the end."""
        with self._selector:
            while not self._ended:
                self._turn()

    def _turn(self) -> None:
        for source in self._sources:
            self._watch(source)
        wake_at = min((at for source in self._sources if (at := source.due_at()) is not None), default=None)
        timeout_s = None if wake_at is None else max(0.0, wake_at - self._monotonic_s())
        for key, mask in self._selector.select(timeout_s):
            if not self._ended:
                key.data.on_ready(mask)
        for source in self._sources:
            at = None if self._ended else source.due_at()
            if at is not None and at <= self._monotonic_s():
                source.on_due()

    def _watch(self, source: Source) -> None:
        """Have the selector know the descriptor of a source as it is now."""
        now, before = (source.fileno(), source.mask()), self._watched.get(source)
        if now == before:
            return
        if before is not None:
            # It may be closed: the selector knows it by its number.
            self._selector.unregister(before[0])
            del self._watched[source]
        if now[0] >= 0:
            self._selector.register(*now, source)
            self._watched[source] = now
