"""One MQTT connection against a raw-packet server, with either Paho (`make paho1`)."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import select
import socket
import ssl
import time
import weakref
from collections.abc import Iterator
from itertools import pairwise

import pytest

from iot_onboard.mqtt.client import MAX_UNSENT_PUBACKS, STEPS_A_CALL
from iot_onboard.mqtt.model import Connack, ConnectionLost, MqttEvent, Published, Received
from iot_onboard.net.dial import dial
from iot_onboard.net.tls import BoundedContext, tls_context
from iot_sandbox import packets
from support.platform.fakebroker import FakeBroker
from support.platform.mqtt_peer import (
    CLIENT_ID,
    CONNACK,
    DISCONNECT,
    PASSWORD,
    PINGREQ,
    PINGRESP,
    TOPIC,
    USERNAME,
    Hands,
    Peer,
    accept,
    connecting,
    dialled,
    follow,
    log_in,
    lost,
    online,
    packet,
    reset,
)
from support.process.memory import own_memory_kb


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with Peer() as running:
        yield running


@pytest.mark.parametrize("clean_session", [True, False])
def test_connect_says_who_we_are(peer: Peer, clean_session: bool) -> None:
    """The triple, the keep-alive, the session's kind, MQTT 3.1.1, and no will."""
    with connecting(peer, keepalive_s=300, clean_session=clean_session) as (_, theirs):
        raw = packet(theirs)
    assert raw[0] == packets.CONNECT << 4
    said = packets.parse_connect(raw[2 if raw[1] < 128 else 3 :])
    assert (said.level, said.client_id, said.username, said.password) == (4, CLIENT_ID, USERNAME, PASSWORD)
    assert (said.keepalive_s, said.clean_session, said.will) == (300, clean_session, False)


@pytest.mark.parametrize("flags", [0, 1])
def test_accepted(peer: Peer, flags: int) -> None:
    """CONNACK 0, whether the server kept a session or not."""
    with connecting(peer) as (connection, theirs):
        theirs.sendall(bytes((0x20, 2, flags, 0)))
        assert follow(connection) == [Connack(code=0, session_present=bool(flags))]
        assert not connection.over


@pytest.mark.parametrize("code", [2, 3, 4, 5])
def test_refused(peer: Peer, code: int) -> None:
    """The number of MQTT 3.1.1, whatever Paho makes of it, and nothing else."""
    with connecting(peer) as (connection, theirs):
        theirs.sendall(bytes((0x20, 2, 0, code)))
        assert follow(connection) == [Connack(code=code)]


def test_connack_1_is_reported_in_words(peer: Peer) -> None:
    """Paho keeps this number to itself."""
    with connecting(peer) as (connection, theirs):
        theirs.sendall(bytes((0x20, 2, 0, 1)))
        assert "(CONNACK 1)" in lost(follow(connection)).detail


@pytest.mark.parametrize("code", [6, 7, 128, 255])
def test_numbers_that_mqtt_does_not_have(peer: Peer, code: int) -> None:
    """They are refusals like others, whatever Paho makes of them."""
    with connecting(peer) as (connection, theirs):
        theirs.sendall(bytes((0x20, 2, 0, code)))
        assert follow(connection) == [Connack(code=code)]


def test_a_mute_server_brings_no_event(peer: Peer) -> None:
    """The deadline is the state machine's; meanwhile no call waits, and giving up closes at once."""
    with connecting(peer) as (connection, theirs):
        packet(theirs)
        began = time.monotonic()
        assert connection.read() == []
        assert connection.write() == []
        assert connection.tick() == []
        assert not connection.over
        connection.drop()
        assert time.monotonic() - began < 1.0
        assert packet(theirs) == b""


