"""Everything in the journal has a name that can be explained."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.aliyun.codes import PLATFORM_FAULTS, REJECTIONS, THROTTLED
from iot_onboard.aliyun.connack import CONNACKS
from iot_onboard.core.advice import Responsible
from iot_onboard.core.exit_codes import ExitCode
from iot_onboard.core.failures import Cause
from iot_onboard.events.explain import Topic, find, suggestions, topics, wrapped
from iot_onboard.events.model import Event
from iot_onboard.events.table import TABLE

TOPICS = list(topics())


def found(words: str) -> Topic:
    topic = find(words)
    assert topic is not None, words
    return topic


@pytest.mark.parametrize("event", Event)
def test_an_event_is_found_by_name_and_by_message_id(event: Event) -> None:
    """As the journal shows it, as Python names it, and by MESSAGE_ID with or without dashes."""
    message_id = TABLE[event].message_id
    uuid = "-".join(message_id[a:b] for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))
    for words in (event.value, event.name, message_id, f"MESSAGE_ID={message_id}", uuid.upper()):
        assert found(words).name == event.value


@pytest.mark.parametrize("code", sorted(REJECTIONS | dict.fromkeys([*PLATFORM_FAULTS, THROTTLED])))
def test_every_code_of_the_platform_is_explained(code: str) -> None:
    """With and without the word."""
    assert found(code) == found(f"code {code}") == found(f" CODE-{code} ")


@pytest.mark.parametrize("number", CONNACKS)
def test_every_connack_number_is_explained(number: int) -> None:
    """As the journal's line says it, as its field does, and alone."""
    assert found(f"CONNACK {number}") == found(f"connack-{number}") == found(str(number))
    assert found(f"connack {number}").name == f"connack-{number}"


def test_numbers_that_nobody_defined() -> None:
    """A CONNACK number beyond MQTT 3.1.1 and any HTTP 5xx are explained; other numbers are not."""
    assert "does not define" in found("connack 77").title
    assert found("http 521") == found("521")
    assert find("7777") is None


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_is_explained(cause: Cause) -> None:
    """By the name that the journal's field has, and by its words."""
    assert found(cause.slug) == found(cause.value)


@pytest.mark.parametrize("code", [code for code in ExitCode if code is not ExitCode.DONE])
def test_every_exit_code_is_explained(code: ExitCode) -> None:
    """78 alone too, for that is what systemctl shows."""
    assert found(f"exit {int(code)}").name == f"exit-{int(code)}"
    assert found("78").name == "exit-78"


def test_no_name_means_two_things() -> None:
    """Names and other names are all different."""
    names = [name for topic in TOPICS for name in {topic.name, *topic.aliases}]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_explanation_is_whole(topic: Topic) -> None:
    """What it means, who has to act, what to do, and what comes next: sentences without a gap to fill in."""
    assert topic.advice.responsible in Responsible
    for sentence in (topic.advice.explanation, *topic.advice.steps):
        assert re.search(r"[.`)]$", sentence), sentence
        assert re.match(r"[A-Z`]", sentence), sentence
    assert not topic.advice.then.endswith(".")


def test_what_a_person_says_leads_to_what_we_say() -> None:
    """Half of a name, a slip of the pen, a word of the trade."""
    assert "login-refused" in suggestions("lgin-refused")
    assert "secret-damaged" in suggestions("secret")
    assert suggestions("dns")[0] == "name-lookup"
    assert "name-lookup" in suggestions("dns error")
    assert suggestions("x") == ()


@given(st.text())
def test_any_words_are_safe_to_ask_for(words: str) -> None:
    """A topic, or names that come close, or neither."""
    found = find(words)
    assert found is None or found.title
    assert set(suggestions(words)) <= {topic.name for topic in TOPICS}


@given(st.text(alphabet="ab `-"), st.integers(20, 60))
def test_wrapping_loses_nothing(text: str, width: int) -> None:
    """The words stay, in their order."""
    assert " ".join(wrapped(text, width)).split() == text.split()


def test_a_command_stays_in_one_line() -> None:
    """It is there to be copied."""
    assert wrapped("Run `sudo systemctl restart it` now.", 12) == ["Run", "`sudo systemctl restart it`", "now."]
