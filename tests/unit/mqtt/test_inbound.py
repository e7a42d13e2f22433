"""What a server may send, cut into packets: whole ones pass unchanged, what no server sends is refused with a word."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.mqtt.inbound import (
    MAX_HELD,
    MAX_HELD_BYTES,
    MAX_PACKET_BYTES,
    HeldMessages,
    Inbound,
    Kind,
    ProtocolViolation,
)
from iot_onboard.mqtt.model import REFUSED, Connack, MqttEvent, Published, Qos, Received, Subscribed, Unsubscribed

CONNACK, PINGRESP = b"\x20\x02\x00\x00", b"\xd0\x00"
LARGEST = MAX_PACKET_BYTES


def length(size: int) -> bytes:
    """Encode a remaining length (section 2.2.3)."""
    encoded = bytearray()
    while True:
        size, digit = divmod(size, 128)
        encoded.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(encoded)


def publish(topic: bytes, payload: bytes = b"", *, qos: int = 0, mid: int = 1, flags: int = 0) -> bytes:
    body = len(topic).to_bytes(2, "big") + topic + (mid.to_bytes(2, "big") if qos else b"") + payload
    return bytes((0x30 | qos << 1 | flags,)) + length(len(body)) + body


def answer(kind: Kind, mid: int, codes: bytes = b"") -> bytes:
    return bytes((kind << 4, 2 + len(codes))) + mid.to_bytes(2, "big") + codes


def logged_in(*, clean_session: bool = False) -> Inbound:
    inbound = Inbound(clean_session=clean_session)
    assert packets(inbound, CONNACK) == [CONNACK]
    return inbound


def packets(inbound: Inbound, *parts: bytes) -> list[bytes]:
    found: list[bytes] = []
    for part in parts:
        inbound.feed(part)
        while (packet := inbound.next_packet()) is not None:
            found.append(packet.data)
    return found


def events(inbound: Inbound, *parts: bytes) -> list[MqttEvent]:
    found: list[MqttEvent] = []
    for part in parts:
        inbound.feed(part)
        while (packet := inbound.next_packet()) is not None:
            found += [] if packet.event is None else [packet.event]
    return found


def refusal(inbound: Inbound, *parts: bytes) -> str:
    with pytest.raises(ProtocolViolation) as caught:
        packets(inbound, *parts)
    return str(caught.value)


TOPICS = st.text(st.characters(blacklist_characters="+#\0", blacklist_categories=["Cs"]), min_size=1, max_size=40)
PUBLISHES = st.builds(
    lambda topic, payload, qos, mid, flags: publish(topic.encode(), payload, qos=qos, mid=mid, flags=flags),
    TOPICS,
    st.binary(max_size=300),
    st.sampled_from([0, 1]),
    st.integers(1, 65535),
    st.sampled_from([0, 1, 8, 9]),
)


@given(st.lists(PUBLISHES, max_size=6), st.data())
def test_what_is_allowed_passes_whole_however_it_is_cut(sent: list[bytes], data: st.DataObject) -> None:
    """Split anywhere, glued or byte by byte: the same packets come out, in their order, and nothing is held back."""
    stream = b"".join((CONNACK, *sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    parts = [stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert packets(Inbound(clean_session=False), *parts) == [CONNACK, *sent]
    assert packets(Inbound(clean_session=False), *(stream[at : at + 1] for at in range(len(stream)))) == [
        CONNACK,
        *sent,
    ]


@given(st.lists(st.one_of(st.binary(max_size=20), PUBLISHES, st.sampled_from([CONNACK, PINGRESP])), max_size=8))
def test_any_bytes_are_packets_or_a_violation(sent: list[bytes]) -> None:
    """Nothing else is raised, and what comes out is a prefix of what came in."""
    inbound, found = logged_in(), bytearray()
    with contextlib.suppress(ProtocolViolation):
        for part in sent:
            inbound.feed(part)
            while (packet := inbound.next_packet()) is not None:
                found += packet.data
    assert b"".join(sent).startswith(found)


@given(st.sampled_from([b"", b"\x20", b"\x20\x02", b"\x20\x02\0"]), st.binary(max_size=40))
def test_before_the_login_only_a_connack_passes(begins: bytes, goes_on: bytes) -> None:
    """Whatever else comes first is refused, or not whole yet."""
    inbound = Inbound(clean_session=False)
    inbound.feed(begins + goes_on)
    try:
        packet = inbound.next_packet()
    except ProtocolViolation:
        return
    assert packet is None or packet.kind is Kind.CONNACK


@pytest.mark.parametrize("first", range(256))
def test_each_first_byte_is_judged_before_the_rest_comes(first: int) -> None:
    """One byte is enough to refuse a kind or flags that no server sends; the rest is read on."""
    allowed = {0x20, 0x40, 0x90, 0xB0, 0xD0} | {0x30 | flags for flags in (0, 1, 2, 3, 8, 9, 10, 11)}
    if first in allowed:
        assert packets(logged_in(), bytes((first,))) == []
    else:
        assert refusal(logged_in(), bytes((first,)))


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"\x34\x09\x00\x05t/o/p\x00\x02", "a PUBLISH with QoS 2"),
        (b"\x36\x09\x00\x05t/o/p\x00\x02", "a PUBLISH with QoS 3"),
        (b"\x50\x02\x00\x02", "a PUBREC, of QoS 2"),
        (b"\x62\x02\x00\x02", "a PUBREL, of QoS 2"),
        (b"\x70\x02\x00\x02", "a PUBCOMP, of QoS 2"),
        (b"\x10\x00", "a CONNECT, which only clients send"),
        (b"\x82\x00", "a SUBSCRIBE, which only"),
        (b"\xa2\x00", "an UNSUBSCRIBE, which only"),
        (b"\xc0\x00", "a PINGREQ, which only"),
        (b"\xe0\x00", "a DISCONNECT, which only"),
        (b"\xf0\x00", "the reserved type 15"),
        (b"\x00\x00", "the reserved type 0"),
        (b"\xd1\x00", "a PINGRESP with the flags 1"),
        (b"\xd0\x01", "a PINGRESP with the length 1"),
        (PINGRESP, "answers no PINGREQ"),
        (b"\x40\x02\x00\x07", "a PUBACK that answers nothing (number 7)"),
        (b"\x40\x02\x00\x00", "a PUBACK that answers nothing (number 0)"),
        (b"\x40\x03\x00\x07\x00", "a PUBACK with the length 3"),
        (b"\x90\x03\x00\x01\x00", "a SUBACK that answers nothing"),
        (b"\x90\x02\x00\x01", "a SUBACK with the length 2"),
        (b"\xb0\x02\x00\x01", "an UNSUBACK that answers nothing"),
        (b"\x20\x02\x00\x05", "a second CONNACK, with the number 5"),
        (CONNACK, "a second CONNACK, with the number 0"),
        (b"\x30\xff\xff\xff\xff\x01", "more than four bytes"),
        (b"\x30\xff\xff\xff\x7f", "a PUBLISH of 268,435,455 bytes"),
        (b"\x30" + length(MAX_PACKET_BYTES + 1), "a PUBLISH of 300,001 bytes"),
        (b"\x40\xff\xff\xff\x7f", "a PUBACK of 268,435,455 bytes"),
        (b"\x30\x00", "a PUBLISH with the length 0"),
        (b"\x32\x04", "a PUBLISH with the length 4"),
        (b"\x30\x03\xff\xffx", "ends inside its header"),
        (b"\x32\x05\x00\x03top", "ends inside its header"),
        (b"\x32\x05\x00\x01t\x00\x00", "QoS 1 and the number 0"),
        (b"\x30\x03\x00\x00x", "a topic that is empty"),
        (b"\x30\x05\x00\x03a/+", "holds a wildcard"),
        (b"\x30\x05\x00\x03a/#", "holds a wildcard"),
        (b"\x30\x05\x00\x03a\x00b", "a zero"),
        (b"\x30\x04\x00\x02\xc3\x28", "not UTF-8"),
        (b"\x30\x05\x00\x03\xed\xa0\x80", "not UTF-8"),
    ],
)
def test_what_no_server_sends_is_refused_with_a_word(sent: bytes, words: str) -> None:
    """In a session, whatever came before it in the same read."""
    assert words in refusal(logged_in(), publish(b"t", qos=1) + sent)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "with HTTP: it is no MQTT server"),
        (b"<html><body>Sign in</body></html>", "with HTTP"),
        (b"\0\0\x12\x04\0\0\0\0\0\0\x03", "with HTTP/2"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "with SSH"),
        (b"220 mail.example ESMTP\r\n", "with SMTP or FTP"),
        (b"AMQP\0\0\x09\x01", "with AMQP"),
        (b"+OK ready\r\n", "with text"),
        (b" welcome\r\n", "with text"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "with TLS inside TLS"),
        (PINGRESP, "a PINGRESP before the CONNACK"),
        (publish(b"topic", b"hello"), "a PUBLISH before the CONNACK"),
        (b"\x20\x03\x00\x00\x00", "a CONNACK with the length 3"),
        (b"\x20\x02\x02\x00", "a CONNACK with the flags 2"),
        (b"\x20\x02\x80\x05", "a CONNACK with the flags 128"),
        (b"\x21\x02\x00\x00", "a CONNACK with the flags 1"),
        (b"\xf0\xff\xff", "the reserved type 15"),
    ],
)
def test_what_answers_the_login_and_is_no_mqtt_is_named(sent: bytes, words: str) -> None:
    """Where the host or the port is wrong, another protocol answers."""
    assert words in refusal(Inbound(clean_session=False), sent)


@pytest.mark.parametrize("clean_session", [True, False])
def test_a_session_of_before(clean_session: bool) -> None:
    """It is fine where it was asked for; a refusal is one, whatever it says of a session."""
    inbound = Inbound(clean_session=clean_session)
    if clean_session:
        assert "a clean one was asked for" in refusal(inbound, b"\x20\x02\x01\x00")
    else:
        assert packets(inbound, b"\x20\x02\x01\x00") == [b"\x20\x02\x01\x00"]
    assert packets(Inbound(clean_session=clean_session), b"\x20\x02\x01\x05") == [b"\x20\x02\x01\x05"]


def test_each_answer_answers_once() -> None:
    """As many as were asked for, in any order, late or not; one more is refused."""
    inbound = logged_in()
    for mid in (1, 65535):
        inbound.await_answer(Kind.PUBACK, mid)
    inbound.await_answer(Kind.SUBACK, 3, filters=2)
    inbound.await_answer(Kind.UNSUBACK, 2)
    inbound.await_pingresp()
    inbound.await_pingresp()
    sent = [
        answer(Kind.PUBACK, 65535), PINGRESP, answer(Kind.SUBACK, 3, b"\x01\x80"), answer(Kind.UNSUBACK, 2),
        answer(Kind.PUBACK, 1), PINGRESP,
    ]  # fmt: skip
    assert packets(inbound, *sent) == sent
    assert "answers no PINGREQ" in refusal(inbound, PINGRESP)
    again = logged_in()
    again.await_answer(Kind.PUBACK, 1)
    assert "answers nothing (number 1)" in refusal(again, answer(Kind.PUBACK, 1), answer(Kind.PUBACK, 1))


def test_the_largest_packet_passes_and_no_more_is_held() -> None:
    """300,000 bytes after the length, whatever the length is padded with; one more is refused before it comes."""
    topic = b"\x00\x01t"
    whole = b"\x30" + length(LARGEST) + topic + bytes(LARGEST - len(topic))
    assert packets(logged_in(), whole) == [whole]
    padded = b"\x30\x83\x80\x80\x00" + topic
    assert packets(logged_in(), padded) == [padded]
    assert "300,001 bytes" in refusal(logged_in(), b"\x30" + length(LARGEST + 1))


def test_the_largest_packet_is_the_servers() -> None:
    """A local broker may send more than the platform does."""
    inbound = Inbound(clean_session=False, max_packet_bytes=1_048_576)
    whole = publish(b"t", bytes(1_000_000))
    assert packets(inbound, CONNACK, whole) == [CONNACK, whole]
    assert "1,048,577 bytes" in refusal(inbound, b"\x30" + length(1_048_577))


@given(TOPICS, st.binary(max_size=300), st.sampled_from(list(Qos)), st.integers(1, 65535), st.booleans(), st.booleans())
def test_a_message_is_read_as_it_was_built(
    topic: str, payload: bytes, qos: Qos, mid: int, retain: bool, dup: bool
) -> None:
    """All of it, and nothing else."""
    raw = publish(topic.encode(), payload, qos=qos, mid=mid, flags=retain | dup << 3)
    message = Received(topic=topic, payload=payload, qos=qos, retain=retain, dup=dup, mid=mid if qos else 0)
    assert events(logged_in(), raw) == [message]


def test_answers_are_events() -> None:
    """Each with its number; a ping's answer is nobody's business."""
    inbound = Inbound(clean_session=False)
    assert events(inbound, b"\x20\x02\x01\x00") == [Connack(code=0, session_present=True)]
    assert events(Inbound(clean_session=False), CONNACK) == [Connack(code=0)]
    assert events(Inbound(clean_session=False), b"\x20\x02\x01\x05") == [Connack(code=5)]
    inbound.await_answer(Kind.PUBACK, 7)
    inbound.await_answer(Kind.SUBACK, 8, 3)
    inbound.await_answer(Kind.UNSUBACK, 9)
    inbound.await_pingresp()
    assert [inbound.is_awaited(mid) for mid in (6, 7, 8, 9)] == [False, True, True, True]
    sent = [PINGRESP, answer(Kind.SUBACK, 8, b"\x00\x80\x02"), answer(Kind.UNSUBACK, 9), answer(Kind.PUBACK, 7)]
    assert events(inbound, *sent) == [
        Subscribed(mid=8, granted=(0, REFUSED, 2)), Unsubscribed(mid=9), Published(mid=7)
    ]  # fmt: skip
    assert not any(inbound.is_awaited(mid) for mid in (7, 8, 9))


@pytest.mark.parametrize(
    ("kind", "sent", "words"),
    [
        (Kind.SUBACK, answer(Kind.SUBACK, 1, b"\x01"), "a SUBACK with 1 codes for 2 filters"),
        (Kind.SUBACK, answer(Kind.SUBACK, 1, b"\x01" * 3), "a SUBACK with 3 codes for 2 filters"),
        (Kind.SUBACK, answer(Kind.SUBACK, 1, b"\x01\x03"), "a SUBACK with the code 3"),
        (Kind.SUBACK, answer(Kind.SUBACK, 1, b"\x01\x81"), "a SUBACK with the code 129"),
        (Kind.SUBACK, answer(Kind.SUBACK, 1, b"\x01" * 9), "a SUBACK with the length 11"),
        (Kind.SUBACK, answer(Kind.PUBACK, 1), "a PUBACK that answers nothing"),
        (Kind.SUBACK, answer(Kind.UNSUBACK, 1), "an UNSUBACK that answers nothing"),
        (Kind.PUBACK, answer(Kind.SUBACK, 1, b"\x01\x01"), "a SUBACK that answers nothing"),
        (Kind.UNSUBACK, answer(Kind.PUBACK, 1), "a PUBACK that answers nothing"),
    ],
)
def test_an_answer_fits_what_it_answers(kind: Kind, sent: bytes, words: str) -> None:
    """Its kind, and a code for each filter that MQTT has."""
    inbound = logged_in()
    inbound.await_answer(kind, 1, 2 if kind is Kind.SUBACK else 0)
    assert words in refusal(inbound, sent)


def message(mid: int, size: int = 0, *, dup: bool = False) -> Received:
    return Received(topic="t", payload=bytes(size), qos=Qos.AT_LEAST_ONCE, retain=False, dup=dup, mid=mid)


@given(st.lists(st.tuples(st.sampled_from(["new", "dup", "done"]), st.integers(1, 4), st.integers(0, 300_000))))
def test_each_message_handed_on_is_acknowledged_once(steps: list[tuple[str, int, int]]) -> None:
    """Whatever is sent again, twice or acknowledged twice: as a list of those that wait would have it."""
    held, waiting = HeldMessages(), list[tuple[int, int]]()
    for step, mid, size in steps:
        numbers = [number for number, _ in waiting]
        if step == "done":
            assert held.release(mid) == (mid in numbers)
            if mid in numbers:
                del waiting[numbers.index(mid)]
        else:
            is_new = step == "new" or mid not in numbers
            assert held.hold(message(mid, size, dup=step == "dup")) == is_new
            waiting += [(mid, size)] if is_new else []
        assert held.is_full == (sum(size for _, size in waiting) >= MAX_HELD_BYTES)


def test_how_many_are_held() -> None:
    """So many; one less leaves room."""
    held = HeldMessages()
    for mid in range(1, MAX_HELD + 1):
        assert not held.is_full
        held.hold(message(mid))
    assert held.is_full
    held.release(1)
    assert not held.is_full


def test_what_is_sent_again_while_it_is_held_says_nothing() -> None:
    """The packet is taken all the same."""
    inbound = logged_in()
    first, again = publish(b"t", b"x", qos=1, mid=3), publish(b"t", b"x", qos=1, mid=3, flags=8)
    assert len(events(inbound, first, again)) == 1
    assert inbound.held.release(3)
    assert len(events(inbound, again)) == 1
    assert (
        events(inbound, publish(b"t"), publish(b"t"))
        == [Received(topic="t", payload=b"", qos=Qos.AT_MOST_ONCE, retain=False, dup=False, mid=0)] * 2
    )
