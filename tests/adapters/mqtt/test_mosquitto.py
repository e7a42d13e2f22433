"""The client against mosquitto, over a Unix socket, TCP and TLS, with either Paho (`make paho1`)."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from iot_onboard.mqtt.client import Connection
from iot_onboard.mqtt.model import (
    Connack,
    ConnectionLost,
    MqttEvent,
    Published,
    Qos,
    Received,
    Subscribed,
    Subscription,
    Unsubscribed,
    Will,
)
from support.platform.local_broker import LocalBroker
from support.platform.mqtt_peer import follow

LINKS = ["unix", "tcp", "tls"]
ALL = Subscription(topic_filter="t/#", qos=Qos.AT_LEAST_ONCE)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBroker]:
    with LocalBroker(tmp_path_factory.mktemp("broker")) as running:
        yield running


class Client:
    """A connection in a session, and all that has happened on it."""

    def __init__(
        self, broker: LocalBroker, link: str, name: str, *, clean_session: bool = True, **options: Any
    ) -> None:
        self.events: list[MqttEvent] = []
        self.connection = Connection(
            broker.dial(link),
            client_id=name,
            keepalive_s=60,
            clean_session=clean_session,
            now=time.monotonic,
            **options,
        )
        self.wait_for(lambda: self.of(Connack))
        assert self.of(Connack)[0].code == 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.drop()

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def session_present(self) -> bool:
        return bool(self.of(Connack)[0].session_present)

    def wait_for(self, reached: Callable[[], object], seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < deadline, self.events[-5:]
            self.events += follow(self.connection, 0.1)

    def subscribe(self, *subscriptions: Subscription) -> tuple[int, ...]:
        mid = self.connection.subscribe(*subscriptions)
        self.wait_for(lambda: self.of(Subscribed) and self.of(Subscribed)[-1].mid == mid)
        granted: tuple[int, ...] = self.of(Subscribed)[-1].granted
        return granted

    def publish(self, topic: str, payload: bytes, **options: Any) -> None:
        """Publish at QoS 1, and wait for the PUBACK."""
        mid = self.connection.publish(topic, payload, **options)
        self.wait_for(lambda: Published(mid=mid) in self.events)

    def received(self, count: int) -> list[Received]:
        """Wait for so many messages, without an acknowledgement."""
        self.wait_for(lambda: len(self.of(Received)) >= count)
        return self.of(Received)

    def take(self, count: int) -> list[bytes]:
        """Wait for so many different payloads, and acknowledge as they come."""
        acknowledged = 0
        deadline = time.monotonic() + 10
        while len({one.payload for one in self.of(Received)}) < count and time.monotonic() < deadline:
            self.events += follow(self.connection, 0.1)
            self.connection.acknowledge(*(one.mid for one in self.of(Received)[acknowledged:]))
            acknowledged = len(self.of(Received))
        return [one.payload for one in self.of(Received)]


@pytest.mark.parametrize("link", LINKS)
def test_messages_come_back_as_they_went(broker: LocalBroker, link: str) -> None:
    """Text, bytes, nothing and 256 kB, at either QoS, through a broker that takes them apart."""
    payloads = [b"", b"text", bytes(range(256)), random.Random(1).randbytes(262_144)]
    with Client(broker, link, f"echo-{link}") as client:
        assert client.subscribe(ALL, Subscription(topic_filter="other/+", qos=Qos.AT_MOST_ONCE)) == (1, 0)
        for payload in payloads:
            client.connection.publish("t/\u6e29\u5ea6", payload, qos=Qos.AT_MOST_ONCE)
            client.publish("t/x", payload)
            client.publish("other/x", payload)
            client.publish("nobody/x", payload)
        found = [(one.topic, one.qos, one.payload) for one in client.received(12)]
        client.connection.acknowledge(*(one.mid for one in client.of(Received) if one.qos))
    expected = [("t/\u6e29\u5ea6", 0), ("t/x", 1), ("other/x", 0)]
    assert sorted(found) == sorted((topic, qos, payload) for payload in payloads for topic, qos in expected)


def test_what_is_unsubscribed_does_not_come(broker: LocalBroker) -> None:
    """Once the broker has said so."""
    with Client(broker, "unix", "leaver") as client:
        client.subscribe(ALL, Subscription(topic_filter="u", qos=Qos.AT_LEAST_ONCE))
        mid = client.connection.unsubscribe("t/#")
        client.wait_for(lambda: Unsubscribed(mid=mid) in client.events)
        client.publish("t/x", b"gone")
        client.publish("u", b"there")
        assert [one.payload for one in client.received(1)] == [b"there"]


@pytest.mark.parametrize("link", LINKS)
def test_a_will_is_published_where_no_goodbye_is_said(broker: LocalBroker, link: str) -> None:
    """Retained, as asked; after DISCONNECT it is not published."""
    status = f"status/{link}"
    will = Will(topic=status, payload=b"offline", qos=Qos.AT_LEAST_ONCE, retain=True)
    with (
        Client(broker, link, f"mortal-{link}", will=will) as mortal,
        Client(broker, "tcp", f"watcher-{link}") as watcher,
    ):
        mortal.publish(status, b"online", retain=True)
        watcher.subscribe(Subscription(topic_filter=status, qos=Qos.AT_LEAST_ONCE))
        assert [(one.payload, one.retain) for one in watcher.received(1)] == [(b"online", True)]
        mortal.connection.drop()
        assert watcher.take(2) == [b"online", b"offline"]
        with Client(broker, link, f"mortal-{link}", will=will) as polite:
            polite.publish(status, b"online again", retain=True)
            polite.connection.disconnect()
        watcher.publish(status, b"last")
        assert watcher.take(4) == [b"online", b"offline", b"online again", b"last"]


@pytest.mark.parametrize("link", LINKS)
def test_what_is_not_acknowledged_comes_again_to_the_next_connection(broker: LocalBroker, link: str) -> None:
    """And what was acknowledged does not."""
    name = f"holder-{link}"
    with Client(broker, link, name, clean_session=False) as client, Client(broker, "tcp", "sender") as sender:
        assert not client.session_present
        client.subscribe(Subscription(topic_filter=name, qos=Qos.AT_LEAST_ONCE))
        for number in range(10):
            sender.publish(name, str(number).encode())
        held = client.received(10)
        client.connection.acknowledge(*(one.mid for one in held if one.payload in {b"1", b"4", b"9"}))
        # The broker has read it when it has answered what came after.
        client.publish("nobody", b"")
    with Client(broker, link, name, clean_session=False) as client:
        assert client.session_present
        again = client.received(7)
        assert [(one.payload, one.dup) for one in again] == [(one.encode(), True) for one in "0235678"]
        client.connection.acknowledge(*(one.mid for one in again))
        client.connection.disconnect()
    with Client(broker, link, name, clean_session=False) as client:
        client.publish("nobody", b"")
        assert client.of(Received) == []


def test_a_broker_that_is_killed_loses_nothing_that_was_not_acknowledged(tmp_path: Path) -> None:
    """Over five lives of it: what is held when it dies comes again, or was acknowledged; its session was saved once."""
    chance = random.Random(7)
    sent: set[bytes] = set()
    stored: set[bytes] = set()
    with LocalBroker(tmp_path) as broker:
        for life in range(5):
            with (
                Client(broker, "unix", "holder", clean_session=False) as holder,
                Client(broker, "tcp", "sender") as sender,
            ):
                assert holder.session_present == (life > 0)
                holder.subscribe(ALL)
                for number in range(15):
                    sender.publish("t/x", f"{life}-{number}".encode())
                    sent.add(f"{life}-{number}".encode())
                # Held by the broker's window of 20; some of those of the life before are among them.
                holder.wait_for(lambda life=life, holder=holder: len(holder.of(Received)) >= 15 + (life > 0))  # type: ignore[misc]
                done = [one for one in holder.of(Received) if chance.random() < 0.6]
                stored |= {one.payload for one in done}
                holder.connection.acknowledge(*(one.mid for one in done))
                broker.save()
                broker.kill()
                holder.wait_for(lambda holder=holder: holder.connection.over)  # type: ignore[misc]
                assert [one.by_server for one in holder.of(ConnectionLost)] == [True]
            broker.start()
        with Client(broker, "unix", "holder", clean_session=False) as holder:
            missing = sent - stored
            assert missing, "nothing was held"
            deadline = time.monotonic() + 10
            while missing and time.monotonic() < deadline:
                with contextlib.suppress(AssertionError):
                    holder.wait_for(lambda: holder.of(Received), 0.2)
                new = holder.of(Received)
                holder.events = [one for one in holder.events if not isinstance(one, Received)]
                missing -= {one.payload for one in new}
                holder.connection.acknowledge(*(one.mid for one in new))
    assert missing == set()


def test_five_thousand_messages_through_a_window_of_twenty(broker: LocalBroker) -> None:
    """Each acknowledgement brings the next one: none is lost, doubled or out of order."""
    count = 5000
    with Client(broker, "unix", "reader") as reader, Client(broker, "unix", "writer") as writer:
        reader.subscribe(Subscription(topic_filter="many", qos=Qos.AT_LEAST_ONCE))
        next_, acknowledged, deadline = 0, 0, time.monotonic() + 60
        while acknowledged < count and time.monotonic() < deadline:
            # The broker keeps 1,000 that wait, and drops what is beyond.
            while next_ < min(count, acknowledged + 500):
                writer.connection.publish("many", str(next_).encode())
                next_ += 1
            writer.events += follow(writer.connection, 0.002)
            new = [one for one in follow(reader.connection, 0.002) if isinstance(one, Received)]
            reader.events += new
            reader.connection.acknowledge(*(one.mid for one in new))
            acknowledged += len(new)
        assert [one.payload for one in reader.of(Received)] == [str(number).encode() for number in range(count)]
