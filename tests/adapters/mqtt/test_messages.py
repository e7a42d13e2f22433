"""Messages and subscriptions over one connection, packet by packet, with either Paho (`make paho1`)."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from iot_onboard.mqtt.client import MAX_UNSENT_PUBACKS, Connection
from iot_onboard.mqtt.inbound import MAX_HELD, MAX_HELD_BYTES
from iot_onboard.mqtt.model import (
    REFUSED,
    Connack,
    ConnectionLost,
    MqttEvent,
    Published,
    Qos,
    Received,
    Subscribed,
    Subscription,
    Unsubscribed,
)
from iot_sandbox import packets
from support.platform.mqtt_peer import (
    CONNACK,
    PINGREQ,
    PINGRESP,
    TOPIC,
    Hands,
    Peer,
    body,
    dialled,
    follow,
    log_in,
    lost,
    online,
    online_over,
    packet,
    plain_pair,
    reset,
)

LINKS = ["tls", "tcp", "unix"]
FIRST, SECOND = Subscription(topic_filter="a/+", qos=Qos(1)), Subscription(topic_filter="b/#", qos=Qos(0))


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with Peer() as running:
        yield running


def message(
    mid: int = 0, payload: bytes = b"", *, topic: bytes = b"t", dup: bool = False, retain: bool = False
) -> bytes:
    """Build a PUBLISH, of QoS 1 where it has a number."""
    head = 0x30 | (2 if mid else 0) | (8 if dup else 0) | retain
    rest = len(topic).to_bytes(2, "big") + topic + (mid.to_bytes(2, "big") if mid else b"") + payload
    return bytes((head,)) + packets.remaining_length(len(rest)) + rest


def received(mid: int = 0, payload: bytes = b"", *, dup: bool = False, retain: bool = False) -> Received:
    return Received(topic="t", payload=payload, qos=Qos(min(mid, 1)), retain=retain, dup=dup, mid=mid)


def mids(events: list[MqttEvent]) -> list[int]:
    return [event.mid for event in events if isinstance(event, Received)]


def collect(connection: Connection, until: Callable[[list[MqttEvent]], bool], seconds: float = 10.0) -> list[MqttEvent]:
    """Follow until the events are enough."""
    events: list[MqttEvent] = []
    deadline = time.monotonic() + seconds
    while not until(events) and time.monotonic() < deadline:
        events += follow(connection, 0.2)
    return events


def is_silent(theirs: socket.socket) -> bool:
    """Say whether the client sends nothing for a moment."""
    theirs.settimeout(0.1)
    try:
        return theirs.recv(1) == b""
    except TimeoutError:
        return True
    finally:
        theirs.settimeout(10)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("retain", [False, True])
def test_messages_of_both_kinds_go_out(peer: Peer, link: str, retain: bool) -> None:
    """One of QoS 0 has no number and no answer, whatever Paho numbers it; one of QoS 1 has both."""
    with online_over(link, peer) as (connection, theirs):
        assert connection.publish(TOPIC, b"zero", qos=Qos.AT_MOST_ONCE, retain=retain) == 0
        mid = connection.publish(TOPIC, b"one", qos=Qos.AT_LEAST_ONCE, retain=retain)
        for qos, payload in ((0, b"zero"), (1, b"one")):
            raw = packet(theirs)
            said = packets.parse_publish(raw[0], body(raw))
            assert (said.topic, said.payload, said.qos, said.retain) == (TOPIC, payload, qos, retain)
        theirs.sendall(packets.puback(mid))
        assert follow(connection) == [Published(mid=mid)]
        assert follow(connection, 0.1) == []


def test_answers_come_in_any_order(peer: Peer) -> None:
    """Each brings its own number, and more than the 20 on their way that Paho has by itself."""
    with online(peer) as (connection, theirs):
        sent = [connection.publish(TOPIC, b"x") for _ in range(64)]
        assert [packet(theirs)[0] for _ in sent] == [0x32] * 64
        theirs.sendall(b"".join(packets.puback(mid) for mid in reversed(sent)))
        events = collect(connection, lambda found: len(found) == 64)
        assert events == [Published(mid=mid) for mid in reversed(sent)]


@pytest.mark.parametrize("link", LINKS)
def test_subscriptions_are_answered_one_by_one(peer: Peer, link: str) -> None:
    """What is refused stays visible beside what is granted; the answer may come after many messages."""
    with online_over(link, peer) as (connection, theirs):
        mid = connection.subscribe(FIRST, SECOND)
        raw = packet(theirs)
        assert (raw[0], packets.subscriptions(body(raw))) == (0x82, [("a/+", 1), ("b/#", 0)])
        theirs.sendall(message() * 300 + packets.suback(mid.to_bytes(2, "big"), [REFUSED, 0]))
        events = collect(connection, lambda found: len(found) == 301)
        assert events == [*[received()] * 300, Subscribed(mid=mid, granted=(REFUSED, 0))]
        mid = connection.unsubscribe("a/+", "b/#")
        raw = packet(theirs)
        assert (raw[0], packets.unsubscriptions(body(raw))) == (0xA2, ["a/+", "b/#"])
        theirs.sendall(b"\xb0\x02" + mid.to_bytes(2, "big"))
        assert follow(connection) == [Unsubscribed(mid=mid)]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"\x90\x03\x00\x01\x01", "a SUBACK with 1 codes for 2 filters"),
        (b"\x90\x05\x00\x01\x01\x01\x01", "a SUBACK with 3 codes for 2 filters"),
        (b"\x90\x04\x00\x01\x01\x03", "a SUBACK with the code 3"),
        (b"\x90\x04\x00\x02\x01\x01", "a SUBACK that answers nothing (number 2)"),
        (b"\x40\x02\x00\x01", "a PUBACK that answers nothing (number 1)"),
        (b"\xb0\x02\x00\x01", "an UNSUBACK that answers nothing (number 1)"),
    ],
)
def test_an_answer_that_does_not_fit_ends_the_connection(peer: Peer, answer: bytes, words: str) -> None:
    """The number of another packet, or another number of codes."""
    with online(peer) as (connection, theirs):
        assert connection.subscribe(FIRST, SECOND) == 1
        theirs.sendall(answer)
        end = lost(follow(connection))
        assert (end.violation, words in end.detail) == (True, True), end.detail


def test_what_mqtt_cannot_carry_is_refused_here(peer: Peer) -> None:
    """It is the caller's mistake: nothing is sent, and the connection stays."""
    with online(peer) as (connection, theirs):
        calls: list[Callable[[], int]] = [
            lambda: connection.publish("a/+", b""),
            lambda: connection.publish("", b"", qos=Qos.AT_MOST_ONCE),
            lambda: connection.subscribe(),
            lambda: connection.subscribe(Subscription(topic_filter="a#", qos=Qos(1))),
            lambda: connection.unsubscribe(*["t"] * 9),
        ]
        for call in calls:
            with pytest.raises(ValueError, match=r"topic|wildcard|filters"):
                call()
        assert is_silent(theirs)
        assert connection.publish(TOPIC, b"") == 1


