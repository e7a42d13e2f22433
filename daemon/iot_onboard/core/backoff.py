"""How long to wait: back-off with jitter, hold-off against a clone, and the connect budget.

`chance` is a random number in [0, 1) that the caller draws. Every wait lies between its floor and its cap for any
attempt number (invariant 4). No identity sends more than five CONNECTs in any 60 s (invariant 3), for any purpose.
"""

from __future__ import annotations

import enum

from ..fast_start.fast_dataclasses import dataclass, replace

BUDGET_CONNECTS = 5
BUDGET_WINDOW_S = 60.0
# Clocks are read twice, here and when the packet leaves: the slack keeps the sixth CONNECT outside the window.
BUDGET_SLACK_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Bound a family of waits: the n-th lies between `floor_s` and min(`cap_s`, `first_s` * 2**(n-1))."""

    floor_s: float
    first_s: float
    cap_s: float

    def wait_s(self, attempt: int, chance: float) -> float:
        """Return the wait after the `attempt`-th failure in a row, counted from 1: full jitter above the floor."""
        return self.floor_s + chance * (self.ceiling_s(attempt) - self.floor_s)

    def ceiling_s(self, attempt: int) -> float:
        """Return the longest wait after the `attempt`-th failure."""
        # 2**20 times the smallest first wait exceeds every cap; the bound prevents an overflow for a huge attempt
        # number.
        return min(self.cap_s, self.first_s * 2.0 ** min(max(attempt, 1) - 1, 20))


# The first retry comes within 5 s; no wait is longer than five minutes.
WAITING = Pace(floor_s=1.0, first_s=5.0, cap_s=300.0)
# When somebody fixes the cause on this gateway, the daemon notices it within a minute.
SOON = Pace(floor_s=1.0, first_s=5.0, cap_s=60.0)
# Refused, throttled without a Retry-After, or an unknown code: fast retries would only do harm.
SLOW = Pace(floor_s=60.0, first_s=120.0, cap_s=300.0)
# About hourly: the cure happens in the cloud console, and nobody can report it to the gateway.
BLOCKED = Pace(floor_s=3240.0, first_s=3960.0, cap_s=3960.0)
# Two devices with the same secret disconnect each other: each short session makes the next hold-off longer, up to 15
# minutes.
HOLD_OFF = Pace(floor_s=30.0, first_s=120.0, cap_s=900.0)
# A change (of a route, the clock, the configuration) ends a wait, and the daemon tries at once. If that try fails, the
# next early try comes at least this much later, and so on: a link that flaps changes all the time.
_EARLY_FLOORS_S = (1.0, 5.0, 15.0)
# The platform accepts 500 logins a second per account. After a refusal for load, a fleet of known size comes back more
# slowly: this leaves room for gateways that draw the same second, and for first logins.
SPREAD_PER_S = 450.0
# How often a refused login may lead to a registration: after 10 minutes, doubling to 6 hours.
REREGISTER_FIRST_S = 600.0
REREGISTER_CAP_S = 21_600.0

# The shortest keep-alive: the platform accepts 30 to 1200 s.
MIN_KEEPALIVE_S = 30

# For a process that ends within a minute of its start, again and again: the first ten times only systemd's two seconds
# separate two starts.
SHORT_RUN_S = 60.0
FREE_RESTARTS = 10
_RESTART_FIRST_S = 10.0
_RESTART_CAP_S = 600.0

# A Retry-After is obeyed up to this limit: a wrong header must not stop a gateway for a year.
RETRY_AFTER_CAP_S = 3600.0


def restart_delay_s(short_runs: int) -> float:
    """Return how long a process waits before it begins, after `short_runs` processes that ended soon."""
    beyond = short_runs - FREE_RESTARTS
    return min(_RESTART_CAP_S, _RESTART_FIRST_S * 2.0 ** min(beyond - 1, 20)) if beyond > 0 else 0.0


def obeyed_wait_s(retry_after_s: float, chance: float, spread_s: float = 0.0) -> float:
    """Return a wait of at least `retry_after_s` (at most an hour), spread so that a fleet does not return at once."""
    asked = min(max(retry_after_s, WAITING.floor_s), RETRY_AFTER_CAP_S)
    return asked + chance * max(asked * 0.1, 2.0, spread_s)


def spread_s(fleet_size: int) -> float:
    """Return over how many seconds the logins of a fleet are spread after a refusal for load."""
    return fleet_size / SPREAD_PER_S


def spread_wait_s(left_s: float, refusals: int, chance: float) -> float:
    """Return a wait within the rest of the spread; near its end the back-off counts, by the number of refusals."""
    ceiling_s = max(left_s, WAITING.ceiling_s(refusals))
    return WAITING.floor_s + chance * (ceiling_s - WAITING.floor_s)


def early_retry_s(stamps: tuple[float, ...], now_s: float) -> float:
    """Return when a change may lead to an early try; `stamps` are the early tries since the last success."""
    recent = within_window(stamps, now_s)
    if not recent:
        return now_s
    return max(now_s, recent[-1] + _EARLY_FLOORS_S[min(len(recent), len(_EARLY_FLOORS_S)) - 1])


def within_window(stamps: tuple[float, ...], now_s: float) -> tuple[float, ...]:
    """Return the stamps that still count."""
    return tuple(stamp for stamp in stamps if now_s - stamp < BUDGET_WINDOW_S + BUDGET_SLACK_S)


def earliest_s(stamps: tuple[float, ...], now_s: float, budget: int = BUDGET_CONNECTS) -> float:
    """Return when the budget allows the next attempt: now, or when the `budget`-th newest stamp leaves the window."""
    recent = sorted(within_window(stamps, now_s))
    if len(recent) < budget:
        return now_s
    return recent[-budget] + BUDGET_WINDOW_S + BUDGET_SLACK_S


class Via(enum.Enum):
    """Name the protocol of a registration: over MQTT it sends a CONNECT, which the platform counts as any other."""

    HTTPS = "https"
    MQTT = "mqtt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Hold what was sent in the last minute, and when refused logins may lead to a registration again.

    `connects` are the moments of all CONNECTs, be they of logins or of registrations over MQTT; `registrations` those
    of the requests, by either protocol. Times are monotonic seconds.
    """

    connects: tuple[float, ...] = ()
    registrations: tuple[float, ...] = ()
    reregister_at: float = float("-inf")
    reregister_gap_s: float = REREGISTER_FIRST_S


