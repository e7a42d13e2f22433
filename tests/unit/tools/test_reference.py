"""What is made from the event table is up to date, and of the right form."""

from __future__ import annotations

import re

import pytest

from iot_onboard.events.explain import topics
from iot_onboard.events.format import journal_fields
from iot_onboard.events.model import Context, Details, Event, Priority
from iot_onboard.events.table import TABLE
from support.tree import ROOT
from tools.reference import TEXTS, catalog, troubleshooting

ENTRIES = {
    match[1]: match[2]
    for match in re.finditer(r"^-- ([0-9a-f]{32})\n(.*?)(?=^-- |\Z)", catalog(), re.MULTILINE | re.DOTALL)
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_lies_in_the_tree_is_what_the_table_makes(name: str) -> None:
    """After a change of the table: make reference."""
    assert (ROOT / name).read_text() == TEXTS[name](), f"{name} is out of date: run `make reference`"


def test_the_catalog_has_every_event_once() -> None:
    """By its MESSAGE_ID."""
    assert set(ENTRIES) == {entry.message_id for entry in TABLE.values()}
    assert len(re.findall(r"^-- ", catalog(), re.MULTILINE)) == len(Event)


@pytest.mark.parametrize("event", Event)
def test_an_entry_of_the_catalog_is_well_formed(event: Event) -> None:
    """Headers, a blank line, a body of narrow lines; and each field that it takes in is one that the line has."""
    head, _, body = ENTRIES[TABLE[event].message_id].partition("\n\n")
    assert [line.partition(": ")[0] for line in head.splitlines()] == [
        "Subject",
        "Defined-By",
        "Support",
        "Documentation",
    ]
    assert body.strip()
    assert max(map(len, body.splitlines())) <= 80
    full = Details(code="6289", cause="6289", detail="why", cure="do", attempt=3, next_try_s=9.0, duration_ms=1)
    context = Context(product_key="pk", device_name="gw-1", version="1", endpoint="host:8883")
    fields = dict(journal_fields(event, full, context, "waiting"))
    assert set(re.findall(r"@([^@\n]*)@", head + body)) <= set(fields)
    assert (head + body).count("@") % 2 == 0


@pytest.mark.parametrize("event", [event for event in Event if TABLE[event].priority <= Priority.WARNING])
def test_what_asks_for_attention_says_whose_move_it_is(event: Event) -> None:
    """In the catalog: who has to act, what to do, what comes next, and where there is more."""
    body = ENTRIES[TABLE[event].message_id]
    for words in ("Who has to act: ", "What to do: ", "Next: ", "iot-onboard explain @IOT_CAUSE@"):
        assert words in body


def test_the_manual_has_every_topic_under_its_name() -> None:
    """A heading each, so that links lead there."""
    headings = re.findall(r"^### (.*)$", troubleshooting(), re.MULTILINE)
    assert headings == [topic.name for topic in topics()]
    for target in re.findall(r"\]\(#([^)]*)\)", troubleshooting()):
        assert target in headings