def test_a_ping_that_is_answered(peer: Peer) -> None:
    """After a keep-alive of silence a ping goes out, and its answer is good for another one."""
    hands = Hands()
    with online(peer, lambda: hands.now_s, keepalive_s=1) as (connection, theirs):
        for _ in range(2):
            began = hands.now_s
            assert began + 1.0 <= connection.next_check_at() <= began + 1.1
            wait_for_paho(1.05)
            hands.now_s = connection.next_check_at()
            assert connection.tick() == []
            assert packet(theirs) == PINGREQ
            theirs.sendall(PINGRESP)
            assert follow(connection, 0.3) == []
            assert not connection.over


def wait_for_paho(seconds: float) -> None:
    """Let Paho's own clock, which no test can move, see the keep-alive go by."""
    time.sleep(seconds)


@pytest.mark.parametrize("keepalive_s", [1, 30, 60, 300, 1200])
def test_a_ping_that_is_not_answered(peer: Peer, keepalive_s: int) -> None:
    """It ends the connection within 1.5 keep-alives, and until then the loop has next to nothing to do."""
    hands = Hands()
    with online(peer, lambda: hands.now_s, keepalive_s=keepalive_s) as (connection, _):
        began, ticks, found = hands.now_s, 0, list[MqttEvent]()
        while not found:
            assert connection.next_check_at() > hands.now_s, "the loop would spin"
            hands.now_s = connection.next_check_at()
            found = connection.tick()
            ticks += 1
        assert lost(found).by_server is False
        assert "no answer to the ping" in lost(found).detail
        assert keepalive_s < hands.now_s - began <= 1.5 * keepalive_s
        assert ticks <= 32
        assert connection.over


def test_a_ping_comes_in_time_where_only_we_talk(peer: Peer) -> None:
    """Messages that go out and are never confirmed do not hide a peer that has vanished."""
    hands = Hands()
    with online(peer, lambda: hands.now_s, keepalive_s=60) as (connection, _):
        began = hands.now_s
        while hands.now_s - began < 89:
            hands.now_s += 1
            connection.publish(TOPIC, b"x")
            if found := connection.tick():
                assert "no answer to the ping" in lost(found).detail
                return
    raise AssertionError("not noticed")


def test_a_probe_that_is_answered(peer: Peer) -> None:
    """It goes out at once, whatever the keep-alive; another one waits its turn; then all is as before."""
    hands = Hands()
    with online(peer, lambda: hands.now_s, keepalive_s=300) as (connection, theirs):
        first_at = hands.now_s + 1.0
        for due_at in (first_at, first_at + 10.0):
            hands.now_s += 1.0
            connection.probe()
            connection.probe()
            assert connection.next_check_at() == due_at
            hands.now_s = due_at
            assert connection.tick() == []
            assert packet(theirs) == PINGREQ
            theirs.sendall(PINGRESP)
            assert follow(connection, 0.3) == []
        assert connection.next_check_at() > hands.now_s + 299


def test_a_probe_that_is_not_answered(peer: Peer) -> None:
    """It ends the connection after ten seconds, not after 1.1 keep-alives; nothing spins meanwhile."""
    hands = Hands()
    with online(peer, lambda: hands.now_s, keepalive_s=300) as (connection, _):
        began = hands.now_s
        connection.probe()
        assert connection.tick() == []
        assert connection.next_check_at() == began + 10.0
        hands.now_s = connection.next_check_at()
        found = lost(connection.tick())
        assert (found.by_server, found.detail) == (False, "no answer to the ping within 10 s")
        connection.probe()
        assert connection.tick() == []


def test_a_probe_that_is_answered_by_a_reset(peer: Peer) -> None:
    """The network that changed is at fault, not the server: it counts towards no clone."""
    with online(peer, keepalive_s=300) as (connection, theirs):
        connection.probe()
        assert connection.tick() == []
        assert packet(theirs) == PINGREQ
        reset(theirs)
        assert lost(follow(connection)).by_server is False


