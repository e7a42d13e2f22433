"""What the service says of itself."""

from __future__ import annotations

import pytest

from iot_onboard.core.advice import Responsible
from iot_onboard.events.model import Details, Event, Kind, Priority
from iot_onboard.events.table.service import SERVICE
from support.text.lines import said

# The MESSAGE_ID is public, and stays whatever an event is called.
PUBLIC = {
    Event.STARTED: ("555611fbf8424260ad1bd7ebf39c4b94", Priority.INFO, Kind.NOTE),
    Event.SECRET_FILE_INVALID: ("92bea464aa2941be85fbee06f903ca3b", Priority.ERR, Kind.TROUBLE),
    Event.REPORTED: ("5105633644844617bd85cbc0f8545461", Priority.INFO, Kind.ATTEMPT),
    Event.REPORT_SKIPPED: ("c01457d6094145afb78c31bed8ededad", Priority.WARNING, Kind.NOTE),
    Event.STOPPING: ("ed77e488589449ff9fdbec3f59e45a27", Priority.INFO, Kind.NOTE),
    Event.WORKER_STUCK: ("2eae9d4fe35d4841ab78c3ad7e5f8684", Priority.CRIT, Kind.NOTE),
    Event.RUNTIME_DIR_NOT_WRITABLE: ("367c414953d0455a97b3351b1269dba1", Priority.WARNING, Kind.NOTE),
    Event.SOFTWARE_BROKEN: ("0c72338f19e2483ea30c20c2f30721f8", Priority.ERR, Kind.TROUBLE),
    Event.LINES_LOST: ("1c306a37cb7f4caba757140c7fd9c250", Priority.WARNING, Kind.NOTE),
    Event.RESTART_DELAYED: ("f403eebe8ba84a48aeca05fd89600609", Priority.ERR, Kind.TROUBLE),
    Event.START_PREVENTED: ("ef7b17577c574da7a02a6bd65cc88a81", Priority.ERR, Kind.NOTE),
    Event.START_POSSIBLE: ("88dc18864780488fa0f10d0124d3b639", Priority.NOTICE, Kind.NOTE),
    Event.INTERNAL_ERROR: ("aa05d69c363e46cb863b5f55d9b413da", Priority.CRIT, Kind.NOTE),
}


def test_ids_levels_and_kinds_stay() -> None:
    """Somebody's journalctl and alarm go by the first two, and by the third how often a line is told."""
    assert {event: (one.message_id, one.priority, one.kind) for event, one in SERVICE.items()} == PUBLIC


def test_a_start_says_who_starts() -> None:
    """Version, device and product: to be held against the console."""
    assert said(SERVICE[Event.STARTED], Details()) == "iot-onboard 1.0 starts for gw-0001 of product pk."


def test_a_report_that_is_left_out_is_named_with_what_it_cost() -> None:
    """And what the operator does not see for it."""
    told = said(SERVICE[Event.REPORT_SKIPPED], Details(detail="tags", attempt=2))
    assert told == (
        "Sessions that ended before the server acknowledged the tags report: 2. The gateway now skips this report and "
        "tries it again once a day. The console does not show its content."
    )


def test_short_lives_say_how_many_and_how_long_the_pause_is() -> None:
    """The line that an endless row of crashes leaves."""
    told = said(SERVICE[Event.RESTART_DELAYED], Details(detail="5 times", next_try_s=600.0))
    assert told == "The service has ended 5 times in a row within a minute of its start. It continues in 10 min."


@pytest.mark.parametrize("event", [Event.RESTART_DELAYED, Event.INTERNAL_ERROR])
def test_a_defect_is_the_makers_affair(event: Event) -> None:
    """Whoever meets one is asked to report it, with what helps to find it."""
    assert SERVICE[event].responsible is Responsible.MAINTAINERS
    assert "iot-onboard bundle" in SERVICE[event].remedy
