"""What either Paho packs (`make paho1`), read by the sandbox's parser, which shares no code with it."""

from __future__ import annotations

import pytest

from iot_onboard.core.secret import Secret
from iot_onboard.mqtt.model import Qos, Subscription, Will
from iot_onboard.mqtt.paho_client import PahoClient, PahoError
from iot_sandbox import packets

MAX_MID = 65_535


class Packer:
    """A client in a session, and the numbers that are in use."""

    def __init__(self) -> None:
        self.used: set[int] = set()
        self.paho = PahoClient(
            client_id="c", username=None, password=None, clean_session=True, will=None, is_used=self.used.__contains__
        )
        self.paho.connect(60)
        self.paho.take(b"\x20\x02\x00\x00")
        self.paho.unsent.clear()

    def packed(self) -> bytes:
        packed = bytes(self.paho.unsent)
        self.paho.unsent.clear()
        return packed


@pytest.mark.parametrize(
    ("username", "password", "flags"), [(None, None, 0x02), ("u", None, 0x82), ("u", Secret("p"), 0xC2)]
)
def test_user_name_and_password_may_be_left_out(username: str | None, password: Secret | None, flags: int) -> None:
    """The flags say which are there."""
    paho = PahoClient(
        client_id="c", username=username, password=password, clean_session=True, will=None, is_used=lambda _: False
    )
    paho.connect(60)
    fields = (b"" if username is None else b"\0\1u") + (b"" if password is None else b"\0\1p")
    whole = b"\0\4MQTT\4" + bytes((flags,)) + b"\0\x3c\0\1c" + fields
    assert bytes(paho.unsent) == b"\x10" + bytes((len(whole),)) + whole


@pytest.mark.parametrize(("qos", "retain", "flags"), [(0, False, 0x06), (1, False, 0x0E), (1, True, 0x2E)])
def test_a_will(qos: int, retain: bool, flags: int) -> None:
    """Topic and payload stand after the name."""
    will = Will(topic="iot/status", payload=b"offline", qos=Qos(qos), retain=retain)
    paho = PahoClient(
        client_id="c", username=None, password=None, clean_session=True, will=will, is_used=lambda _: False
    )
    paho.connect(300)
    whole = b"\0\4MQTT\4" + bytes((flags,)) + b"\x01\x2c\0\1c\0\x0aiot/status\0\x07offline"
    assert bytes(paho.unsent) == b"\x10" + bytes((len(whole),)) + whole


@pytest.mark.parametrize("retain", [True, False])
def test_messages(retain: bool) -> None:
    """Of both kinds; one of QoS 0 has no number on the wire."""
    packer = Packer()
    packer.paho.publish_unnumbered("t", b"one", retain)
    raw = packer.packed()
    assert raw == bytes((0x30 | retain, 6)) + b"\0\1tone"
    mid = packer.paho.publish("t", b"", retain)
    assert packer.packed() == bytes((0x32 | retain, 5)) + b"\0\1t" + mid.to_bytes(2, "big")


def test_subscriptions() -> None:
    """Several filters, each with its own QoS, in one packet."""
    packer = Packer()
    asked = (Subscription(topic_filter="a/+", qos=Qos(1)), Subscription(topic_filter="b/#", qos=Qos(0)))
    mid = packer.paho.subscribe(asked)
    raw = packer.packed()
    assert (raw[0], packets.subscriptions(raw[2:])) == (0x82, [("a/+", 1), ("b/#", 0)])
    assert raw[2:4] == mid.to_bytes(2, "big")
    mid = packer.paho.unsubscribe(("a/+", "b/#"))
    raw = packer.packed()
    assert (raw[0], packets.unsubscriptions(raw[2:])) == (0xA2, ["a/+", "b/#"])
    assert raw[2:4] == mid.to_bytes(2, "big")


def test_what_has_no_body() -> None:
    """PUBACK, PINGREQ and DISCONNECT."""
    packer = Packer()
    packer.paho.acknowledge(0x1234)
    packer.paho.ping()
    packer.paho.disconnect()
    assert packer.packed() == b"\x40\x02\x12\x34" + b"\xc0\x00" + b"\xe0\x00"


def test_no_message_waits_behind_others_inside_paho() -> None:
    """Paho's own window of 20 is off: what waits is in `unsent`, where an owner sees it."""
    packer = Packer()
    mids = [packer.paho.publish("t", b"x", retain=False) for _ in range(50)]
    assert packer.packed().count(b"\0\1t") == len(set(mids)) == 50


@pytest.mark.parametrize("kind", ["publish", "subscribe", "unsubscribe"])
def test_a_number_in_use_is_passed_over(kind: str) -> None:
    """Of whatever packet it is; nothing of the try that failed goes out."""
    packer = Packer()
    packer.used |= {1, 2, 3, 5}
    sent = []
    for _ in range(2):
        match kind:
            case "publish":
                sent.append(packer.paho.publish("t", b"", retain=False))
            case "subscribe":
                sent.append(packer.paho.subscribe((Subscription(topic_filter="t", qos=Qos(1)),)))
            case _:
                sent.append(packer.paho.unsubscribe(("t",)))
        packer.used.add(sent[-1])
    assert sent == [4, 6]
    raw = packer.packed()
    assert len(raw) % 2 == 0
    half = len(raw) // 2
    assert raw[:half].replace(b"\0\4", b"\0\6") == raw[half:]


def test_numbers_come_round_and_end() -> None:
    """After the last one the first that is free; where all are in use, 0 and not a byte."""
    packer = Packer()
    for expected in range(1, MAX_MID + 1):
        assert packer.paho.publish("t", b"", retain=False) == expected
        packer.used.add(expected)
    packer.packed()
    assert packer.paho.publish("t", b"", retain=False) == 0
    assert packer.paho.unsubscribe(("t",)) == 0
    assert packer.packed() == b""
    # Paho hears of the acknowledgement, too: otherwise it would refuse the number for ever.
    packer.paho.take(b"\x40\x02\x01\x00")
    packer.used.discard(256)
    assert packer.paho.publish("t", b"", retain=False) == 256


def test_what_paho_refuses_is_reported_in_its_words() -> None:
    """After DISCONNECT it has no connection."""
    packer = Packer()
    packer.paho.disconnect()
    with pytest.raises(PahoError, match="not currently connected"):
        packer.paho.publish_unnumbered("t", b"", retain=False)
    with pytest.raises(PahoError, match="not currently connected"):
        packer.paho.subscribe((Subscription(topic_filter="t", qos=Qos(1)),))
