"""Hold the events of the registration."""

from __future__ import annotations

from ...core.advice import HOURLY, SOON, Responsible
from ..model import Entry, Event, Kind, Priority

REGISTRATION = {
    Event.REGISTERING: Entry(
        message_id="a8c7a191c9fe4e9fae13a2b071d2803c",
        priority=Priority.INFO,
        kind=Kind.ATTEMPT,
        subject="Asking the platform for this device's secret",
        sentence="Registering {device_name} at {endpoint} (attempt {attempt}).",
        explanation="No device secret is stored. The gateway asks the platform for it with one HTTPS request, signed with the product secret (dynamic registration). Later attempts are logged only if they end differently.",
        responsible=Responsible.NOBODY,
        remedy="No action is needed.",
        then="this attempt is in progress",
    ),
    Event.REREGISTERING: Entry(
        message_id="fefa653622c744febf759d678361f7d4",
        priority=Priority.WARNING,
        kind=Kind.PROGRESS,
        subject="The platform refused the stored secret; registering once",
        sentence="The platform refused the stored secret {attempt} times in a row. The gateway registers once, in case the device was reset.",
        explanation="When an operator resets a device, its old secret becomes invalid. A new registration shows whether that happened, and gets the new secret. The old secret stays on the disk until a new one is stored.",
        responsible=Responsible.NOBODY,
        remedy="Wait for the next line: it says whether the platform gave a new secret.",
        then="the registration is in progress; another one of this kind comes no sooner than 10 minutes later, then at intervals that double up to 6 hours",
    ),
    Event.REGISTERED: Entry(
        message_id="81ce5dfe0d5e4f75bf06b2389e948bc4",
        priority=Priority.NOTICE,
        kind=Kind.PROGRESS,
        subject="The platform gave this device its secret",
        sentence="Registered: the platform gave this device its secret.",
        explanation="The gateway stores the secret next. It logs in only after that.",
        responsible=Responsible.NOBODY,
        remedy="No action is needed.",
        then="at once: the gateway stores the secret",
    ),
    Event.REGISTRATION_FAILED: Entry(
        message_id="9b9f1a51f53d48a38ef32d94804e145c",
        priority=Priority.WARNING,
        kind=Kind.TROUBLE,
        subject="The registration failed",
        sentence="Registration failed: {detail}. {then}{hint}",
        explanation="The cause is the network, or a fault of the platform. The line says what the gateway saw. Nothing is lost, and the gateway retries by itself. While the fault lasts, the line is repeated at growing intervals, with a count.",
        responsible=Responsible.NETWORK,
        remedy="In the first minutes after power-on, wait. If it lasts, check what the line says. `iot-onboard doctor` tests each step of the connection to the platform, and names the first step that fails.",
        then=SOON,
    ),
    Event.REGISTRATION_THROTTLED: Entry(
        message_id="18f9f3ca395a4d01a7446efd49cd5194",
        priority=Priority.WARNING,
        kind=Kind.TROUBLE,
        subject="The platform asks the gateway to slow down (code {code})",
        sentence="Registration: {detail}. {then}",
        explanation="The platform gets too many requests, from this gateway or from the whole account, or it is overloaded. The gateway waits as the platform asks, and then registers by itself.",
        responsible=Responsible.PLATFORM,
        remedy="Wait. A restart of the service only adds to the load.",
        then="the gateway retries after the time that the platform gave (at most an hour); if it gave none, in 1 to 5 minutes",
    ),
    Event.REGISTRATION_REFUSED: Entry(
        message_id="cc1c7c61001c4f4183cf66e75b6cf337",
        priority=Priority.ERR,
        kind=Kind.TROUBLE,
        subject="The platform refuses to register this device (code {code})",
        sentence="Registration refused, code {code}: {detail}. To do: {cure}. {then}",
        explanation="Waiting does not fix this. A person must act, and the line says what to do. The gateway keeps running and retries about every hour, so nobody has to visit it after a change in the console.",
        responsible=Responsible.CONSOLE,
        remedy="Do what the line says. Fix codes 460, 6250, 6292 and 6600 on the gateway (`sudo iot-onboard setup`), and codes 6100, 6204, 6288 and 6289 in the console.",
        then=HOURLY,
    ),
}
