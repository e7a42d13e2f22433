"""What is said of registrations."""

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
        explanation="No device secret is stored, so one HTTPS request, signed with the product secret, asks the platform for it (dynamic registration). Later attempts are told only where they end differently.",
        responsible=Responsible.NOBODY,
        remedy="Nothing is to be done.",
        then="under way",
    ),
    Event.REREGISTERING: Entry(
        message_id="fefa653622c744febf759d678361f7d4",
        priority=Priority.WARNING,
        kind=Kind.PROGRESS,
        subject="The stored secret is refused; registering once",
        sentence="The platform refused the stored secret {attempt} times running; registering once, in case the device was reset.",
        explanation="An operator who resets a device makes its old secret void. A new registration finds out, and heals it. The old secret stays on the disk until a new one is stored.",
        responsible=Responsible.NOBODY,
        remedy="Wait for the next line: it says whether the platform gave a new secret.",
        then="under way; a further registration of this kind after 10 minutes at the earliest, then at intervals that double up to 6 hours",
    ),
    Event.REGISTERED: Entry(
        message_id="81ce5dfe0d5e4f75bf06b2389e948bc4",
        priority=Priority.NOTICE,
        kind=Kind.PROGRESS,
        subject="The platform gave this device its secret",
        sentence="Registered: the platform gave this device its secret.",
        explanation="The secret is stored next; the login follows only after that.",
        responsible=Responsible.NOBODY,
        remedy="Nothing is to be done.",
        then="at once: the secret is stored",
    ),
    Event.REGISTRATION_FAILED: Entry(
        message_id="9b9f1a51f53d48a38ef32d94804e145c",
        priority=Priority.WARNING,
        kind=Kind.TROUBLE,
        subject="The registration did not get through",
        sentence="Registration failed: {detail}. {then}{hint}",
        explanation="The network, or a fault of the platform, is in the way; the line says what was seen. Nothing is lost, and the gateway retries by itself. The line comes back at growing intervals, with a count, for as long as it lasts.",
        responsible=Responsible.NETWORK,
        remedy="In the first minutes after power-on, wait. Where it lasts, the line says what to check; `iot-onboard doctor` tries each step on the way to the platform and names the first that fails.",
        then=SOON,
    ),
    Event.REGISTRATION_THROTTLED: Entry(
        message_id="18f9f3ca395a4d01a7446efd49cd5194",
        priority=Priority.WARNING,
        kind=Kind.TROUBLE,
        subject="The platform asks to slow down (code {code})",
        sentence="Registration: {detail}. {then}",
        explanation="Too many requests reach the platform, from this gateway or from the whole account, or the platform is overloaded. The gateway obeys, and comes through by itself.",
        responsible=Responsible.PLATFORM,
        remedy="Wait. A restart of the service would only add to the load.",
        then="by itself, when the platform said (an hour at most); where it did not say, in 1 to 5 minutes",
    ),
    Event.REGISTRATION_REFUSED: Entry(
        message_id="cc1c7c61001c4f4183cf66e75b6cf337",
        priority=Priority.ERR,
        kind=Kind.TROUBLE,
        subject="The platform refuses to register this device (code {code})",
        sentence="Registration refused, code {code}: {detail}. To do: {cure}. {then}",
        explanation="Waiting does not mend this: somebody has to act, and the line says what is to be done. The gateway stays alive and retries about hourly, so nobody needs to come back to it after a click in the console.",
        responsible=Responsible.CONSOLE,
        remedy="Do what the line says. Codes 460, 6250, 6292 and 6600 are mended at the gateway (`sudo iot-onboard setup`), codes 6100, 6204, 6288 and 6289 in the console.",
        then=HOURLY,
    ),
}
