"""The one loop: it waits in one thread for descriptors and times, and calls the source of each."""

from __future__ import annotations

import errno
import math
import os
import select
import time
from collections.abc import Callable, Mapping

from ..fast_start.fast_dataclasses import dataclass

READ, WRITE = 1, 2
# poll(2) takes no longer timeout than 24 days; one more turn a day costs nothing.
_MAX_WAIT_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Hold what is waited for: a descriptor, -1 while there is none, or a moment, `None` while there is none.

    Both may be another one at each turn, and so may `mask`: READ, WRITE, both, or 0 for neither. Moments are those of
    the loop's clock.
    """

    fileno: Callable[[], int] = lambda: -1
    mask: Callable[[], int] = lambda: READ
    on_ready: Callable[[int], None] = lambda mask: None  # noqa: ARG005 - it has a caller
    due_at: Callable[[], float | None] = lambda: None
    on_due: Callable[[], None] = lambda: None


def wait(masks: Mapping[int, int], timeout_s: float | None) -> Mapping[int, int]:
    """Wait until a descriptor is ready for what its mask asks for; return what each is ready for.

    A descriptor whose peer has gone is ready for everything in its mask. Raises `OSError` if a descriptor is not open.
    The kernel stores nothing between two calls, so a number may belong to another descriptor in the next call.
    """
    poll = select.poll()
    for descriptor, mask in masks.items():
        poll.register(descriptor, (select.POLLIN if mask & READ else 0) | (select.POLLOUT if mask & WRITE else 0))
    found: dict[int, int] = {}
    # Rounded up: a turn that is a part of a millisecond early would do nothing.
    for descriptor, happened in poll.poll(None if timeout_s is None else math.ceil(timeout_s * 1000)):
        if happened & select.POLLNVAL:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        is_over = happened & ~(select.POLLIN | select.POLLOUT)
        found[descriptor] = masks[descriptor] & (
            (READ if happened & select.POLLIN or is_over else 0)
            | (WRITE if happened & select.POLLOUT or is_over else 0)
        )
    return found


class Loop:
    """Wait for all sources until one of them ends it.

    In each turn, each source is called at most once when it is ready and at most once when it is due, in the order of
    adding. So a source that is always ready does not starve others. A source may be removed at any time, also during
    its own call; it is not called after that. A source that is added during a turn gets its first call in the next one.

    An exception of a source ends the loop, and `run` raises it: a new process is safer than one that has done half of
    its work. A source that must not end the loop catches its own exceptions and removes itself.
    """

    def __init__(
        self,
        monotonic_s: Callable[[], float] = time.monotonic,
        wait: Callable[[Mapping[int, int], float | None], Mapping[int, int]] = wait,
    ) -> None:
        self._monotonic_s = monotonic_s
        self._wait = wait
        # By identity: two sources may be made of the same functions.
        self._sources: dict[int, Source] = {}
        self._ended = False

    def add(self, source: Source) -> Source:
        """Wait for a source as well, and return it; one that is there already keeps its place."""
        return self._sources.setdefault(id(source), source)

    def remove(self, source: Source) -> None:
        """Stop waiting for a source; nothing happens if it was not added."""
        self._sources.pop(id(source), None)

    def every(self, period_s: Callable[[], float | None], act: Callable[[], None]) -> Source:
        """Act at once, and again when a period has gone by since; not while the period is `None`."""
        acted_at = float("-inf")

        def due_at() -> float | None:
            period = period_s()
            return None if period is None else acted_at + period

        def on_due() -> None:
            nonlocal acted_at
            acted_at = self._monotonic_s()
            act()

        return self.add(Source(due_at=due_at, on_due=on_due))

    def end(self) -> None:
        """Have `run` return after the present call, whatever else is ready or due."""
        self._ended = True

    def run(self) -> None:
        """Wait and act until the end."""
        while not self._ended:
            self._turn()

    def _turn(self) -> None:
        sources = tuple(self._sources.values())
        waiting = [(source, descriptor) for source in sources if (descriptor := source.fileno()) >= 0]
        masks: dict[int, int] = {}
        for source, descriptor in waiting:
            if mask := source.mask():
                masks[descriptor] = masks.get(descriptor, 0) | mask
        ready = self._wait(masks, self._timeout_s(sources))
        for source, descriptor in waiting:
            # A source that was called before may have closed this descriptor or removed this source.
            if descriptor in ready and self._is_added(source) and source.fileno() == descriptor:
                mask = source.mask() & ready[descriptor]
                if mask:
                    source.on_ready(mask)
        for source in sources:
            at = source.due_at() if self._is_added(source) else None
            if at is not None and at <= self._monotonic_s():
                source.on_due()

    def _timeout_s(self, sources: tuple[Source, ...]) -> float | None:
        wake_at = min((at for source in sources if (at := source.due_at()) is not None), default=None)
        return None if wake_at is None else min(max(0.0, wake_at - self._monotonic_s()), _MAX_WAIT_S)

    def _is_added(self, source: Source) -> bool:
        return not self._ended and id(source) in self._sources
