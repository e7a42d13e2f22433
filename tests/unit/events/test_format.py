"""How an occurrence becomes a line; the whole table can be said."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from iot_onboard.core.identity import Identity
from iot_onboard.core.timings import Timings
from iot_onboard.events.format import journal_fields, line_of, repeated, sentence, span, what_happened
from iot_onboard.events.model import Details, Event
from iot_onboard.events.table import TABLE
from support.text.lines import CONTEXT
from support.tree import ROOT


@pytest.mark.parametrize("event", Event)
def test_every_event_has_an_entry_and_a_sentence(event: Event) -> None:
    """Sentences need no more than the details hold, full or empty."""
    full = Details(code="6289", detail="why", cure="do", attempt=3, next_try_s=90.0, duration_ms=1500)
    for details in (Details(), full):
        text = sentence(TABLE[event], details, CONTEXT)
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


def test_a_line_is_the_table_s_with_the_occurrence_filled_in() -> None:
    """Level and MESSAGE_ID stand with the event; sentence and fields are of this one occurrence."""
    line = line_of(Event.STARTED, Details(), CONTEXT, "boot")
    entry = TABLE[Event.STARTED]
    assert (line.priority, line.message_id) == (entry.priority, entry.message_id)
    assert line.message == "iot-onboard 1.0 starts for gw-0001 of product pk."
    assert dict(line.fields)["IOT_STATE"] == "boot"


@pytest.mark.parametrize("event", Event)
def test_what_happened_is_told_without_what_is_to_be_done(event: Event) -> None:
    """`status` has rows of their own for the cure and the next try."""
    details = Details(detail="why", cure="mend it", next_try_s=4.0, attempt=2)
    told = what_happened(TABLE[event], details, CONTEXT)
    assert told
    assert not re.search("To do|Next try|mend it", told)
    assert sentence(TABLE[event], details, CONTEXT).startswith(told)


def test_fields_without_a_value_are_left_out() -> None:
    """The journal gets what is known."""
    fields = dict(journal_fields(Event.CONNECT_FAILED, Details(next_try_s=4.25), CONTEXT, "waiting"))
    assert fields["IOT_EVENT"] == "connect-failed"
    assert fields["IOT_NEXT_TRY_S"] == "4.2"
    assert "IOT_CODE" not in fields
    assert fields["IOT_CAUSE"] == "connect-failed", "where nothing more exact is known, the event itself"


def test_what_the_parts_took_stands_in_fields() -> None:
    """Those that were measured, in milliseconds; none that was not."""
    details = Details(duration_ms=250, timings=Timings(tcp_ms=0, tls_ms=90, answer_ms=50))
    fields = dict(journal_fields(Event.ONLINE, details, CONTEXT, "online"))
    logged = {name: value for name, value in fields.items() if name.endswith("_MS")}
    assert logged == {"IOT_DURATION_MS": "250", "IOT_TCP_MS": "0", "IOT_TLS_MS": "90", "IOT_ANSWER_MS": "50"}


def test_each_field_is_explained() -> None:
    """What `journalctl -o verbose` shows, iot-onboard.service(8) names."""
    full = Details(
        code="4",
        attempt=1,
        next_try_s=1.0,
        duration_ms=1,
        timings=Timings(dns_ms=1, tcp_ms=1, tls_ms=1, answer_ms=1),
        about=Identity(product_key="sub", device_name="m1"),
    )
    page = (ROOT / "docs/man/iot-onboard.service.8").read_text()
    explained = set(re.findall(r"\bEv (IOT_[A-Z_]+)", page))
    assert explained == {name for name, _ in journal_fields(Event.ONLINE, full, CONTEXT, "online")}


def test_a_hint_is_given_where_there_is_one() -> None:
    """A failure that may pass says what to check if it does not."""
    entry = TABLE[Event.CONNECT_FAILED]
    assert sentence(entry, Details(detail="x", next_try_s=4.0), CONTEXT) == "Cannot connect: x. Next try in 4 s."
    line = sentence(entry, Details(detail="x", next_try_s=4.0, cure="check the cable"), CONTEXT)
    assert line == "Cannot connect: x. Next try in 4 s. If it lasts: check the cable."


def test_a_reason_is_a_code_or_a_sentence() -> None:
    """A refused secret says why there is no new one, with or without a code."""
    entry = TABLE[Event.LOGIN_BLOCKED]
    assert "no new one (code 6289: active)" in sentence(entry, Details(code="6289", detail="active"), CONTEXT)
    assert "no new one (no file)" in sentence(entry, Details(detail="no file"), CONTEXT)


def test_a_repeated_line_says_how_often_and_since_when() -> None:
    """The time of day; with the date where it was another day."""
    now = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
    assert repeated(7, now.replace(hour=14, minute=2), now) == "7 times since 14:02"
    assert repeated(1, now.replace(hour=9), now) == "since 09:30"
    assert repeated(412, now.replace(day=23), now) == "412 times since 2026-11-23 14:30"


def test_a_try_that_is_under_way_is_not_announced_for_later() -> None:
    """A reminder may come in the middle of one."""
    line = sentence(TABLE[Event.SECRET_UNREADABLE], Details(detail="x", next_try_s=0.0), CONTEXT)
    assert line.endswith("x. Trying now.")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (4.4, "4 s"), (119, "119 s"), (300, "5 min"), (3960, "66 min"), (7260, "2 h 1 min")],
)
def test_spans_read_as_a_person_writes_them(seconds: float, text: str) -> None:
    """Seconds, minutes, hours."""
    assert span(seconds) == text


def test_a_line_may_be_about_another_device() -> None:
    """Sentence and fields name it, and one field says through which gateway; about the gateway itself there is none."""
    about = Identity(product_key="sub", device_name="m2")
    line = line_of(Event.STARTED, Details(about=about), CONTEXT, "online")
    fields = dict(line.fields)
    assert line.message == "iot-onboard 1.0 starts for m2 of product sub."
    assert (fields["IOT_PRODUCT_KEY"], fields["IOT_DEVICE_NAME"], fields["IOT_GATEWAY"]) == ("sub", "m2", "pk.gw-0001")
    own = Identity(product_key=CONTEXT.product_key, device_name=CONTEXT.device_name)
    for details in (Details(), Details(about=own)):
        fields = dict(line_of(Event.STARTED, details, CONTEXT, "online").fields)
        assert (fields["IOT_DEVICE_NAME"], fields.get("IOT_GATEWAY")) == ("gw-0001", None)
