"""What the state machine knows: its whole memory is one record, `State`."""

from __future__ import annotations

from ..core.backoff import Budget
from ..core.failures import Failure
from ..core.identity import Credentials
from ..core.timings import Timings
from ..fast_start.fast_dataclasses import dataclass
from .model import EarlyRetry, Goal, Phase, Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Hold what the configuration decides for a whole run; deadlines are for jobs that hang, not for slow ones."""

    can_register: bool = True
    allow_volatile: bool = False
    fleet_size: int | None = None
    register_only: bool = False
    disk_deadline_s: float = 180.0
    register_deadline_s: float = 240.0
    dial_deadline_s: float = 300.0
    connack_deadline_s: float = 10.0
    keepalive_s: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleCut:
    """Hold how many sessions in a row ended after the same silence; `confirmed`: it is an idle time-out on the way."""

    silent_s: float
    times: int = 1
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Hold everything that decisions depend on, and what is reported of them. Times are monotonic seconds.

    `began_at` is when the job under way began, `timings` are those of the dial. `keepalive_s` is the keep-alive that an
    idle time-out asks for, `None` if the configured one is good; `first_ping_s` is of the next session.
    `failed_dials` are the moments when those began that came to nothing, `early_retries` those of the tries that news
    led to, since the last success.
    `storage` is known if no secret was stored.
    """

    policy: Policy = Policy()
    phase: Phase = Phase.BOOT
    goal: Goal | None = None
    retry_on: frozenset[EarlyRetry] = frozenset()
    wake_at: float | None = None
    credentials: Credentials | None = None
    durable: bool = False
    logging_in: bool = False
    began_at: float = 0.0
    timings: Timings = Timings()
    online_since: float = 0.0
    network_changed_at: float = float("-inf")
    failures: int = 0
    refusals: int = 0
    short_sessions: int = 0
    idle_cut: IdleCut | None = None
    keepalive_s: int | None = None
    first_ping_s: float | None = None
    rejected: Failure | None = None
    # Refusals for load since the last session, until when they are spread, and when nobody could be reached.
    load_refusals: int = 0
    spread_until: float = float("-inf")
    unreachable_at: float = float("-inf")
    storage: Storage = Storage()
    budget: Budget = Budget()
    failed_dials: tuple[float, ...] = ()
    early_retries: tuple[float, ...] = ()
