"""What journals of before an upgrade call an event still names it."""

from __future__ import annotations

import json

import pytest

from iot_onboard.boot_log.entries import read_entry
from iot_onboard.events.explain import find
from iot_onboard.events.former_names import FORMER_NAMES, present_name
from iot_onboard.events.model import Event
from iot_onboard.events.table import TABLE


def line(event: str, **fields: str) -> str:
    standing = {"_BOOT_ID": "b" * 32, "__MONOTONIC_TIMESTAMP": "12345678", "__REALTIME_TIMESTAMP": "1795564860351216"}
    return json.dumps({**standing, "IOT_EVENT": event, **fields})


def test_no_name_means_two_events() -> None:
    """A name of today is none of before: a line would change its meaning."""
    assert not FORMER_NAMES.keys() & {event.value for event in Event}


@pytest.mark.parametrize(("former", "event"), FORMER_NAMES.items())
def test_a_line_of_before_is_understood(former: str, event: Event) -> None:
    """By its MESSAGE_ID, which stays, and by its name alone; so is a cause that names an event."""
    for message_id in (TABLE[event].message_id, ""):
        entry = read_entry(line(former, MESSAGE_ID=message_id, IOT_CAUSE=former))
        assert entry is not None
        assert (entry.event, entry.cause) == (event.value, event.value)


@pytest.mark.parametrize(("former", "event"), FORMER_NAMES.items())
def test_explain_knows_the_name_of_before(former: str, event: Event) -> None:
    """An operator looks up what an old line says."""
    topic = find(former)
    assert topic is not None
    assert topic.name == event.value


def test_the_id_says_which_event_it_is() -> None:
    """Also where a version to come calls it otherwise; what nobody knows keeps its name."""
    assert present_name("called-otherwise", TABLE[Event.ONLINE].message_id) == "online"
    assert present_name("of-a-version-to-come", "0" * 32) == "of-a-version-to-come"
    assert present_name(None, TABLE[Event.ONLINE].message_id) is None


def test_a_state_of_before_has_its_present_name() -> None:
    """The state of a gateway without an identity had the name of its event."""
    entry = read_entry(line("not-set-up", IOT_STATE="not-set-up"))
    assert entry is not None
    assert entry.state == "not-provisioned"
    other = read_entry(line("online", IOT_STATE="waiting"))
    assert other is not None
    assert other.state == "waiting"
