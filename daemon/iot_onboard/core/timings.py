"""What a decision knows of time: now, how long an exchange took, and how long a connection was silent."""

from __future__ import annotations

from ..fast_start.fast_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """Hold what a decision takes from the world: monotonic seconds, and a random number in [0, 1)."""

    at: float
    chance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Hold how long the phases of an exchange took, in order, in milliseconds; `None` if not measured.

    `tcp_ms` includes opening the tunnel of a proxy, if there is one; `answer_ms` is from the first byte that we send to
    the platform's answer.
    """

    dns_ms: int | None = None
    tcp_ms: int | None = None
    tls_ms: int | None = None
    answer_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleTime:
    """Hold how long no packet went in either direction before a connection ended, or before an unanswered ping.

    `survived_s` is the longest idle time of that connection after which a packet of the server came.
    """

    lasted_s: float = 0.0
    survived_s: float = 0.0
    ping_unanswered: bool = False
