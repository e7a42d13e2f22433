"""The event table: every line that an operator may act on, once.

An *input* is what happened to the state machine; an *event* is what we tell the operator. The table is the only
source of sentences; the journal fields, and later the catalog and the manual, are made from it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Priority(enum.IntEnum):
    """Rank a line as syslog does."""

    CRIT = 2
    ERR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Describe one event: its journal MESSAGE_ID, its sentence with `{fields}`, why it happens and what helps."""

    message_id: str
    priority: Priority
    sentence: str
    explanation: str
    remedy: str | None = None


class Event(enum.Enum):
    """Name every event of the table."""

    STARTED = "started"
    SECRET_FOUND = "secret-found"
    SECRET_RECOVERED = "secret-recovered"
    SECRET_DAMAGED = "secret-damaged"
    SECRET_UNREADABLE = "secret-unreadable"
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
    INTERNAL_ERROR = "internal-error"


TABLE: dict[Event, Entry] = {
    Event.STARTED: Entry(
        message_id="555611fbf8424260ad1bd7ebf39c4b94",
        priority=Priority.INFO,
        sentence="iot-onboard {version} starts for {device_name} of product {product_key}.",
        explanation="The daemon has read its configuration and looks for the stored device secret.",
    ),
    Event.SECRET_FOUND: Entry(
        message_id="d731f41fca3b4ec79091a37f94064faf",
        priority=Priority.INFO,
        sentence="The device secret is stored: no registration needed.",
        explanation="The secret was registered earlier and is read from the state directory.",
    ),
    Event.SECRET_RECOVERED: Entry(
        message_id="33c9799e2d954d83a03b5d4efc35342b",
        priority=Priority.WARNING,
        sentence="The stored device secret was damaged ({detail}); the previous one is used.",
        explanation="The damaged file was set aside, not deleted. If the platform refuses the previous secret, the gateway registers again by itself.",
        remedy="If this comes back, check the SD card.",
    ),
    Event.SECRET_DAMAGED: Entry(
        message_id="822b3ff41fde4539b56a1f86dc644e3b",
        priority=Priority.WARNING,
        sentence="The stored device secret was damaged ({detail}) and no earlier one is usable; registering again.",
        explanation="The damaged file was set aside, not deleted.",
        remedy="If registration is refused with 6289, reset the device in the cloud console. If this comes back, check the SD card.",
    ),
    Event.SECRET_UNREADABLE: Entry(
        message_id="e68149b5b23a491e9e0a52a00201dffb",
        priority=Priority.ERR,
        sentence="The stored device secret cannot be read: {detail}. {then}",
        explanation="The secret may be fine, so the gateway does not register again; it retries the read.",
        remedy="Check the file's owner and mode, and the SD card.",
    ),
    Event.STORE_NOT_WRITABLE: Entry(
        message_id="cb1d5788bbe349fba841c418b1050f73",
        priority=Priority.ERR,
        sentence="The state directory cannot be written: {detail}. No registration until it can. {then}",
        explanation="A secret that cannot be kept must not be asked for: a lost secret costs a reset in the console.",
        remedy="Free space, or make the state directory writable.",
    ),
    Event.REGISTERING: Entry(
        message_id="a8c7a191c9fe4e9fae13a2b071d2803c",
        priority=Priority.INFO,
        sentence="Registering {device_name} at {endpoint} (attempt {attempt}).",
        explanation="One HTTPS request, signed with the product secret, asks for this device's secret.",
    ),
    Event.REREGISTERING: Entry(
        message_id="fefa653622c744febf759d678361f7d4",
        priority=Priority.WARNING,
        sentence="The platform refused the stored secret {attempt} times running; registering once, in case the device was reset.",
        explanation="The old secret stays on disk until a new one is stored.",
    ),
    Event.REGISTERED: Entry(
        message_id="81ce5dfe0d5e4f75bf06b2389e948bc4",
        priority=Priority.NOTICE,
        sentence="Registered: the platform gave this device its secret.",
        explanation="The secret is stored next; the login follows only after that.",
    ),
    Event.REGISTRATION_FAILED: Entry(
        message_id="9b9f1a51f53d48a38ef32d94804e145c",
        priority=Priority.WARNING,
        sentence="Registration failed: {detail}. {then}",
        explanation="The network or the platform is in the way. The gateway retries by itself.",
    ),
    Event.REGISTRATION_THROTTLED: Entry(
        message_id="18f9f3ca395a4d01a7446efd49cd5194",
        priority=Priority.WARNING,
        sentence="Registration: {detail}. {then}",
        explanation="The platform asked to slow down, and the gateway obeys.",
    ),
    Event.REGISTRATION_REFUSED: Entry(
        message_id="cc1c7c61001c4f4183cf66e75b6cf337",
        priority=Priority.ERR,
        sentence="Registration refused, code {code}: {detail}. To do: {cure}. {then}",
        explanation="Waiting does not mend this: somebody has to act. The gateway stays alive and retries about hourly, so nobody needs to come back to it.",
        remedy="Do what the line says; a restart of the service tries at once.",
    ),
    Event.NOT_CONFIGURED: Entry(
        message_id="92bea464aa2941be85fbee06f903ca3b",
        priority=Priority.ERR,
        sentence="{detail}. To do: {cure}. {then}",
        explanation="Something on this gateway is set up wrong.",
        remedy="Do what the line says, then restart the service.",
    ),
    Event.SECRET_STORED: Entry(
        message_id="6eec1d38f8bf4dd6957bf87960814e1b",
        priority=Priority.NOTICE,
        sentence="The device secret is stored and read back.",
        explanation="It was written, synced and compared; a power cut no longer loses it.",
    ),
    Event.SAVE_FAILED: Entry(
        message_id="675b88e112864fc192ff2de4a18efdba",
        priority=Priority.ERR,
        sentence="The device secret cannot be stored: {detail}. It is kept in memory; no login before it is stored. {then}",
        explanation="A login with a secret that is not on disk could lose the device: after the first login the platform gives no other one.",
        remedy="Free space, or make the state directory writable.",
    ),
    Event.CONNECTING: Entry(
        message_id="33b0662cad574c39bf29c7c3b6149ab2",
        priority=Priority.INFO,
        sentence="Connecting to {endpoint} (attempt {attempt}).",
        explanation="Name look-up, TCP, TLS, then the MQTT login.",
    ),
    Event.ONLINE: Entry(
        message_id="d505e1b9362f4489aa4765c98d1cf35c",
        priority=Priority.NOTICE,
        sentence="Online at {endpoint}, {duration_ms} ms after the dial.",
        explanation="The platform accepted the login.",
    ),
    Event.CONNECT_FAILED: Entry(
        message_id="f4ebca5b44c34a3a9858c2e1b4e3d53f",
        priority=Priority.WARNING,
        sentence="Cannot connect: {detail}. {then}",
        explanation="The network or the platform is in the way. The gateway retries by itself, and at once when a route appears.",
    ),
    Event.CLOCK_WRONG: Entry(
        message_id="fadd52ae669244c8b4b7c1126e770740",
        priority=Priority.WARNING,
        sentence="The server's certificate does not fit this gateway's clock ({detail}), and the clock is not set yet. Waiting for the clock. {then}",
        explanation="A gateway without a battery clock starts in the past until the time is set from the network.",
        remedy="Check that time synchronisation works (timedatectl).",
    ),
    Event.LOGIN_REFUSED: Entry(
        message_id="dee7034dafb54ae192403a864ac27550",
        priority=Priority.WARNING,
        sentence="Login refused, CONNACK {code}: {detail}. Refusals in a row: {attempt}. {then}",
        explanation="After three refusals running the gateway registers once by itself, in case the device was reset.",
        remedy="Check region and instance_id, and that the device is enabled in the cloud console.",
    ),
    Event.LOGIN_BLOCKED: Entry(
        message_id="bef8c9c96d204feb9e60536dc66abfda",
        priority=Priority.ERR,
        sentence="The platform refuses the stored secret, and gives no new one ({code}: {detail}). To do: {cure}. {then}",
        explanation="The gateway stays alive and retries about hourly. The stored secret is kept.",
        remedy="Do what the line says; a restart of the service tries at once.",
    ),
    Event.CONNECTION_LOST: Entry(
        message_id="194ab38f6efe410f9a21e4c595fadaa0",
        priority=Priority.WARNING,
        sentence="Connection lost after {duration}: {detail}. {then}",
        explanation="The gateway reconnects by itself.",
    ),
    Event.IDENTITY_SHARED: Entry(
        message_id="392ff37e549f43e28a0c6c8c19c96157",
        priority=Priority.ERR,
        sentence="Connection ended by the server within a minute, {attempt} times in a row: another device uses this identity. Holding off for {hold_off}.",
        explanation="The platform allows one connection per identity, and a newer one ends the older. Both holders evict each other.",
        remedy="Find the other device with this DeviceName (a copied SD card?) and give it its own.",
    ),
    Event.REPORTED: Entry(
        message_id="5105633644844617bd85cbc0f8545461",
        priority=Priority.INFO,
        sentence="Version {version} and tags reported.",
        explanation="The platform confirmed them.",
    ),
    Event.STOPPING: Entry(
        message_id="ed77e488589449ff9fdbec3f59e45a27",
        priority=Priority.INFO,
        sentence="Asked to stop.",
        explanation="systemd or an operator stops the service.",
    ),
    Event.WORKER_STUCK: Entry(
        message_id="2eae9d4fe35d4841ab78c3ad7e5f8684",
        priority=Priority.CRIT,
        sentence="{detail} did not end within its time limit; ending so that the service manager starts afresh.",
        explanation="A system call hangs. Only a new process mends that.",
        remedy="If this comes back, check name look-up and the SD card.",
    ),
    Event.RUNTIME_NOT_WRITABLE: Entry(
        message_id="367c414953d0455a97b3351b1269dba1",
        priority=Priority.WARNING,
        sentence="The runtime directory cannot be written: {detail}. Status and connect count are not kept.",
        explanation="The daemon works on; `iot-onboard status` cannot answer.",
        remedy="Check the runtime directory.",
    ),
    Event.INTERNAL_ERROR: Entry(
        message_id="aa05d69c363e46cb863b5f55d9b413da",
        priority=Priority.CRIT,
        sentence="Internal error: {detail}. Ending; the service manager starts it again.",
        explanation="A defect of this program.",
        remedy="Please report it with this line.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """Hold what the sentence of one occurrence fills in."""

    code: str | None = None
    detail: str = ""
    cure: str = ""
    attempt: int | None = None
    next_try_s: float | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Hold what is the same for every line of one process, and the endpoint that is being spoken to."""

    product_key: str
    device_name: str
    version: str
    endpoint: str = ""


def sentence(event: Event, details: Details, context: Context) -> str:
    """Return the line for the operator."""
    return TABLE[event].sentence.format(
        version=context.version,
        product_key=context.product_key,
        device_name=context.device_name,
        endpoint=context.endpoint,
        code=details.code or "-",
        detail=details.detail or "no detail",
        cure=details.cure or "see the log",
        attempt=details.attempt or 1,
        then="No further try." if details.next_try_s is None else f"Next try in {span(details.next_try_s)}.",
        hold_off=span(details.next_try_s or 0.0),
        duration=span((details.duration_ms or 0) / 1000),
        duration_ms=details.duration_ms or 0,
    )


def journal_fields(event: Event, details: Details, context: Context, state: str) -> tuple[tuple[str, str], ...]:
    """Return the `IOT_` fields of the line; those without a value are left out."""
    fields = {
        "IOT_EVENT": event.value,
        "IOT_STATE": state,
        "IOT_PRODUCT_KEY": context.product_key,
        "IOT_DEVICE_NAME": context.device_name,
        "IOT_CODE": details.code,
        "IOT_ATTEMPT": details.attempt,
        "IOT_NEXT_TRY_S": None if details.next_try_s is None else round(details.next_try_s, 1),
        "IOT_ENDPOINT": context.endpoint or None,
        "IOT_DURATION_MS": details.duration_ms,
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
