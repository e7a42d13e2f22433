"""What the sandbox does with logins and messages over MQTT, judged by a client that is not ours."""

from __future__ import annotations

import queue
import socket
import ssl
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from support.platform.client import PK, Client, context, login, secret_of
from support.platform.sandbox import Sandbox, wait_for


@pytest.mark.parametrize("method", ["hmacmd5", "hmacsha1", "hmacsha256"])
def test_login_signatures(platform: Sandbox, name: str, method: str) -> None:
    """Each method, with a client id of the device's own choice."""
    secret = secret_of(platform, name)
    assert login(platform, name, secret, client_id="c1", method=method) == 0
    assert login(platform, name, "wrong", client_id="c1", method=method) == 4


def test_a_newer_login_kicks_the_older(platform: Sandbox, name: str) -> None:
    """One connection an identity: the newer stays and works."""
    secret = secret_of(platform, name)
    with Client(platform, name, secret) as older, Client(platform, name, secret) as newer:
        older.online()
        newer.online()
        assert older.ended()
        sent = newer.paho.publish(f"/{PK}/{name}/user/x", "1", qos=1)
        sent.wait_for_publish(2)
        assert sent.is_published()
        row = platform.device(PK, name)
        assert (row["online"], row["connects"], row["kicked"]) == (True, 2, 1)


def test_the_sixth_connect_in_a_minute_is_refused(platform: Sandbox, name: str) -> None:
    """Five, refused ones too; the sixth gets 2, and another device is not touched."""
    secret = secret_of(platform, name)
    assert [login(platform, name, secret if turn % 2 else "wrong") for turn in range(5)] == [4, 0, 4, 0, 4]
    assert login(platform, name, secret) == 2
    platform.add_device(PK, f"{name}-too")
    assert login(platform, f"{name}-too", secret_of(platform, f"{name}-too")) == 0
    row = platform.device(PK, name)
    assert (row["connects"], row["refused"]) == (2, 4)


@pytest.mark.parametrize(("keepalive_s", "code"), [(29, 2), (30, 0), (1200, 0), (1201, 2)])
def test_keepalive_bounds(platform: Sandbox, name: str, keepalive_s: int, code: int) -> None:
    """30 to 1200 s, and the journal tells the CONNECT's facts."""
    assert login(platform, name, secret_of(platform, name), keepalive_s=keepalive_s, clean=False) == code
    row = next(row for row in platform.seen("connect") if row["device_name"] == name)
    assert (row["keepalive_s"], row["clean_session"], row["code"]) == (keepalive_s, False, code and 2)
    assert row["client_id"] == f"{PK}.{name}|securemode=2,signmethod=hmacsha256|"


def test_a_will_is_refused(platform: Sandbox, name: str) -> None:
    """The platform knows no will."""
    with Client(platform, name, secret_of(platform, name)) as client:
        client.paho.will_set("/a", "b")
        assert client.code() == 2


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"qos": 2}, "QoS 2"),
        ({"retain": True}, "a retained message"),
        ({"payload": b"x" * 262_145}, "a payload over 256 KB"),
        ({"topic": f"/{PK}/NAME/user/{'x' * 98}"}, "a topic too long"),
        ({"topic": f"/{PK}/NAME/user/1/2/3/4/5"}, "a topic too long"),
        ({"topic": f"/{PK}/gw-0002/user/x"}, "a topic that is not the device's"),
        ({"topic": f"/sys/{PK}/gw-0002/thing/deviceinfo/update"}, "a topic that is not the device's"),
        ({"topic": "/somewhere"}, "a topic that is not the device's"),
    ],
)
def test_a_message_that_is_refused_ends_the_session(
    platform: Sandbox, name: str, changes: dict[str, Any], why: str
) -> None:
    """The platform hangs up, the journal says why, and nobody gets the message."""
    message: dict[str, Any] = {"topic": f"/{PK}/NAME/user/x", "payload": b"1", "qos": 1, "retain": False, **changes}
    message["topic"] = message["topic"].replace("NAME", name)
    with Client(platform, name, secret_of(platform, name)) as client:
        client.online().paho.publish(**message)
        assert client.ended()
    assert [row["detail"] for row in platform.seen("refused") if row["device_name"] == name] == [why]
    assert [row for row in platform.seen("publish") if row["device_name"] == name] == []


@pytest.mark.parametrize("tail", ["x" * 97, "1/2/3/4"])
def test_a_message_at_the_limit_goes_round(platform: Sandbox, name: str, tail: str) -> None:
    """128 bytes of topic, and 7 slashes."""
    topic = f"/{PK}/{name}/user/{tail}"
    assert len(topic) == 128 or topic.count("/") == 7
    with Client(platform, name, secret_of(platform, name)) as client:
        assert client.online().subscribe(topic) == [1]
        client.paho.publish(topic, "1", qos=1)
        assert client.messages.get(timeout=5).topic == topic


@pytest.mark.parametrize("qos", [(2,), (1,) * 9], ids=["qos", "nine"])
def test_a_subscribe_that_is_refused_ends_the_session(platform: Sandbox, name: str, qos: tuple[int, ...]) -> None:
    """QoS 2, and more than eight filters at once."""
    with Client(platform, name, secret_of(platform, name)) as client:
        client.online().paho.subscribe([(f"/{PK}/{name}/user/{number}", word) for number, word in enumerate(qos)])
        assert client.ended()
    assert [row["device_name"] for row in platform.seen("refused")].count(name) == 1