def test_a_probe_excuses_no_breach_of_the_protocol(peer: Peer) -> None:
    """What is no TLS comes from nobody who has forgotten the connection."""
    with online(peer, keepalive_s=300) as (connection, theirs):
        connection.probe()
        assert connection.tick() == []
        assert packet(theirs) == PINGREQ
        with socket.socket(fileno=os.dup(theirs.fileno())) as beneath:
            beneath.sendall(b"x" * 100)
        found = lost(follow(connection))
        assert (found.by_server, found.violation) == (True, True)


def test_a_peer_that_reads_nothing(peer: Peer) -> None:
    """Half open: what cannot be sent waits, no call blocks, and the missing answer is noticed as ever."""
    hands = Hands()
    with online(peer, lambda: hands.now_s, keepalive_s=60) as (connection, _):
        began = time.monotonic()
        for _ in range(20):
            connection.publish(TOPIC, b"x" * 1_000_000)
        assert connection.want_write()
        assert connection.write() == []
        assert not connection.over
        hands.now_s += 90
        assert "no answer to the ping" in lost(connection.tick()).detail
        connection.disconnect()
        assert time.monotonic() - began < 5.0


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\xf0\xff\xff\xff\x7f" + bytes(range(256)),
        b"\x00\x00",
        b"\x20\xff\xff\xff\xff\xff",
        b"\x30\x02\xff\xff",
        b"\x30\x00",
        b"\x40\x00",
        b"\x20\x02\x00",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["auth", "zero", "length", "topic", "publish", "puback", "half", "http"],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_rubbish_ends_the_connection(peer: Peer, rubbish: bytes, when: str) -> None:
    """Whatever cannot be read is reported as a loss, with a word of why; nothing is raised."""
    opened = connecting(peer) if when == "before" else online(peer)
    with opened as (connection, theirs):
        theirs.sendall(rubbish)
        theirs.close()
        found = lost(follow(connection))
        assert found.by_server
        assert found.detail
        assert connection.over
        assert connection.tick() == []
        connection.disconnect()


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"\x34\x09\x00\x05t/o/p\x00\x02", "QoS 2"),
        (b"\x62\x02\x00\x02", "QoS 2"),
        (b"\x30\xff\xff\xff\x7f", "268,435,455 bytes"),
        (PINGRESP, "answers no PINGREQ"),
        (b"\x40\x02\x00\x09", "answers nothing"),
        (b"\x20\x02\x00\x05", "a second CONNACK, with the number 5"),
        (b"\xe0\x00", "only clients send"),
    ],
)
def test_what_no_server_sends_ends_the_connection_from_here(peer: Peer, sent: bytes, words: str) -> None:
    """At once, with its name; the server has not closed, and what came before it in the same record counts."""
    with online(peer) as (connection, theirs):
        theirs.sendall(b"\x30\x03\x00\x01t" + sent)
        *before, last = follow(connection)
        found = next(event for event in (*before, last) if isinstance(event, ConnectionLost))
        assert (found.violation, words in found.detail) == (True, True)
        assert isinstance(before[0], Received)
        assert connection.tick() == []


@pytest.mark.parametrize(
    ("sent", "words"), [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "with HTTP"), (b"SSH-2.0-x\r\n", "with SSH")]
)
def test_what_is_no_mqtt_server_is_named(peer: Peer, sent: bytes, words: str) -> None:
    """Host or port is wrong."""
    with connecting(peer) as (connection, theirs):
        theirs.sendall(sent)
        found = lost(follow(connection))
        assert (found.violation, words in found.detail) == (True, True)


def test_a_clean_session_is_not_the_one_of_before(peer: Peer) -> None:
    """The server says that it kept one, though a clean one was asked for."""
    with connecting(peer, clean_session=True) as (connection, theirs):
        theirs.sendall(b"\x20\x02\x01\x00")
        assert lost(follow(connection)).violation


