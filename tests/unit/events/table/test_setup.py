"""What is said while a gateway is set up."""

from __future__ import annotations

import pytest

from iot_onboard.events.model import Details, Event, Kind, Priority
from iot_onboard.events.table.setup import SETUP
from support.text.lines import said

# The MESSAGE_ID is public, and stays whatever an event is called.
PUBLIC = {
    Event.NOT_PROVISIONED: ("a41738581a49468baacbf116b98a9e5f", Priority.WARNING, Kind.NOTE),
    Event.DEVICE_NAME_KEPT: ("df4895bb877a43eea91f7fd96fb67a58", Priority.WARNING, Kind.NOTE),
    Event.DEVICE_NAME_UNKNOWN: ("9ecac97220bc45a296a9e78abedd3342", Priority.ERR, Kind.NOTE),
    Event.CONFIG_UNREADABLE: ("9faaf89c1baa4a2b832ecb46ae801260", Priority.ERR, Kind.NOTE),
    Event.CONFIG_INVALID: ("4cac73962ce5400e8e7efbe21368d167", Priority.ERR, Kind.NOTE),
    Event.CONFIG_CHANGED: ("b8203f61186b44059dee755cc1a6c515", Priority.NOTICE, Kind.NOTE),
    Event.CONFIG_CHANGE_INVALID: ("8595be914007470c902357f8398ca451", Priority.ERR, Kind.NOTE),
    Event.OTHER_DEVICE: ("d65cca47c3d54c71aa5befc9779927e6", Priority.NOTICE, Kind.NOTE),
    Event.BOOT_FILE_IMPORTED: ("29f15eb3dfc34ab1a317a0d08d49528c", Priority.NOTICE, Kind.NOTE),
    Event.BOOT_FILE_REFUSED: ("9394a6f5068447bdab3dbaa94d20dab2", Priority.ERR, Kind.NOTE),
    Event.BOOT_FILE_NOT_REMOVED: ("9965e0515638472b9a619175da2ea1d1", Priority.WARNING, Kind.NOTE),
    Event.BOOT_FILE_WARNING: ("242c507d952142a188763974fffb374c", Priority.WARNING, Kind.NOTE),
}


def test_ids_levels_and_kinds_stay() -> None:
    """Somebody's journalctl and alarm go by the first two, and by the third how often a line is told."""
    assert {event: (one.message_id, one.priority, one.kind) for event, one in SETUP.items()} == PUBLIC


def test_a_fresh_gateway_says_both_ways_to_set_it_up() -> None:
    """With a shell, and without one."""
    line = said(SETUP[Event.NOT_PROVISIONED], Details(detail="product_key is missing"))
    assert "sudo iot-onboard setup, or put iot-onboard.yaml on the boot partition" in line


@pytest.mark.parametrize("event", [Event.DEVICE_NAME_UNKNOWN, Event.CONFIG_UNREADABLE])
def test_what_is_looked_at_again_says_so(event: Event) -> None:
    """Nobody has to start the service after it."""
    told = said(SETUP[event], Details(detail="x"))
    assert told.endswith("x. The service checks again every few seconds.")
    assert SETUP[event].then == "every few seconds"


def test_a_boot_file_that_is_taken_in_names_the_gateway() -> None:
    """The file, and what it made of this gateway."""
    told = said(SETUP[Event.BOOT_FILE_IMPORTED], Details(detail="/boot/iot-onboard.yaml"))
    assert told == "/boot/iot-onboard.yaml was imported: this gateway is gw-0001 of product pk."


def test_whoever_has_the_card_is_warned_of_a_secret_on_it() -> None:
    """A file that could not be removed is told as what it is."""
    told = said(SETUP[Event.BOOT_FILE_NOT_REMOVED], Details(detail="read-only"))
    assert "A secret in it can still be read on the boot partition." in told
