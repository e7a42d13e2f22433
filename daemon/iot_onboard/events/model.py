"""The types of events: their names, what the table says about each, and the details of one occurrence.

An *input* is what happened to the state machine; an *event* is what the operator reads. The sentences are in
`events/table`.
"""

from __future__ import annotations

import enum

from ..core.advice import Responsible
from ..core.identity import Identity
from ..core.timings import Timings
from ..fast_start.fast_dataclasses import dataclass


class Priority(enum.IntEnum):
    """Name the priorities of syslog."""

    CRIT = 2
    ERR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7


class Kind(enum.Enum):
    """Say what an event means for the gateway; `rate_limit` uses it."""

    NOTE = "logged each time; does not say whether there is a fault"
    PROGRESS = "logged each time; the fault before it is over"
    ATTEMPT = "logged the first time; later ones end in another event that is logged"
    TROUBLE = "logged less and less often while it lasts"
    RECOVERY = "logged if a fault was logged before it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Describe one event.

    `sentence` is the line, with `{fields}`; `subject` is a short form of it, and may contain `{code}`. The rest are
    whole sentences for `iot-onboard explain`, except `then`, which follows "Next: ".
    """

    message_id: str
    priority: Priority
    subject: str
    sentence: str
    explanation: str
    responsible: Responsible
    remedy: str
    then: str
    kind: Kind = Kind.NOTE

    @property
    def steps(self) -> tuple[str, ...]:
        """Return what to do, one sentence each, as in an `Advice`."""
        return (self.remedy,)


class Event(enum.Enum):
    """Name every event of the table."""

    STARTED = "started"
    SECRET_FOUND = "secret-found"
    SECRET_RECOVERED = "secret-recovered"
    SECRET_DAMAGED = "secret-damaged"
    SECRET_UNREADABLE = "secret-unreadable"
    SECRET_UNLOADABLE = "secret-unloadable"
    SECRET_LOADABLE = "secret-loadable"
    STORE_NOT_WRITABLE = "store-not-writable"
    STORE_VOLATILE = "store-volatile"
    REGISTERING = "registering"
    REREGISTERING = "reregistering"
    REGISTERED = "registered"
    REGISTRATION_FAILED = "registration-failed"
    REGISTRATION_THROTTLED = "registration-throttled"
    REGISTRATION_REFUSED = "registration-refused"
    SECRET_FILE_INVALID = "secret-file-invalid"
    SECRET_STORED = "secret-stored"
    SAVE_FAILED = "save-failed"
    CONNECTING = "connecting"
    ONLINE = "online"
    CONNECT_FAILED = "connect-failed"
    CLOCK_NOT_SET = "clock-not-set"
    LOGIN_REFUSED = "login-refused"
    LOGIN_BLOCKED = "login-blocked"
    CONNECTION_LOST = "connection-lost"
    IDENTITY_SHARED = "identity-shared"
    IDLE_TIMEOUT = "idle-timeout"
    REPORTED = "reported"
    REPORT_SKIPPED = "report-skipped"
    MESSAGES_UNREQUESTED = "messages-unrequested"
    STOPPING = "stopping"
    WORKER_STUCK = "worker-stuck"
    RUNTIME_DIR_NOT_WRITABLE = "runtime-dir-not-writable"
    LINES_LOST = "lines-lost"
    RESTART_DELAYED = "restart-delayed"
    START_PREVENTED = "start-prevented"
    START_POSSIBLE = "start-possible"
    INTERNAL_ERROR = "internal-error"
    NOT_PROVISIONED = "not-provisioned"
    DEVICE_NAME_UNKNOWN = "device-name-unknown"
    SOFTWARE_BROKEN = "software-broken"
    DEVICE_NAME_KEPT = "device-name-kept"
    CONFIG_UNREADABLE = "config-unreadable"
    CONFIG_INVALID = "config-invalid"
    CONFIG_CHANGED = "config-changed"
    CONFIG_CHANGE_INVALID = "config-change-invalid"
    OTHER_DEVICE = "other-device"
    BOOT_FILE_IMPORTED = "boot-file-imported"
    BOOT_FILE_REFUSED = "boot-file-refused"
    BOOT_FILE_NOT_REMOVED = "boot-file-not-removed"
    BOOT_FILE_WARNING = "boot-file-warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """Hold what the sentence of one occurrence fills in; `cause` is its most exact name, which `explain` knows.

    `about` is the device that the event is about, if that is not the gateway: one that it speaks for.
    """

    code: str | None = None
    cause: str = ""
    detail: str = ""
    cure: str = ""
    attempt: int | None = None
    next_try_s: float | None = None
    duration_ms: int | None = None
    timings: Timings = Timings()
    about: Identity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Hold what is the same for every line of one process, and the endpoint that is being spoken to.

    The names are those of the gateway.
    """

    product_key: str
    device_name: str
    version: str
    endpoint: str = ""

    def other(self, details: Details) -> Identity | None:
        """Return the device that an event is about, `None` if that is the gateway itself."""
        own = Identity(product_key=self.product_key, device_name=self.device_name)
        return None if details.about == own else details.about