@pytest.mark.parametrize("link", LINKS)
def test_messages_come_with_all_that_they_have(peer: Peer, link: str) -> None:
    """Topic, bytes of any kind, and flags; at QoS 0 without a number."""
    with online_over(link, peer) as (connection, theirs):
        payload = bytes(range(256))
        topic = "/\u6e29\u5ea6"
        theirs.sendall(message(0, payload, topic=topic.encode(), retain=True) + message(7, b"", topic=topic.encode()))
        events = collect(connection, lambda found: len(found) == 2)
        assert events == [
            Received(topic=topic, payload=payload, qos=Qos(0), retain=True, dup=False, mid=0),
            Received(topic=topic, payload=b"", qos=Qos(1), retain=False, dup=False, mid=7),
        ]


@pytest.mark.parametrize("link", LINKS)
def test_a_message_is_acknowledged_when_its_owner_says_so(peer: Peer, link: str) -> None:
    """Not before, in the owner's order, once each; what has no number to acknowledge is passed over."""
    with online_over(link, peer) as (connection, theirs):
        theirs.sendall(b"".join(message(mid) for mid in (1, 2, 3, 65535)) + message())
        assert mids(collect(connection, lambda found: len(found) == 5)) == [1, 2, 3, 65535, 0]
        assert is_silent(theirs)
        connection.acknowledge(3, 65535)
        connection.acknowledge(1, 1, 3)
        connection.acknowledge(0, 4, 70_000, -1)
        connection.acknowledge()
        assert [packet(theirs) for _ in range(3)] == [packets.puback(mid) for mid in (3, 65535, 1)]
        assert is_silent(theirs)
        connection.acknowledge(2)
        assert packet(theirs) == packets.puback(2)


