"""The closed set of failures, by what to do about each, and the one exception that carries them.

Adapters translate foreign exceptions into an `OnboardError` at their edge and chain them; from there on a failure is
a value. `detail` is a clause for the operator ("connection refused by 10.0.0.1 port 443"): it never holds a secret
or the body of an answer.
"""

from __future__ import annotations

import enum
import errno

from ..fast_start.fast_dataclasses import dataclass

# Out of memory, descriptors, threads or buffers; an interrupted call; a temporary error of a disk or a file server.
# Not what a person must fix: a file that is missing, has another owner, or is no file; a full or read-only disk.
_TEMPORARY = frozenset(
    {
        errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM,
        errno.EREMOTEIO, errno.ESTALE, errno.ETIMEDOUT,
    }
)  # fmt: skip
# The message of `threading`, which has no exception of its own for this.
_NO_THREAD = "can't start new thread"


class Cause(enum.Enum):
    """Name what made an attempt fail, if it may end by itself."""

    NETWORK = "network"
    NAME_LOOKUP = "name look-up"
    PROXY = "proxy"
    TLS = "TLS"
    TLS_DATE = "TLS date"
    TIMEOUT = "time limit"
    PLATFORM = "platform"
    ANSWER = "answer"
    CONNACK = "CONNACK"
    CLOSED_BY_SERVER = "closed by the server"
    PROTOCOL = "MQTT protocol"
    UNKNOWN_CODE = "unknown code"
    DEFECT = "defect"
    LOCAL = "fault of this gateway"

    @property
    def slug(self) -> str:
        """Return the name that an operator types: `name-lookup`."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transient:
    """Waiting helps. `slow` asks for the longest waits (an unknown code, a server with problems).

    `cure` says what to do if waiting does not help; if it is empty, the cause says it. `soon` is for a fault that a
    person fixes on this gateway, and that a cheap local check detects: no wait is longer than a minute.
    """

    cause: Cause
    detail: str
    code: str | None = None
    slow: bool = False
    soon: bool = False
    cure: str = ""


def defect_failure(where: str) -> Transient:
    """Return the failure for an unexpected exception: `where` is its kind and place, and nothing else.

    Data from a server or a disk can cause one. The process continues, because an exit would lose what is in memory.
    """
    return Transient(cause=Cause.DEFECT, detail=f"internal error: {where}", slow=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled:
    """The server asked to slow down; `retry_after_s` is the time that it asked for, if any."""

    detail: str
    retry_after_s: float | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The platform refused, and a person must act there or in the configuration: `cure` says who and what."""

    code: str
    detail: str
    cure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Misconfigured:
    """Something on this gateway is configured wrongly; `cure` is what the operator must do."""

    detail: str
    cure: str


class StoreFault(enum.Enum):
    """Say what the store could not do."""

    UNREADABLE = "unreadable"
    NOT_WRITABLE = "not writable"
    VOLATILE = "volatile"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFailure:
    """The disk failed; `temporary` is true if the fault may end by itself within moments."""

    fault: StoreFault
    detail: str
    temporary: bool = False


Failure = Transient | Throttled | Rejected | Misconfigured | StoreFailure


class OnboardError(Exception):
    """Carry a `Failure` from an adapter to the loop."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


def is_temporary(error: BaseException) -> bool:
    """Return whether waiting fixes this error of the machine."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, RuntimeError):
        return str(error) == _NO_THREAD
    if type(error).__module__ == "ssl":
        # The numbers in it are OpenSSL's.
        return getattr(error, "reason", None) == "MALLOC_FAILURE"
    return isinstance(error, OSError) and error.errno in _TEMPORARY


def local_fault(what: str, error: BaseException) -> OnboardError:
    """Return the error to raise for a temporary error; `what` is a clause such as "the file X cannot be read"."""
    reason = (error.strerror if isinstance(error, OSError) else "") or "no memory or no thread is available"
    return OnboardError(Transient(cause=Cause.LOCAL, detail=f"{what}: {reason}"))
