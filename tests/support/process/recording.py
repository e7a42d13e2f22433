"""A journal that hands each line to the test, and one that takes nothing for a while."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from iot_onboard.events.format import Line
from iot_onboard.reporting.journal import Journal
from iot_onboard.system.sinks import Sink


class Taking(Sink):
    """An outlet that takes everything, or so many bytes of each piece, or raises; `taken` is what it took."""

    def __init__(self) -> None:
        self.limit: int | None = None
        self.error: OSError | None = None
        self.taken: list[bytes] = []

    def send(self, data: bytes) -> int:
        if self.error is not None:
            raise self.error
        took = len(data) if self.limit is None else min(len(data), self.limit)
        if took:
            self.taken.append(data[:took])
        return took


def recording_journal(decide: Callable[[Line], object], level: str = "debug") -> Journal:
    """Return a journal that takes every line at once."""

    def encode(line: Line, _: datetime | None) -> bytes:
        decide(line)
        return b"-"

    return Journal(Taking(), encode, level)
