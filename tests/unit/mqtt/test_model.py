"""What may be sent at all: topics and filters by the rules of MQTT 3.1.1, section 4.7."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.mqtt.model import MAX_FILTERS, Qos, Received, check_filters, check_message

LEVELS = st.text(st.sampled_from("ab+#/\0\ud800 \u6e29"), max_size=6)


def is_topic(topic: str) -> bool:
    """Decide it another way: character by character."""
    return topic != "" and not any(mark in "+#\0" or "\ud800" <= mark <= "\udfff" for mark in topic)


def is_filter(text: str) -> bool:
    """Decide it another way: without its whole-level wildcards it is a topic."""
    levels = text.split("/")
    if levels[-1] == "#":
        levels[-1] = "x"
    return is_topic("/".join("x" if level == "+" else level for level in levels))


@given(LEVELS)
def test_a_topic_to_publish_to(topic: str) -> None:
    """Not empty, no wildcard, no zero, and Unicode."""
    if is_topic(topic):
        check_message(topic, b"")
    else:
        with pytest.raises(ValueError):  # noqa: PT011 - one of them is UnicodeEncodeError
            check_message(topic, b"")


@given(LEVELS)
def test_a_filter(text: str) -> None:
    """A wildcard has a level of its own, and # the last one."""
    if is_filter(text):
        check_filters([text])
    else:
        with pytest.raises(ValueError):  # noqa: PT011 - one of them is UnicodeEncodeError
            check_filters([text])


@pytest.mark.parametrize("text", ["#", "+", "/", "a/#", "+/+/#", "/+", "a//b", "$SYS/#"])
def test_filters_that_are_good(text: str) -> None:
    """Those of the standard's examples."""
    check_filters([text])


@pytest.mark.parametrize("text", ["a#", "a/#/b", "#/a", "a+", "+a", "a/b+/c", "", "a\0", "a/##"])
def test_filters_that_are_bad(text: str) -> None:
    """One of them spoils the packet."""
    with pytest.raises(ValueError, match=r"wildcard|bytes"):
        check_filters(["good", text])


@pytest.mark.parametrize(("count", "is_good"), [(0, False), (1, True), (MAX_FILTERS, True), (MAX_FILTERS + 1, False)])
def test_how_many_filters_one_packet_takes(count: int, is_good: bool) -> None:
    """At least one, as the standard has it; at most eight, as the platform has it."""
    if is_good:
        check_filters(["t"] * count)
    else:
        with pytest.raises(ValueError, match=f"{count} filters"):
            check_filters(["t"] * count)


def test_lengths_are_counted_in_bytes() -> None:
    """65,535 of them are a topic, whatever the characters are."""
    check_message("\u6e29" * 21_845, b"")
    with pytest.raises(ValueError, match="65,535"):
        check_message("\u6e29" * 21_846, b"")
    with pytest.raises(ValueError, match="65,535"):
        check_filters(["a" * 65_536])


def test_a_message_that_is_too_long_for_the_format() -> None:
    """268,435,455 bytes may follow the length: topic, number and payload together."""
    payload = bytes(268_435_455 - 2 - 1 - 2)
    check_message("t", payload)
    with pytest.raises(ValueError, match="too long"):
        check_message("t", payload + b"x")


def test_a_payload_is_not_shown() -> None:
    """It may be the answer with a secret in it: a record in a log or a message of an assertion must not show it."""
    message = Received(topic="/ext/register", payload=b"S3CRET", qos=Qos.AT_LEAST_ONCE, retain=False, dup=False, mid=7)
    assert "S3CRET" not in f"{message} {message!r} {[message]}"
    assert "/ext/register" in repr(message)