def test_one_call_reads_a_bounded_batch_and_the_next_goes_on(peer: Peer) -> None:
    """What is left is due at once, though the selector sees nothing of it."""
    with online(peer) as (connection, theirs):
        theirs.sendall(b"\x30\x03\x00\x01t" * 200)
        assert select.select([connection], [], [], 5)[0]
        counts = [len(connection.read())]
        while connection.next_check_at() == float("-inf"):
            counts.append(len(connection.tick()))
        assert (sum(counts), max(counts) <= STEPS_A_CALL) == (200, True)
        assert connection.next_check_at() > time.monotonic()


def test_one_call_ends_where_a_message_takes_its_time(peer: Peer) -> None:
    """On a slow gateway a few messages are a batch: the loop has signals to hear and a watchdog to feed."""
    looks = itertools.count()
    # Each look at the clock comes 8 ms after the one before.
    with online(peer, lambda: next(looks) * 0.008) as (connection, theirs):
        theirs.sendall(b"\x30\x03\x00\x01t" * STEPS_A_CALL)
        assert select.select([connection], [], [], 5)[0]
        counts = [len(connection.read())]
        while connection.next_check_at() == float("-inf"):
            counts.append(len(connection.tick()))
        assert (sum(counts), max(counts) <= 4) == (STEPS_A_CALL, True)


def test_a_server_that_takes_no_acknowledgement_is_left() -> None:
    """Messages without end, and nothing read: what waits to be sent has a bound, and the line says why."""
    with Peer(receives_bytes=4096) as full:
        ours, theirs = dialled(full)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        connection = log_in(ours)
        accept(connection, theirs)
        theirs.setblocking(False)
        message, deadline = b"\x32\x05\x00\x01t\x00\x08" * 1000, time.monotonic() + 50
        events: list[MqttEvent] = []
        while not connection.over and time.monotonic() < deadline:
            with contextlib.suppress(ssl.SSLWantWriteError):
                theirs.send(message)
            events = connection.read() + connection.write()
            connection.acknowledge(*(event.mid for event in events if isinstance(event, Received)))
        ended = next(event for event in events + connection.tick() if isinstance(event, ConnectionLost))
        assert (ended.violation, "does not read their acknowledgements" in ended.detail) == (True, True)
        assert connection.unsent_bytes <= 4 * (MAX_UNSENT_PUBACKS + STEPS_A_CALL)
        connection.drop()


def test_a_published_message_is_confirmed(peer: Peer) -> None:
    """QoS 1, not retained; PUBACK brings its number back."""
    with online(peer) as (connection, theirs):
        mid = connection.publish(TOPIC, b'{"id":"1"}')
        raw = packet(theirs)
        message = packets.parse_publish(raw[0], raw[2:])
        assert (message.topic, message.payload, message.qos, message.retain) == (TOPIC, b'{"id":"1"}', 1, False)
        assert message.mid == mid
        theirs.sendall(packets.puback(mid))
        assert follow(connection) == [Published(mid=mid)]


def test_what_waits_inside_tls_is_read_too(peer: Peer) -> None:
    """Several packets in one TLS record: the selector shows the first alone, one `read` takes them all."""
    with online(peer) as (connection, theirs):
        mids = [connection.publish(TOPIC, b"x") for _ in range(3)]
        theirs.sendall(b"".join(packets.puback(mid) for mid in mids))
        assert select.select([connection], [], [], 5)[0]
        assert connection.read() == [Published(mid=mid) for mid in mids]
        assert not select.select([connection], [], [], 0.1)[0]


def test_the_server_closes(peer: Peer) -> None:
    """It is reported as the server's doing."""
    with online(peer) as (connection, theirs):
        theirs.close()
        assert follow(connection) == [ConnectionLost(by_server=True, detail="the server closed the connection")]


def test_the_server_resets(peer: Peer) -> None:
    """So is a reset."""
    with online(peer) as (connection, theirs):
        reset(theirs)
        assert lost(follow(connection)).by_server