def test_a_message_sent_again_while_it_is_held_comes_once(peer: Peer) -> None:
    """One PUBACK answers both; after it, the next one is a message again."""
    with online(peer) as (connection, theirs):
        theirs.sendall(message(5, b"x") + message(5, b"x", dup=True) * 2 + message(6, b"y", dup=True))
        assert collect(connection, lambda found: len(found) == 2) == [received(5, b"x"), received(6, b"y", dup=True)]
        connection.acknowledge(5, 5, 6)
        assert [packet(theirs), packet(theirs)] == [packets.puback(5), packets.puback(6)]
        assert is_silent(theirs)
        theirs.sendall(message(5, b"x", dup=True))
        assert follow(connection) == [received(5, b"x", dup=True)]
        connection.acknowledge(5)
        assert packet(theirs) == packets.puback(5)


def test_a_number_that_is_given_twice_loses_no_message(peer: Peer) -> None:
    """A server that breaks this rule gets a PUBACK for each."""
    with online(peer) as (connection, theirs):
        theirs.sendall(message(5, b"x") + message(5, b"y"))
        assert collect(connection, lambda found: len(found) == 2) == [received(5, b"x"), received(5, b"y")]
        connection.acknowledge(5)
        assert packet(theirs) == packets.puback(5)
        assert is_silent(theirs)
        connection.acknowledge(5, 5)
        assert packet(theirs) == packets.puback(5)
        assert is_silent(theirs)