def login_at(budget: Budget, now_s: float) -> float:
    """Return when the next login is within the budget; a registration over HTTPS sends no CONNECT, and delays none."""
    return earliest_s(budget.connects, now_s)


def registration_at(budget: Budget, via: Via, now_s: float, reserve: int = 0) -> float:
    """Return when the next registration is within the budget, with `reserve` of its requests left for others."""
    requested_at = earliest_s(budget.registrations, now_s, BUDGET_CONNECTS - reserve)
    return max(requested_at, login_at(budget, now_s)) if via is Via.MQTT else requested_at


def with_connect(budget: Budget, now_s: float) -> Budget:
    """Count a CONNECT just before it is sent: counted earlier, it would leave the window too early."""
    return replace(budget, connects=(*within_window(budget.connects, now_s), now_s))


def with_registration(budget: Budget, now_s: float) -> Budget:
    """Count a request to register; if it goes over MQTT its CONNECT is counted as well, when that leaves."""
    return replace(budget, registrations=(*within_window(budget.registrations, now_s), now_s))


def with_reregistration(budget: Budget, now_s: float) -> Budget:
    """Count a registration that refused logins lead to: the next one may follow after a gap that doubles."""
    gap_s = budget.reregister_gap_s
    return replace(budget, reregister_at=now_s + gap_s, reregister_gap_s=min(gap_s * 2, REREGISTER_CAP_S))
