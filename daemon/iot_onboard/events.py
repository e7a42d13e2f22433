"""The words of events: their names, what the table says of each, and how one occurrence becomes a line.

An *input* is what happened to the state machine; an *event* is what we tell the operator. The sentences stand in
`event_table`.
"""

from __future__ import annotations

import enum
from datetime import datetime

from .advice import Move
from .records import dataclass, replace


class Priority(enum.IntEnum):
    """Rank a line as syslog does."""

    CRIT = 2
    ERR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7


class Kind(enum.Enum):
    """Say what an event is in the gateway's story; `repetition` goes by it."""

    NOTE = "told each time; says nothing about whether all is well"
    PROGRESS = "told each time; what was wrong before it is over"
    ATTEMPT = "told the first time; later ones end in something that is told"
    TROUBLE = "told less and less often while it lasts"
    RECOVERY = "told where a trouble was told before it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Describe one event.

    `sentence` is the line, with `{fields}`; `subject` is what it says in a few words, and may hold `{code}`. The rest
    are whole sentences for whoever asks further, but `then`, which goes on after "Next: ".
    """

    message_id: str
    priority: Priority
    subject: str
    sentence: str
    explanation: str
    move: Move
    remedy: str
    then: str
    kind: Kind = Kind.NOTE


class Event(enum.Enum):
    """Name every event of the table."""

    STARTED = "started"
    SECRET_FOUND = "secret-found"
    SECRET_RECOVERED = "secret-recovered"
    SECRET_DAMAGED = "secret-damaged"
    SECRET_UNREADABLE = "secret-unreadable"
    SECRET_WITHHELD = "secret-withheld"
    SECRET_HANDED_OUT = "secret-handed-out"
    STORE_NOT_WRITABLE = "store-not-writable"
    REGISTERING = "registering"
    REREGISTERING = "reregistering"
    REGISTERED = "registered"
    REGISTRATION_FAILED = "registration-failed"
    REGISTRATION_THROTTLED = "registration-throttled"
    REGISTRATION_REFUSED = "registration-refused"
    NOT_CONFIGURED = "not-configured"
    SECRET_STORED = "secret-stored"
    SAVE_FAILED = "save-failed"
    CONNECTING = "connecting"
    ONLINE = "online"
    CONNECT_FAILED = "connect-failed"
    CLOCK_WRONG = "clock-wrong"
    LOGIN_REFUSED = "login-refused"
    LOGIN_BLOCKED = "login-blocked"
    CONNECTION_LOST = "connection-lost"
    IDENTITY_SHARED = "identity-shared"
    REPORTED = "reported"
    STOPPING = "stopping"
    WORKER_STUCK = "worker-stuck"
    RUNTIME_NOT_WRITABLE = "runtime-not-writable"
    SHORT_LIVES = "short-lives"
    INTERNAL_ERROR = "internal-error"
    NOT_SET_UP = "not-set-up"
    NAME_UNKNOWN = "name-unknown"
    CONFIGURATION_UNREAD = "configuration-unread"
    CONFIGURATION_WRONG = "configuration-wrong"
    SETTINGS_CHANGED = "settings-changed"
    SETTINGS_WRONG = "settings-wrong"
    OTHER_DEVICE = "other-device"
    BOOT_FILE_TAKEN = "boot-file-taken"
    BOOT_FILE_REFUSED = "boot-file-refused"
    BOOT_FILE_REMAINS = "boot-file-remains"
    BOOT_FILE_WARNING = "boot-file-warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """Hold how long the parts of an exchange took, one after the other, in milliseconds; `None` where not measured.

    `tcp_ms` is the way through a proxy as well, where there is one; `answer_ms` is from the first byte that we send to
    the platform's answer.
    """

    dns_ms: int | None = None
    tcp_ms: int | None = None
    tls_ms: int | None = None
    answer_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """Hold what the sentence of one occurrence fills in; `cause` is its most exact name, which `explain` knows."""

    code: str | None = None
    cause: str = ""
    detail: str = ""
    cure: str = ""
    attempt: int | None = None
    next_try_s: float | None = None
    duration_ms: int | None = None
    took: Took = Took()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Hold what is the same for every line of one process, and the endpoint that is being spoken to."""

    product_key: str
    device_name: str
    version: str
    endpoint: str = ""


def sentence(entry: Entry, details: Details, context: Context) -> str:
    """Return the line for the operator."""
    return entry.sentence.format(
        version=context.version,
        product_key=context.product_key,
        device_name=context.device_name,
        endpoint=context.endpoint,
        code=details.code or "-",
        detail=details.detail or "no detail",
        cure=details.cure or "see the log",
        hint=f" If it lasts: {details.cure}." if details.cure else "",
        reason=reason(details),
        attempt=details.attempt or 1,
        then=_then(details.next_try_s),
        hold_off=span(details.next_try_s or 0.0),
        duration=span((details.duration_ms or 0) / 1000),
        duration_ms=details.duration_ms or 0,
    )


def _then(next_try_s: float | None) -> str:
    if next_try_s is None:
        return "No further try."
    return f"Next try in {span(next_try_s)}." if next_try_s > 0 else "Trying now."


def what_happened(entry: Entry, details: Details, context: Context) -> str:
    """Return the line without what is to be done and when the next try comes: those are told apart."""
    template = min((entry.sentence.partition(mark)[0] for mark in (" To do:", " {then}", " Holding off")), key=len)
    return sentence(replace(entry, sentence=template), details, context)


def reason(details: Details) -> str:
    """Return the code, where there is one, and what it means."""
    code = f"code {details.code}" if (details.code or "").isdigit() else details.code
    return ": ".join(part for part in (code, details.detail) if part)


def journal_fields(event: Event, details: Details, context: Context, state: str) -> tuple[tuple[str, str], ...]:
    """Return the `IOT_` fields of the line; those without a value are left out."""
    fields = {
        "IOT_EVENT": event.value,
        "IOT_STATE": state,
        "IOT_PRODUCT_KEY": context.product_key or None,
        "IOT_DEVICE_NAME": context.device_name or None,
        "IOT_CODE": details.code,
        "IOT_CAUSE": details.cause or event.value,
        "IOT_ATTEMPT": details.attempt,
        "IOT_NEXT_TRY_S": None if details.next_try_s is None else round(details.next_try_s, 1),
        "IOT_ENDPOINT": context.endpoint or None,
        "IOT_DURATION_MS": details.duration_ms,
        "IOT_DNS_MS": details.took.dns_ms,
        "IOT_TCP_MS": details.took.tcp_ms,
        "IOT_TLS_MS": details.took.tls_ms,
        "IOT_ANSWER_MS": details.took.answer_ms,
    }
    return tuple((name, str(value)) for name, value in fields.items() if value is not None)


def span(seconds: float) -> str:
    """Write a length of time as a person would: `4 s`, `12 min`, `1 h 6 min`."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min"
    hours, rest = divmod(whole // 60, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def repeated(times: int, began: datetime, now: datetime) -> str:
    """Say how often something was met, and since when, by the clock on the wall: `7 times since 14:02`."""
    since = f"since {began:%H:%M}" if began.date() == now.date() else f"since {began:%Y-%m-%d %H:%M}"
    return since if times == 1 else f"{times} times {since}"
