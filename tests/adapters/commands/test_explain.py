"""`explain`: an explanation, the list, or what comes close."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.cli import main
from iot_onboard.commands.explain import listing, render, unknown
from iot_onboard.events.explain import Topic, find, topics

TOPICS = list(topics())


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_an_explanation_has_its_four_parts(topic: Topic) -> None:
    """What it means, who has to act, what to do, and what comes next; no gap, no line beyond the terminal."""
    text = render(topic, 80)
    assert not re.search(r"@|\{code|\bTODO\b", text.replace("- _ @", ""))
    assert text.count("`") % 2 == 0
    assert all(word in text for word in ("What it means", "Who has to act", "What to do", "What comes next"))
    assert max(map(len, text.splitlines())) <= 80


def test_what_nobody_knows_leads_on() -> None:
    """To what comes close, to what a code without a name means, or to the list."""
    assert "name-lookup" in unknown("dns error")
    assert "unknown-code" in unknown("7777")
    assert "to list all names" in unknown("x")


def test_the_list_has_every_name() -> None:
    """Each in a line of its own, none wider than the terminal."""
    lines = listing(60).splitlines()
    assert {topic.name for topic in TOPICS} <= {line.split()[0] for line in lines if line.startswith("  ")}
    assert max(map(len, lines)) <= 60


@given(st.text())
def test_any_words_are_safe_to_ask_for(words: str) -> None:
    """A topic, or a sentence about there being none."""
    assert find(words) is not None or unknown(words)


def test_the_command_answers_and_says_when_it_cannot(capsys: pytest.CaptureFixture[str]) -> None:
    """0 with an explanation or the list, 1 with what comes close."""
    assert main(["explain", "CONNACK", "4"]) == 0
    assert capsys.readouterr().out.startswith("CONNACK 4: ")
    assert main(["explain"]) == 0
    assert "login-refused" in capsys.readouterr().out
    assert main(["explain", "lgin", "refused"]) == 1
    said = capsys.readouterr()
    assert (said.out, "login-refused" in said.err) == ("", True)
