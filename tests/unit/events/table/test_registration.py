"""What is said of the registration."""

from __future__ import annotations

from iot_onboard.events.model import Details, Event, Kind, Priority
from iot_onboard.events.table.registration import REGISTRATION
from support.text.lines import said

# The MESSAGE_ID is public, and stays whatever an event is called.
PUBLIC = {
    Event.REGISTERING: ("a8c7a191c9fe4e9fae13a2b071d2803c", Priority.INFO, Kind.ATTEMPT),
    Event.REREGISTERING: ("fefa653622c744febf759d678361f7d4", Priority.WARNING, Kind.PROGRESS),
    Event.REGISTERED: ("81ce5dfe0d5e4f75bf06b2389e948bc4", Priority.NOTICE, Kind.PROGRESS),
    Event.REGISTRATION_FAILED: ("9b9f1a51f53d48a38ef32d94804e145c", Priority.WARNING, Kind.TROUBLE),
    Event.REGISTRATION_THROTTLED: ("18f9f3ca395a4d01a7446efd49cd5194", Priority.WARNING, Kind.TROUBLE),
    Event.REGISTRATION_REFUSED: ("cc1c7c61001c4f4183cf66e75b6cf337", Priority.ERR, Kind.TROUBLE),
}


def test_ids_levels_and_kinds_stay() -> None:
    """Somebody's journalctl and alarm go by the first two, and by the third how often a line is told."""
    assert {event: (one.message_id, one.priority, one.kind) for event, one in REGISTRATION.items()} == PUBLIC


def test_a_refusal_names_its_code_and_its_cure() -> None:
    """The code is what `explain` takes; an operator is told what to do before the next try."""
    details = Details(code="6288", detail="it is switched off", cure="switch it on", next_try_s=3600.0)
    line = said(REGISTRATION[Event.REGISTRATION_REFUSED], details)
    assert line == ("Registration refused, code 6288: it is switched off. To do: switch it on. Next try in 60 min.")


def test_a_registration_of_a_device_that_has_a_secret_is_explained() -> None:
    """It would surprise whoever reads the line: why, and after how many refusals."""
    told = said(REGISTRATION[Event.REREGISTERING], Details(attempt=3))
    assert "refused the stored secret 3 times in a row" in told


def test_an_attempt_names_device_and_endpoint() -> None:
    """So that a wrong product or region is seen at once."""
    assert said(REGISTRATION[Event.REGISTERING], Details(attempt=2)) == (
        "Registering gw-0001 at host:8883 (attempt 2)."
    )