@pytest.mark.parametrize("link", LINKS)
def test_too_many_that_wait_stop_the_reading_and_lose_nothing(peer: Peer, link: str) -> None:
    """Held by number or by size, the loop rests until something is acknowledged; then the rest comes, in order."""
    for count, payload in ((2 * MAX_HELD, b"x"), (12, bytes(MAX_HELD_BYTES // 4))):
        with online_over(link, peer) as (connection, theirs):
            stream = b"".join(message(mid, payload) for mid in range(1, count + 1))
            writer = threading.Thread(target=theirs.sendall, args=(stream,))
            writer.start()
            events: list[MqttEvent] = []
            while connection.want_read():
                events += follow(connection, 0.2)
            assert len(events) == (MAX_HELD if count > MAX_HELD else 4)
            assert connection.next_check_at() > time.monotonic(), "the loop would spin"
            assert connection.read() == []
            assert connection.tick() == []
            got = mids(events)
            connection.acknowledge(got[0])
            assert connection.next_check_at() == float("-inf")
            acknowledged, deadline = 1, time.monotonic() + 20
            while len(got) < count and time.monotonic() < deadline:
                connection.acknowledge(*got[acknowledged:])
                acknowledged = len(got)
                got += mids(follow(connection, 0.1))
            writer.join(5)
            assert got == list(range(1, count + 1))


def test_an_owner_that_never_acknowledges_loses_the_connection(peer: Peer) -> None:
    """In the time that an answer to a ping may take; the server has them all still."""
    hands = Hands()
    with online(peer, lambda: hands.now_s, keepalive_s=60) as (connection, theirs):
        theirs.sendall(b"".join(message(mid) for mid in range(1, MAX_HELD + 1)))
        collect(connection, lambda _: not connection.want_read())
        theirs.sendall(PINGRESP)
        hands.now_s += 61
        assert connection.tick() == []
        assert packet(theirs) == PINGREQ
        theirs.sendall(PINGRESP)
        hands.now_s += 60
        end = lost(connection.tick())
        assert (end.by_server, "wait for their acknowledgement" in end.detail) == (False, True)


@pytest.mark.parametrize("link", LINKS)
def test_a_large_message_goes_both_ways(peer: Peer, link: str) -> None:
    """256 kB, over a socket that takes a part of it at a time."""
    with online_over(link, peer) as (connection, theirs):
        payload = bytes(range(256)) * 1024
        writer = threading.Thread(target=lambda: theirs.sendall(message(1, payload)))
        writer.start()
        assert collect(connection, bool) == [received(1, payload)]
        writer.join(5)
        sent = [connection.publish(TOPIC, payload) for _ in range(8)]
        assert connection.unsent_bytes > 0
        connection.acknowledge(1)
        got: list[bytes] = []
        reader = threading.Thread(target=lambda: got.extend(packet(theirs) for _ in range(9)))
        reader.start()
        deadline = time.monotonic() + 20
        while connection.want_write() and time.monotonic() < deadline:
            follow(connection, 0.01)
        reader.join(5)
        said = [packets.parse_publish(raw[0], body(raw)) for raw in got[:8]]
        assert [(one.mid, one.payload == payload) for one in said] == [(mid, True) for mid in sent]
        assert (got[8], connection.unsent_bytes) == (packets.puback(1), 0)


def test_a_larger_message_where_the_server_may_send_it() -> None:
    """The platform's limit is not that of a local broker."""
    for limit, is_taken in ((300_000, False), (1_048_576, True)):
        ours, theirs = plain_pair("unix")
        connection = log_in(ours, max_packet_bytes=limit)
        packet(theirs)
        theirs.sendall(CONNACK + message(1, bytes(1_000_000))[:100_000])
        events = collect(connection, lambda found: len(found) >= 2, 0.5)
        assert [isinstance(event, ConnectionLost) for event in events] == ([False] if is_taken else [False, True])
        connection.drop()
        theirs.close()


def test_a_login_without_user_name_over_a_unix_socket() -> None:
    """As a local broker takes it."""
    ours, theirs = plain_pair("unix")
    connection = log_in(ours, username=None, password=None, clean_session=True)
    assert body(packet(theirs))[7] == 0x02
    theirs.sendall(CONNACK)
    assert follow(connection) == [Connack(code=0)]
    assert connection.resumable() is None
    connection.disconnect()
    assert packet(theirs) == b"\xe0\x00"


def test_acknowledgements_that_go_out_put_the_next_ping_off(peer: Peer) -> None:
    """Both sides talk: no ping is needed, though we send nothing else."""
    hands = Hands()
    with online(peer, lambda: hands.now_s, keepalive_s=60) as (connection, theirs):
        for mid in range(1, 8):
            hands.now_s += 50
            assert connection.tick() == []
            theirs.sendall(message(mid))
            assert mids(follow(connection)) == [mid]
            connection.acknowledge(mid)
            assert packet(theirs) == packets.puback(mid)
            assert connection.next_check_at() == hands.now_s + 60


def test_what_did_not_go_out_puts_no_ping_off(peer: Peer) -> None:
    """A server that has heard nothing for 1.5 keep-alives hangs up, and it has not heard what waits here."""
    hands = Hands()
    with online_over("unix", peer, lambda: hands.now_s, keepalive_s=60) as (connection, theirs):
        connection.publish(TOPIC, bytes(30_000_000), qos=Qos.AT_MOST_ONCE)
        unsent = -1
        while connection.unsent_bytes != unsent:
            unsent = connection.unsent_bytes
            connection.write()
        hands.now_s += 59
        theirs.sendall(message())
        assert len(follow(connection, 0.5)) == 1
        connection.publish(TOPIC, b"x")
        connection.write()
        assert connection.next_check_at() == hands.now_s + 1


@pytest.mark.parametrize("link", ["tls", "tcp"])
@pytest.mark.parametrize("said", [b"", CONNACK[:1], CONNACK[:3]])
def test_a_reset_before_the_whole_connack(peer: Peer, link: str, said: bytes) -> None:
    """The server closed; nothing is made of the part that came."""
    ours, theirs = dialled(peer) if link == "tls" else plain_pair(link)
    connection = log_in(ours)
    packet(theirs)
    theirs.sendall(said)
    reset(theirs)
    assert lost(follow(connection)) == ConnectionLost(by_server=True, detail="the server closed the connection")
    connection.drop()


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("code", [0, 5])
def test_the_last_words_before_a_close_are_heard(peer: Peer, link: str, code: int) -> None:
    """Also where our next write meets the close first: a refusal and acknowledgements would be lost."""
    ours, theirs = dialled(peer) if link == "tls" else plain_pair(link)
    connection = log_in(ours)
    packet(theirs)
    last = packets.puback(1) + message(9, b"z") if code == 0 else b""
    mid = connection.publish(TOPIC, b"x")
    theirs.sendall(packets.connack(code) + last)
    # One packet of ours is unread: the close is a reset.
    theirs.close()
    time.sleep(0.05)
    for _ in range(3):
        connection.publish(TOPIC, b"x")
        connection.write()
    events = collect(connection, lambda _: connection.over)
    expected: list[MqttEvent] = [Connack(code=code)]
    if code == 0:
        closed = ConnectionLost(by_server=True, detail="the server closed the connection")
        expected += [Published(mid=mid), received(9, b"z"), closed]
    assert events == expected
    connection.drop()


@pytest.mark.parametrize("link", LINKS)
def test_many_last_words_are_all_heard(peer: Peer, link: str) -> None:
    """More than one call reads, in spite of a write that has failed."""
    with online_over(link, peer) as (connection, theirs):
        theirs.sendall(message() * 200)
        theirs.close()
        time.sleep(0.05)
        for _ in range(3):
            connection.publish(TOPIC, b"x")
            connection.write()
        events = collect(connection, lambda _: connection.over)
        assert (len(events), isinstance(events[-1], ConnectionLost)) == (201, True)


@pytest.mark.parametrize("link", LINKS)
def test_a_write_that_fails_ends_what_is_not_read(peer: Peer, link: str) -> None:
    """Too much waits to be acknowledged: there is no reading that would find the end."""
    with online_over(link, peer) as (connection, theirs):
        theirs.sendall(b"".join(message(mid) for mid in range(1, MAX_HELD + 2)))
        while connection.want_read():
            follow(connection, 0.2)
        theirs.close()
        time.sleep(0.05)
        for _ in range(3):
            connection.publish(TOPIC, b"x")
            connection.write()
        assert connection.next_check_at() == float("-inf")
        assert lost(connection.tick()).by_server


def test_after_the_end_nothing_is_sent_and_nothing_grows(peer: Peer) -> None:
    """No number is given out, and what is held is forgotten: the server sends it again."""
    with online(peer) as (connection, theirs):
        theirs.sendall(message(1))
        assert mids(follow(connection)) == [1]
        theirs.close()
        assert lost(follow(connection)).by_server
        unsent = connection.unsent_bytes
        assert connection.publish(TOPIC, b"x") == 0
        assert connection.publish(TOPIC, b"x", qos=Qos.AT_MOST_ONCE) == 0
        assert connection.subscribe(FIRST) == connection.unsubscribe("a") == 0
        connection.acknowledge(1)
        assert (connection.unsent_bytes, connection.tick(), connection.want_write()) == (unsent, [], False)
        connection.drop()
        connection.acknowledge(1)
        assert connection.publish(TOPIC, b"x") == 0


def test_a_slow_line_is_no_fault_of_the_server() -> None:
    """What waits to be sent is never nothing, and still each acknowledgement goes out in the end."""
    ours, theirs = plain_pair("unix")
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32_768)
    connection = log_in(ours)
    packet(theirs)
    theirs.sendall(CONNACK)
    assert follow(connection) == [Connack(code=0)]
    connection.publish(TOPIC, bytes(600_000), qos=Qos.AT_MOST_ONCE)
    for number in range(MAX_UNSENT_PUBACKS + 500):
        theirs.sendall(message(number + 1))
        assert mids(follow(connection)) == [number + 1]
        connection.acknowledge(number + 1)
        connection.publish(TOPIC, bytes(3000), qos=Qos.AT_MOST_ONCE)
        theirs.recv(2500)
        connection.write()
        assert connection.unsent_bytes > 0
        assert not connection.over, connection.tick()
    connection.drop()
    theirs.close()


def test_a_server_that_answers_nothing_is_left() -> None:
    """There are 65,535 numbers; when all of them wait, no packet can be told from another."""
    ours, theirs = plain_pair("unix")
    connection = log_in(ours)
    packet(theirs)
    theirs.sendall(CONNACK)
    assert follow(connection) == [Connack(code=0)]
    reader = threading.Thread(target=lambda: [None for _ in iter(lambda: theirs.recv(1_000_000), b"")])
    reader.start()
    for expected in range(1, 65_536):
        assert connection.publish("t", b"") == expected
    assert connection.publish("t", b"") == 0
    end = next(event for event in connection.tick() if isinstance(event, ConnectionLost))
    assert (end.violation, "65,535 packets unanswered" in end.detail) == (True, True)
    connection.drop()
    reader.join(5)
    theirs.close()
