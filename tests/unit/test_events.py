"""The event table: complete, unique, and every sentence can be said."""

from __future__ import annotations

import pytest

from iot_onboard.events import TABLE, Context, Details, Event, journal_fields, sentence, span

CONTEXT = Context(product_key="pk", device_name="gw-0001", version="1.0", endpoint="host:8883")


@pytest.mark.parametrize("event", Event)
def test_every_event_has_an_entry_and_a_sentence(event: Event) -> None:
    """Sentences need no more than the details hold, full or empty."""
    full = Details(code="6289", detail="why", cure="do", attempt=3, next_try_s=90.0, duration_ms=1500)
    for details in (Details(), full):
        text = sentence(event, details, CONTEXT)
        assert "{" not in text
        assert "\n" not in text


def test_message_ids_are_unique() -> None:
    """128 bits in hex, one an event."""
    ids = [entry.message_id for entry in TABLE.values()]
    assert len(set(ids)) == len(Event)
    assert all(len(message_id) == 32 and int(message_id, 16) for message_id in ids)


def test_whoever_has_to_act_is_told_what_to_do() -> None:
    """Each error has a remedy."""
    assert all(entry.remedy for entry in TABLE.values() if entry.priority <= 3)


def test_fields_without_a_value_are_left_out() -> None:
    """The journal gets what is known."""
    fields = dict(journal_fields(Event.CONNECT_FAILED, Details(next_try_s=4.25), CONTEXT, "waiting"))
    assert fields["IOT_EVENT"] == "connect-failed"
    assert fields["IOT_NEXT_TRY_S"] == "4.2"
    assert "IOT_CODE" not in fields


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (4.4, "4 s"), (119, "119 s"), (300, "5 min"), (3960, "66 min"), (7260, "2 h 1 min")],
)
def test_spans_read_as_a_person_writes_them(seconds: float, text: str) -> None:
    """Seconds, minutes, hours."""
    assert span(seconds) == text
