"""Decide when a connection is pinged, and when it is dead. Pure: the time is an argument."""

from __future__ import annotations

import enum

from ..core.timings import IdleTime

NEVER = float("inf")
_MAX_GRACE_S = 30.0
# A probe: how soon its answer has to be there, and how soon another one may follow.
PROBE_S = 10.0


class Due(enum.Enum):
    """Name what the time has come for."""

    NOTHING = enum.auto()
    PING = enum.auto()
    DEAD = enum.auto()


class KeepAlive:
    """Keep the times of one connection; all of them are seconds of one monotonic clock.

    A dead peer is noticed within 1.5 keep-alives, because pings are sent in time also if only one side sends. With
    `first_ping_s` the first one comes earlier: to learn whether a ping makes the connection last longer.
    """

    __slots__ = (
        "_answer_by",
        "_first_ping_s",
        "_grace_s",
        "_keepalive_s",
        "_last_in",
        "_last_out",
        "_pinged_at",
        "_probe_at",
        "_silent_before_ping_s",
        "_survived_s",
    )

    def __init__(self, keepalive_s: float, now: float, first_ping_s: float | None = None) -> None:
        self._keepalive_s = keepalive_s
        self._first_ping_s = keepalive_s if first_ping_s is None else first_ping_s
        self._silent_before_ping_s = self._survived_s = 0.0
        self._grace_s = min(0.45 * keepalive_s, _MAX_GRACE_S)
        self._last_in = self._last_out = now
        self._pinged_at = -NEVER
        self._probe_at = self._answer_by = NEVER

    def received(self, now: float) -> None:
        """Note that bytes came: whatever they are, they answer a probe."""
        silent_s = self._silent_before_ping_s if self._awaits_answer else self._silent_s(now)
        self._survived_s = max(self._survived_s, silent_s)
        self._last_in = now
        self._answer_by = NEVER

    def sent(self, now: float) -> None:
        """Note that bytes went out."""
        self._last_out = now

    def pinged(self, now: float) -> None:
        """Note that the ping that was due went out."""
        if not self._awaits_answer:
            self._silent_before_ping_s = self._silent_s(now)
        self._last_out = self._pinged_at = now
        if now >= self._probe_at:
            self._probe_at, self._answer_by = NEVER, now + PROBE_S

    def request_probe(self, now: float) -> None:
        """Ask for a ping at once, or when the last one is `PROBE_S` old."""
        self._probe_at = min(self._probe_at, max(now, self._pinged_at + PROBE_S))

    @property
    def is_probing(self) -> bool:
        """Say whether a probe waits for its answer."""
        return self._answer_by < NEVER

    def due(self, now: float) -> Due:
        """Return what is due."""
        if now >= self._dead_at():
            return Due.DEAD
        return Due.PING if now >= min(self._ping_at(), self._probe_at) else Due.NOTHING

    def next_at(self) -> float:
        """Return when something is due."""
        return min(self._ping_at(), self._probe_at, self._dead_at())

    def waited_s(self, now: float) -> float:
        """Return how long we waited for an answer to the ping."""
        return self._grace_s if now < self._answer_by else PROBE_S

    def idle_time(self, now: float) -> IdleTime:
        """Return how long the connection was idle in both directions, or until an unanswered ping."""
        return IdleTime(
            lasted_s=self._silent_before_ping_s if self._awaits_answer else self._silent_s(now),
            survived_s=self._survived_s,
            ping_unanswered=self._awaits_answer,
        )

    @property
    def _awaits_answer(self) -> bool:
        return self._pinged_at > self._last_in

    def _silent_s(self, now: float) -> float:
        return now - max(self._last_in, self._last_out)

    def _ping_at(self) -> float:
        # One that is not answered yet is not sent again.
        if self._awaits_answer:
            return NEVER
        interval_s = self._first_ping_s if self._pinged_at == -NEVER else self._keepalive_s
        return min(self._last_in, self._last_out) + interval_s

    def _dead_at(self) -> float:
        return min(self._last_in + self._keepalive_s + self._grace_s, self._answer_by)