def test_filters_that_are_not_granted(platform: Sandbox, name: str) -> None:
    """SUBACK says of each filter what became of it, and messages come by the granted ones alone."""
    own, other = f"/{PK}/{name}/user/x", f"/{PK}/gw-0002/user/x"
    with Client(platform, name, secret_of(platform, name)) as client:
        client.online()
        assert client.subscribe("#", f"/{PK}/+/user/x", f"/sys/{PK}/gw-0002/thing/disable", "/" * 8) == [128] * 4
        assert client.subscribe(other, own, "/+/#", f"/sys/{PK}/{name}/thing/disable") == [128, 1, 128, 1]
        platform.push(other, "not for you")
        platform.push(own, "for you")
        assert client.messages.get(timeout=5).payload == b"for you"


def test_a_hundred_subscriptions(platform: Sandbox, name: str) -> None:
    """The next is refused, one that is there is not counted twice, and a session that is kept keeps the count."""
    secret = secret_of(platform, name)
    topics = [f"/{PK}/{name}/user/{number}" for number in range(102)]
    with Client(platform, name, secret, clean=False) as client:
        client.online()
        for at in range(0, 96, 8):
            assert client.subscribe(*topics[at : at + 8]) == [1] * 8
        assert client.subscribe(*topics[96:102]) == [1, 1, 1, 1, 128, 128]
        assert client.subscribe(topics[0], topics[100]) == [1, 128]
        client.paho.unsubscribe(topics[0])
        assert client.subscribe(topics[100], topics[101]) == [1, 128]
        platform.push(topics[100], "heard")
        assert client.messages.get(timeout=5).topic == topics[100]
    with Client(platform, name, secret, clean=False) as client:
        assert client.online().subscribe(topics[101], topics[100]) == [128, 1]
    with Client(platform, name, secret) as client:
        assert client.online().subscribe(topics[101]) == [1]


def test_a_hundred_messages_wait_for_their_puback(platform: Sandbox, name: str) -> None:
    """A device that acknowledges nothing gets no more than that."""
    topic = f"/{PK}/{name}/user/x"
    with Client(platform, name, secret_of(platform, name)) as client:
        # Paho's own, in both versions; it would acknowledge each message once it was handed over.
        client.paho._send_puback = lambda _: mqtt.MQTT_ERR_SUCCESS  # type: ignore[method-assign,assignment]
        assert client.online().subscribe(topic) == [1]
        platform.push(topic, *map(str, range(150)))
        heard = [client.messages.get(timeout=5).payload for _ in range(100)]
        assert heard == [str(number).encode() for number in range(100)]
        with pytest.raises(queue.Empty):
            client.messages.get(timeout=0.5)


def test_a_message_goes_round(platform: Sandbox, name: str) -> None:
    """256 KB at QoS 1, through mosquitto, back to its sender; the journal has topic, size and payload."""
    topic = f"/{PK}/{name}/user/x"
    with Client(platform, name, secret_of(platform, name)) as client:
        client.online()
        client.paho.subscribe(topic, qos=1)
        for payload in (b"hello", b"x" * 262_144):
            client.paho.publish(topic, payload, qos=1).wait_for_publish(5)
            assert client.messages.get(timeout=5).payload == payload
    seen = [row for row in platform.seen("publish") if row["topic"] == topic]
    assert [(row["size"], row["qos"], row["payload"][:5]) for row in seen] == [(5, 1, "hello"), (262_144, 1, "xxxxx")]


def test_what_is_over_the_pace_is_dropped_without_an_error(platform: Sandbox, name: str) -> None:
    """Of a burst some are dropped, and every QoS 1 message is acknowledged all the same."""
    topic = f"/{PK}/{name}/user/x"
    with Client(platform, name, secret_of(platform, name)) as client:
        client.online()
        sent = [client.paho.publish(topic, "1", qos=1) for _ in range(15)]
        for _ in range(40):
            client.paho.publish(topic, "0", qos=0)
        for message in sent:
            message.wait_for_publish(5)
        mine = wait_for(lambda: complete(platform, topic), "all 55 messages")
    through = [row["payload"] for row in mine if row["what"] == "publish"]
    assert 10 <= through.count("1") < 15
    assert 30 <= through.count("0") < 40


def complete(sandbox: Sandbox, topic: str) -> list[dict[str, Any]]:
    rows = [row for row in sandbox.seen() if row["what"] in {"publish", "over-pace"} and row["topic"] == topic]
    return rows if len(rows) == 55 else []


def test_old_suites_need_the_switch(platform: Sandbox, tmp_path: Path) -> None:
    """RSA key exchange of TLS 1.2 is refused on both legs, and served with --old-tls."""
    with Sandbox(tmp_path / "sandbox", "--old-tls") as old:
        for sandbox in (old, platform):
            client = context(sandbox)
            client.maximum_version = ssl.TLSVersion.TLSv1_2
            client.set_ciphers("AES128-SHA:@SECLEVEL=1")
            for port in (sandbox.https_port, sandbox.mqtt_port):
                outcome = nullcontext() if sandbox is old else pytest.raises(ssl.SSLError)
                with socket.create_connection(("127.0.0.1", port), 5) as raw, outcome:
                    client.wrap_socket(raw, server_hostname="localhost").close()