def test_the_server_closes_while_we_publish(peer: Peer) -> None:
    """Found by a write: that is reported with the next tick, once, and at once."""
    with online(peer) as (connection, theirs):
        reset(theirs)
        time.sleep(0.05)
        for _ in range(3):
            connection.publish(TOPIC, b"x" * 1000)
        assert connection.next_check_at() == float("-inf")
        assert connection.tick() == [ConnectionLost(by_server=True, detail="the server closed the connection")]
        assert connection.over
        assert connection.tick() == []
        assert not connection.want_write()


def test_the_server_is_gone_before_connect(peer: Peer) -> None:
    """A connection that ended since the dial is a loss, not an exception."""
    ours, theirs = dialled(peer)
    reset(theirs)
    time.sleep(0.05)
    connection = log_in(ours)
    assert lost(follow(connection)).by_server
    connection.drop()


def test_a_goodbye_is_said(peer: Peer) -> None:
    """DISCONNECT goes out before the close."""
    with online(peer) as (connection, theirs):
        connection.disconnect()
        assert packet(theirs) == DISCONNECT
        assert packet(theirs) == b""
        connection.disconnect()


def test_a_goodbye_is_not_overtaken_by_a_reset(peer: Peer) -> None:
    """Bytes of the server that nobody read any more do not turn the end of the connection into a reset."""
    # The clock stands still: a slow machine must not be what ends the parting.
    with online(peer, lambda: Hands.now_s) as (connection, theirs):
        theirs.sendall(PINGRESP * 500)
        connection.disconnect()
        assert packet(theirs) == DISCONNECT
        # Below TLS, which takes a reset for an end.
        with socket.socket(fileno=theirs.detach()) as below:
            assert below.recv(1) == b""


@pytest.mark.parametrize("end", ["drop", "disconnect", "close", "reset"])
def test_what_has_ended_is_let_go_at_once(peer: Peer, end: str) -> None:
    """No search for garbage is needed: between two of them a flapping link would hold hundreds of TLS contexts."""
    gc.disable()
    try:
        ours, theirs = dialled(peer)
        held = weakref.ref(ours), weakref.ref(ours.context)
        connection = log_in(ours)
        del ours
        packet(theirs)
        theirs.sendall(CONNACK)
        follow(connection)
        if end == "reset":
            reset(theirs)
        if end in {"close", "reset"}:
            theirs.close()
            assert lost(follow(connection))
        if end == "disconnect":
            connection.disconnect()
        connection.drop()
        theirs.close()
        del connection
        assert [ref() for ref in held] == [None, None]
    finally:
        gc.enable()


def test_without_a_goodbye(peer: Peer) -> None:
    """`drop` closes without a word."""
    with online(peer) as (connection, theirs):
        connection.drop()
        assert packet(theirs) == b""


def test_a_login_leaves_no_memory_behind() -> None:
    """A link that flaps makes thousands of them: with all that a loss leaves to the next dial, nothing grows."""
    left: BoundedContext | None = None
    with FakeBroker("close") as broker:

        def size_after(times: int) -> int:
            nonlocal left
            for _ in range(times):
                context = left or tls_context(broker.ca_file, handshake_timeout_s=5)
                sock = dial("localhost", broker.port, context=context, proxy=None, dial_timeout_s=5)
                connection = log_in(sock)
                events: list[MqttEvent] = []
                while not events:
                    select.select([sock], [], [], 5)
                    events += [*connection.read(), *connection.write()]
                left = connection.resumable()
                connection.drop()
                broker.join()
            gc.collect()
            return own_memory_kb()

        sizes_kb = [size_after(100) for _ in range(3)]
        # A leak is in both hundreds; what glibc takes for a new thread, when the one before is not quite gone, in one.
        assert min(after - before for before, after in pairwise(sizes_kb)) < 200, f"2 kB a login: {sizes_kb}"
