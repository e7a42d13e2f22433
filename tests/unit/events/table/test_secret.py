"""What is said of the stored secret."""

from __future__ import annotations

import pytest

from iot_onboard.core.advice import Responsible
from iot_onboard.events.model import Details, Event, Kind, Priority
from iot_onboard.events.table.secret import SECRET
from support.text.lines import said

# The MESSAGE_ID is public, and stays whatever an event is called.
PUBLIC = {
    Event.SECRET_FOUND: ("d731f41fca3b4ec79091a37f94064faf", Priority.INFO, Kind.PROGRESS),
    Event.SECRET_RECOVERED: ("33c9799e2d954d83a03b5d4efc35342b", Priority.WARNING, Kind.PROGRESS),
    Event.SECRET_DAMAGED: ("822b3ff41fde4539b56a1f86dc644e3b", Priority.WARNING, Kind.PROGRESS),
    Event.SECRET_UNREADABLE: ("e68149b5b23a491e9e0a52a00201dffb", Priority.ERR, Kind.TROUBLE),
    Event.SECRET_UNLOADABLE: ("4f47ca48e7724305a55d8a8bba0845e2", Priority.WARNING, Kind.NOTE),
    Event.SECRET_LOADABLE: ("659b9b779f4f4ae2a32552cb607f0c22", Priority.NOTICE, Kind.NOTE),
    Event.STORE_NOT_WRITABLE: ("cb1d5788bbe349fba841c418b1050f73", Priority.ERR, Kind.TROUBLE),
    Event.STORE_VOLATILE: ("50f1ef2beefe4aaba8b93e02491068a2", Priority.ERR, Kind.TROUBLE),
    Event.SECRET_STORED: ("6eec1d38f8bf4dd6957bf87960814e1b", Priority.NOTICE, Kind.PROGRESS),
    Event.SAVE_FAILED: ("675b88e112864fc192ff2de4a18efdba", Priority.ERR, Kind.TROUBLE),
}


def test_ids_levels_and_kinds_stay() -> None:
    """Somebody's journalctl and alarm go by the first two, and by the third how often a line is told."""
    assert {event: (one.message_id, one.priority, one.kind) for event, one in SECRET.items()} == PUBLIC


@pytest.mark.parametrize("event", [Event.SECRET_UNREADABLE, Event.STORE_NOT_WRITABLE, Event.SAVE_FAILED])
def test_a_disk_that_fails_is_waited_for(event: Event) -> None:
    """Each says what the system said and when the next try comes; its remedy looks at the disk."""
    line = said(SECRET[event], Details(detail="No space left on device", next_try_s=5.0))
    assert "No space left on device" in line
    assert line.endswith("Next try in 5 s.")
    assert "dmesg" in SECRET[event].remedy


def test_a_secret_that_is_not_on_disk_is_not_used() -> None:
    """The line says why the gateway stays off line with a secret in its hand."""
    assert "does not log in until it is stored" in said(SECRET[Event.SAVE_FAILED], Details())


def test_no_line_about_a_secret_asks_for_the_console() -> None:
    """What is wrong with a file is mended at the gateway, or mends itself."""
    assert {entry.responsible for entry in SECRET.values()} == {Responsible.NOBODY, Responsible.GATEWAY}
