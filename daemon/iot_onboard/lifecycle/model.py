"""The words of the state machine: phases, inputs and effects."""

from __future__ import annotations

import enum

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
class Storage:
    """Hold what a state directory lies on: `volatile` says why what is written there would not outlast a boot.

    `directory`, without symbolic links, is held by `mount`.
    """

    volatile: str = ""
    directory: str = ""
    mount: str = ""


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

    `others` names devices whose secrets are stored: the card comes from another gateway.
    """

    writable: bool
    storage: Storage = Storage()
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
    """Send CONNECT on the dialled connection. With `first_ping_s` the first ping follows that much silence."""

    credentials: Credentials
    keepalive_s: int
    first_ping_s: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Report version and tags to the platform, once in each boot."""


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
