"""How long the parts of an exchange took, and how long a connection was silent."""

from __future__ import annotations

from ..fast_start.fast_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Hold how long the parts of an exchange took, one after the other, in milliseconds; `None` where not measured.

    `tcp_ms` is the way through a proxy as well, where there is one; `answer_ms` is from the first byte that we send to
    the platform's answer.
    """

    dns_ms: int | None = None
    tcp_ms: int | None = None
    tls_ms: int | None = None
    answer_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleTime:
    """Hold how long nothing went either way before a connection ended: before its last ping, where no answer came.

    `survived_s` is the longest silence of that connection after which the server was heard again.
    """

    lasted_s: float = 0.0
    survived_s: float = 0.0
    ping_unanswered: bool = False
