"""What a failure asks for: the closed set of dispositions, and the one exception that carries them.

Adapters translate foreign exceptions into an `OnboardError` at their edge and chain them; from there on a failure is
a value. `detail` is a clause for the operator ("connection refused by 10.0.0.1 port 443"): it never holds a secret
or the body of an answer.
"""

from __future__ import annotations

import enum
import errno

from ..fast_start.fast_dataclasses import dataclass

# Out of memory, descriptors, threads or buffers; a call that was interrupted; a disk or a file server that stumbled.
# Not what somebody has to mend: a file that is not there, is another's, or is no file; a full or read-only disk.
_TEMPORARY = frozenset(
    {
        errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM,
        errno.EREMOTEIO, errno.ESTALE, errno.ETIMEDOUT,
    }
)  # fmt: skip
# The words of `threading`, which has no exception of its own for it.
_NO_THREAD = "can't start new thread"


class Cause(enum.Enum):
    """Name the part of the world that made an attempt fail and may mend by itself."""

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
        """Return the name by which an operator asks for it: `name-lookup`."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transient:
    """Waiting helps. `slow` asks for the long end of the waits (an unknown code, a server that is unhappy).

    `cure` says what to do if waiting does not help after all; where it is empty, the cause says it. `soon` is for what
    somebody mends on this gateway, and is seen by a look that costs nobody anything: no wait is longer than a minute.
    """

    cause: Cause
    detail: str
    code: str | None = None
    slow: bool = False
    soon: bool = False
    cure: str = ""


def defect_failure(where: str) -> Transient:
    """Return what an exception that nobody foresaw is to the state machine: `where` is its kind and place, no more.

    What a peer says, or a disk, may lead to one. The process goes on, for an end would lose what it holds in memory.
    """
    return Transient(cause=Cause.DEFECT, detail=f"internal error: {where}", slow=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled:
    """The server asked to slow down; `retry_after_s` is its own wish where it named one."""

    detail: str
    retry_after_s: float | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The platform said no, and somebody has to act there or in the configuration: `cure` says who and what."""

    code: str
    detail: str
    cure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Misconfigured:
    """Something on this gateway is set up wrong; `cure` is what the operator does."""

    detail: str
    cure: str


class StoreFault(enum.Enum):
    """Say what the store could not do."""

    UNREADABLE = "unreadable"
    NOT_WRITABLE = "not writable"
    VOLATILE = "volatile"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFailure:
    """The disk would not do its part; `temporary` where it may well do so a moment later."""

    fault: StoreFault
    detail: str
    temporary: bool = False


Failure = Transient | Throttled | Rejected | Misconfigured | StoreFailure


class OnboardError(Exception):
    """Carry a `Failure` from the adapter that met it to the loop."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


def is_temporary(error: BaseException) -> bool:
    """Say whether waiting mends what went wrong on this machine."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, RuntimeError):
        return str(error) == _NO_THREAD
    if type(error).__module__ == "ssl":
        # The numbers in it are OpenSSL's.
        return getattr(error, "reason", None) == "MALLOC_FAILURE"
    return isinstance(error, OSError) and error.errno in _TEMPORARY


def local_fault(what: str, error: BaseException) -> OnboardError:
    """Return what to raise for an error that `is_temporary`; `what` is a clause such as "the file X cannot be read"."""
    reason = (error.strerror if isinstance(error, OSError) else "") or "no memory or no thread is to be had"
    return OnboardError(Transient(cause=Cause.LOCAL, detail=f"{what}: {reason}"))
