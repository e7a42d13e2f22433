"""The types of the state machine: phases, inputs, effects, and the state."""

from __future__ import annotations

import enum

from ..core import backoff
from ..core.failures import Failure
from ..core.identity import Credentials
from ..core.timings import IdleTime, Timings
from ..events.model import Details, Event
from ..fast_start.fast_dataclasses import dataclass


class Phase(enum.Enum):
    """Name the state of the daemon."""

    BOOT = "boot"
    REGISTERING = "registering"
    SAVING = "saving"
    CONNECTING = "connecting"
    ONLINE = "online"
    WAITING = "waiting"
    BLOCKED = "blocked"
    STOPPED = "stopped"


class Goal(enum.Enum):
    """Name the action after a wait."""

    LOAD = "load"
    REGISTER = "register"
    SAVE = "save"
    CONNECT = "connect"


class EarlyRetry(enum.Enum):
    """Name what ends a wait early."""

    NETWORK = "network"
    CLOCK = "clock"
    CONFIG = "config"
    MOUNTS = "mounts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """Hold the time (monotonic seconds) and a random number in [0, 1) for a decision."""

    at: float
    chance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Hold what the configuration sets for a whole run; deadlines are for jobs that hang, not for slow ones."""

    can_register: bool = True
    allow_volatile: bool = False
    fleet_size: int | None = None
    register_only: bool = False
    disk_deadline_s: float = 180.0
    register_deadline_s: float = 240.0
    dial_deadline_s: float = 300.0
    connack_deadline_s: float = 10.0
    keepalive_s: int = 300


@dataclass(frozen=True, slots=True)
class Started:
    """The loop runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A secret was found; `damage` names files that were set aside, `recovered` says that it is the previous one."""

    credentials: Credentials
    damage: str = ""
    recovered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingStored:
    """No usable secret is stored; `detail` says why the store cannot be written, if so.

    `volatile` says why a file there would not survive a reboot. `mount` is the mount of `directory` (without symbolic
    links). `others` names devices with stored secrets: the card comes from another gateway.
    """

    writable: bool
    volatile: str = ""
    directory: str = ""
    mount: str = ""
    detail: str = ""
    damage: str = ""
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFailed:
    """The store could not be read."""

    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The platform gave a secret."""

    credentials: Credentials
    timings: Timings = Timings()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterFailed:
    """The registration failed."""

    failure: Failure
    clock_trusted: bool = True


@dataclass(frozen=True, slots=True)
class Saved:
    """The secret is durable and was read back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveFailed:
    """The secret is in memory only."""

    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialled:
    """TCP and TLS are connected; no MQTT packet was sent."""

    timings: Timings = Timings()


@dataclass(frozen=True, slots=True, kw_only=True)
class DialFailed:
    """There is no TLS connection."""

    failure: Failure
    clock_trusted: bool = True


@dataclass(frozen=True, slots=True)
class Accepted:
    """CONNACK 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """CONNACK with another code of MQTT 3.1.1."""

    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The connection ended, before the CONNACK or after; `violation`: closed by us for a protocol error.

    `unanswered`: something optional that the gateway sent after the login had no answer.
    """

    by_server: bool
    detail: str
    violation: bool = False
    unanswered: bool = False
    idle_time: IdleTime = IdleTime()


@dataclass(frozen=True, slots=True)
class NetworkChanged:
    """The route to the platform changed or came back."""


@dataclass(frozen=True, slots=True)
class ClockSet:
    """The wall clock was set."""


@dataclass(frozen=True, slots=True)
class MountChanged:
    """Another mount holds the state directory, or it has become writable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChanged:
    """The configuration or a secret changed; with `problems` it is invalid."""

    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tick:
    """The time `State.wake_at` has come."""


@dataclass(frozen=True, slots=True)
class StopRequested:
    """SIGTERM or SIGINT."""


Input = (
    Started
    | Loaded
    | NothingStored
    | LoadFailed
    | Registered
    | RegisterFailed
    | Saved
    | SaveFailed
    | Dialled
    | DialFailed
    | Accepted
    | Refused
    | Lost
    | NetworkChanged
    | ClockSet
    | MountChanged
    | ConfigChanged
    | Tick
    | StopRequested
)


@dataclass(frozen=True, slots=True)
class Load:
    """Read the store."""


@dataclass(frozen=True, slots=True)
class Register:
    """Send one registration request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """Make a secret durable and read it back."""

    credentials: Credentials


@dataclass(frozen=True, slots=True)
class Dial:
    """Look up the host, connect over TCP and TLS; send nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Record the CONNECT in the budget, and send it on the dialled connection.

    With `first_ping_s` the first ping follows after that much idle time, independent of the keep-alive.
    """

    credentials: Credentials
    connects: tuple[float, ...]
    keepalive_s: int
    first_ping_s: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Report version and tags to the platform, unless this boot has done so."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Ping the server at once; no answer within a short time means that the connection is lost."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the connection without DISCONNECT."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Send DISCONNECT and close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce:
    """Log an event for the operator."""

    event: Event
    details: Details = Details()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """End the process."""

    code: int


Effect = Load | Register | Save | Dial | Login | Report | Probe | Drop | Disconnect | Announce | Exit


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleCut:
    """Count sessions in a row that ended after equal idle times; `confirmed`: the path has an idle time-out."""

    silent_s: float
    times: int = 1
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Hold everything that decisions depend on, and what is reported about them. Times are monotonic seconds.

    `began_at` is when the job under way began, `timings` are those of the dial. `keepalive_s` is the keep-alive that an
    idle time-out asks for, `None` where the configured one is good; `first_ping_s` is of the next session.
    `failed_dials` are the moments when those began that came to nothing, `early_retries` those of the tries that news
    led to, since the last success.
    Where no secret was stored, `volatile`, `directory` and `mount` are what `NothingStored` said.
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
    # Refusals for load since the last session, until when logins are spread, and when no server could be reached.
    load_refusals: int = 0
    spread_until: float = float("-inf")
    unreachable_at: float = float("-inf")
    volatile: str = ""
    directory: str = ""
    mount: str = ""
    reregister_at: float = float("-inf")
    reregister_gap_s: float = backoff.REREGISTER_FIRST_S
    connects: tuple[float, ...] = ()
    registrations: tuple[float, ...] = ()
    failed_dials: tuple[float, ...] = ()
    early_retries: tuple[float, ...] = ()
