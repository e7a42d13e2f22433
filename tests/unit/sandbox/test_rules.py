"""The sandbox's decisions, against published vectors and at their limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_sandbox import packets, rules
from iot_sandbox.devices import Device
from support.tree import VECTORS_FILE

VECTORS = json.loads(VECTORS_FILE.read_text())
PRODUCT_KEY, DEVICE_NAME, SECRET = "a1b2c3d4e5f", "gw-0001", "0123456789abcdef"


def device(**changes: Any) -> Device:
    facts: dict[str, Any] = {
        "product_key": PRODUCT_KEY,
        "device_name": DEVICE_NAME,
        "device_secret": SECRET,
        "enabled": True,
        "activated": False,
    }
    return Device(**{**facts, **changes})


def form(**changes: str) -> dict[str, str]:
    """A form that is signed as it stands, then changed."""
    signed = {"productKey": PRODUCT_KEY, "deviceName": DEVICE_NAME, "random": "r4nd0m"}
    signed |= {name: value for name, value in changes.items() if name in signed}
    sign = rules.signature("hmacsha256", SECRET, signed)
    return {**signed, "signMethod": "hmacsha256", "sign": sign, **changes}


def connect(**changes: Any) -> rules.Connect:
    signed = {"clientId": "cid", "deviceName": DEVICE_NAME, "productKey": PRODUCT_KEY}
    facts: dict[str, Any] = {
        "level": 4,
        "client_id": "cid|securemode=2,signmethod=hmacsha256|",
        "username": f"{DEVICE_NAME}&{PRODUCT_KEY}",
        "password": rules.signature("hmacsha256", SECRET, signed),
        "keepalive_s": 300,
        "clean_session": False,
        "will": False,
    }
    return rules.Connect(**{**facts, **changes})


@pytest.mark.parametrize("vector", VECTORS["registration"], ids=lambda vector: vector["id"])
@pytest.mark.parametrize("upper", [False, True])
def test_registration_vectors_are_accepted(vector: dict[str, str], upper: bool) -> None:
    """Every published signature is taken, in both hex cases and any case of the method."""
    sent = {
        "productKey": vector["product_key"],
        "deviceName": vector["device_name"],
        "random": vector["random"],
        "signMethod": vector["sign_method"].upper() if upper else vector["sign_method"],
        "sign": vector["sign"].upper() if upper else vector["sign"],
    }
    assert rules.registration_code(sent, (vector["product_secret"], True), device()) == 200


@pytest.mark.parametrize("vector", VECTORS["mqtt"], ids=lambda vector: vector["id"])
@pytest.mark.parametrize("upper", [False, True])
def test_login_vectors_are_accepted(vector: dict[str, Any], upper: bool) -> None:
    """Every published password is taken, with and without a timestamp."""
    stamp = f",timestamp={vector['timestamp']}" if vector["timestamp"] else ""
    known = device(
        product_key=vector["product_key"], device_name=vector["device_name"], device_secret=vector["device_secret"]
    )
    sent = connect(
        client_id=f"{vector['client_id']}|securemode=2,signmethod={vector['sign_method']}{stamp}|",
        username=f"{vector['device_name']}&{vector['product_key']}",
        password=vector["password"].upper() if upper else vector["password"],
    )
    assert rules.connack_code(sent, known) == 0


@pytest.mark.parametrize(
    ("sent", "product", "known", "code"),
    [
        (form(), (SECRET, True), device(), 200),
        (form(), (SECRET, True), device(device_secret=None), 200),
        ({}, (SECRET, True), device(), 460),
        (form(random=""), (SECRET, True), device(), 460),
        (form(timestamp="1"), (SECRET, True), device(), 460),
        (form(deviceName="abc"), (SECRET, True), device(), 460),
        (form(deviceName="gw 0001"), (SECRET, True), device(), 460),
        (form(productKey="a" * 21), (SECRET, True), device(), 460),
        (form(signMethod="hmacsha512"), (SECRET, True), device(), 6292),
        (form(signMethod="md5"), (SECRET, True), device(), 6292),
        (form(), None, device(), 6250),
        (form(), ("another secret", True), device(), 6600),
        (form(sign="0" * 64), (SECRET, True), device(), 6600),
        (form(sign="é" * 64), (SECRET, True), device(), 6600),
        (form(sign=form()["sign"][1:]), (SECRET, True), device(), 6600),
        (form(), (SECRET, False), device(), 6288),
        (form(), (SECRET, True), None, 6100),
        (form(), (SECRET, True), device(enabled=False), 6204),
        (form(), (SECRET, True), device(activated=True), 6289),
    ],
)
def test_registration_codes(
    sent: dict[str, str], product: tuple[str, bool] | None, known: Device | None, code: int
) -> None:
    """Each code of the registration answer has its cause; a stranger without the product secret learns no state."""
    assert rules.registration_code(sent, product, known) == code


@given(st.text(min_size=1, max_size=40), st.sampled_from([True, False]))
def test_an_escaped_form_is_read_as_it_was_meant(random: str, plus: bool) -> None:
    """Whatever `random` holds, either way of escaping registers."""
    body = urlencode(form(random=random)) if plus else urlencode(form(random=random), quote_via=quote)
    assert judged(body) == 200


@given(st.text(alphabet="abcXYZ019+/%:@._- ~é", min_size=1, max_size=40))
def test_an_unescaped_form_is_read_as_it_was_meant(random: str) -> None:
    """Clients that do not escape at all register too."""
    body = "&".join(f"{name}={value}" for name, value in form(random=random).items())
    assert judged(body) == 200


@given(st.text(max_size=200))
def test_any_body_gets_a_code(body: str) -> None:
    """Unknown content is a parameter error, never a crash."""
    assert judged(body) == 460
    assert judged(f"{urlencode(form())}&random=again") == 460


def judged(body: str) -> int:
    return rules.judge(body, lambda _: (SECRET, True), lambda *_: device())[0]


@pytest.mark.parametrize(
    ("sent", "known", "code"),
    [
        (connect(), device(), 0),
        (connect(level=3), device(), 1),
        (connect(level=5), device(), 1),
        (connect(client_id="cid"), device(), 2),
        (connect(client_id="cid|securemode=2,signmethod=hmacsha256"), device(), 2),
        (connect(client_id="cid|securemode=3,signmethod=hmacsha256|"), device(), 2),
        (connect(client_id="cid|securemode=2,signmethod=hmacsha512|"), device(), 2),
        (connect(client_id=f"{'c' * 65}|securemode=2,signmethod=hmacsha256|"), device(), 2),
        (connect(client_id="|securemode=2,signmethod=hmacsha256|"), device(), 2),
        (connect(will=True), device(), 2),
        (connect(keepalive_s=0), device(), 2),
        (connect(keepalive_s=29), device(), 2),
        (connect(keepalive_s=30), device(), 0),
        (connect(keepalive_s=1200), device(), 0),
        (connect(keepalive_s=1201), device(), 2),
        (connect(username=DEVICE_NAME), device(), 4),
        (connect(username="nobody"), device(), 4),
        (connect(password="0" * 64), device(), 4),
        (connect(password="x"), device(), 4),
        (connect(password="é"), device(), 4),
        (connect(client_id="cid|securemode=2,signmethod=hmacsha256,timestamp=1|"), device(), 4),
        (connect(), device(device_secret=None), 4),
        (connect(), device(enabled=False), 5),
        (connect(), None, 5),
    ],
)
def test_connack_codes(sent: rules.Connect, known: Device | None, code: int) -> None:
    """Each refusal of a login has its number."""
    assert rules.connack_code(sent, known) == code


def test_the_connect_budget() -> None:
    """Five in any sixty seconds."""
    assert rules.within_budget([0.0, 1.0, 2.0, 3.0], 4.0)
    assert not rules.within_budget([0.0, 1.0, 2.0, 3.0, 4.0], 59.9)
    assert rules.within_budget([0.0, 1.0, 2.0, 3.0, 4.0], 60.0)


@pytest.mark.parametrize(("qos", "most"), [(0, 30), (1, 10)])
def test_the_uplink_pace(qos: int, most: int) -> None:
    """30 a second at QoS 0, 10 at QoS 1, in any second."""
    assert rules.within_pace([5.0] * (most - 1), qos, 5.9)
    assert not rules.within_pace([5.0] * most, qos, 5.9)
    assert rules.within_pace([5.0] * most, qos, 6.0)


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, False),
        ({"qos": 2}, True),
        ({"qos": 3}, True),
        ({"retain": True}, True),
        ({"size_bytes": 262_144}, False),
        ({"size_bytes": 262_145}, True),
        ({"topic": "/" * 7}, False),
        ({"topic": "/" * 8}, True),
        ({"topic": "t" * 128}, False),
        ({"topic": "t" * 129}, True),
        ({"topic": ""}, True),
        ({"topic": "/a/#"}, True),
    ],
)
def test_what_may_be_published(changes: dict[str, Any], refused: bool) -> None:
    """QoS 2, retained, too large and too long a topic end the session, and nothing at the limit does."""
    message: dict[str, Any] = {"topic": "/a/b", "qos": 1, "retain": False, "size_bytes": 2, **changes}
    assert (rules.publish_fault(**message) is not None) == refused


def test_what_may_be_subscribed() -> None:
    """Eight filters of QoS 0 and 1."""
    assert rules.subscribe_fault([("/a", 1)] * 8) is None
    assert rules.subscribe_fault([("/a", 1)] * 9)
    assert rules.subscribe_fault([("/a", 2)])


@pytest.mark.parametrize(
    ("topic", "own"),
    [
        ("/pk/dn/user/x", True),
        ("/pk/dn/user/#", True),
        ("/pk/dn/user/+/x", True),
        ("/sys/pk/dn/thing/disable", True),
        ("/sys/pk/dn/#", True),
        ("/ota/device/inform/pk/dn", True),
        ("/ext/ntp/pk/dn/request", True),
        ("/ext/error/pk/dn", True),
        ("/shadow/update/pk/dn", True),
        ("/pk/dn/user", False),
        ("/pk/dn/x", False),
        ("/pk/other/user/x", False),
        ("/other/dn/user/x", False),
        ("/sys/pk/other/thing/disable", False),
        ("/sys/dn/pk/thing/disable", False),
        ("/sys/pk/thing/dn", False),
        ("/sys/+/dn/#", False),
        ("/sys/#", False),
        ("/+/+/user/x", False),
        ("/unknown/pk/dn/x", False),
        ("pk/dn/user/x", False),
        ("x/sys/pk/dn", False),
        ("#", False),
        ("/", False),
        ("", False),
    ],
)
def test_whose_a_topic_is(topic: str, own: bool) -> None:
    """The device's own names stand where the documentation has them, in their order, and literally."""
    assert rules.is_own_topic(topic, "pk", "dn") == own
    assert (rules.filter_fault(topic, "pk", "dn") is None) == own


def test_how_long_a_filter_may_be() -> None:
    """128 bytes and 7 slashes, as a topic's."""
    assert rules.filter_fault("/pk/dn/user/" + "x" * 116, "pk", "dn") is None
    assert rules.filter_fault("/pk/dn/user/" + "x" * 117, "pk", "dn") == "a topic too long"
    assert rules.filter_fault("/pk/dn/user/a/b/c", "pk", "dn") is None
    assert rules.filter_fault("/pk/dn/user/a/b/c/d/e", "pk", "dn") == "a topic too long"


@given(st.integers(0, 268_435_455))
def test_lengths_come_back(length: int) -> None:
    """A packet's length is read as written, and no earlier than its last digit."""
    digits = packets.remaining_length(length)
    assert packets.read_length(digits) == length
    assert all(packets.read_length(digits[:count]) is None for count in range(len(digits)))


def test_a_fifth_length_digit_is_malformed() -> None:
    """Four at most, by the standard."""
    with pytest.raises(packets.Malformed):
        packets.read_length(b"\xff\xff\xff\xff")


@given(st.binary(max_size=80), st.integers(0, 255))
def test_rubbish_is_malformed_or_read(body: bytes, head: int) -> None:
    """No bytes make a parser raise anything but Malformed."""
    parsers = (packets.parse_connect, packets.subscriptions, packets.unsubscriptions)
    for parse in (*parsers, lambda raw: packets.parse_publish(head, raw)):
        try:
            parse(body)
        except packets.Malformed:
            continue


@given(st.text(alphabet="abc|=,é", max_size=30), st.integers(0, 65_535), st.booleans())
def test_a_connect_comes_back(client_id: str, keepalive_s: int, clean: bool) -> None:
    """What the gate says to its broker is what it would read itself."""
    raw = packets.build_connect(client_id, keepalive_s=keepalive_s, clean_session=clean)
    read = packets.parse_connect(raw[2:])
    assert (read.client_id, read.keepalive_s, read.clean_session) == (client_id, keepalive_s, clean)


@given(st.lists(st.tuples(st.text(alphabet="ab/+#é", max_size=20), st.integers(0, 1)), min_size=1, max_size=8))
def test_a_subscribe_comes_back(filters: list[tuple[str, int]]) -> None:
    """What the gate asks its broker for is what it would read itself."""
    raw = packets.build_subscribe(b"\1\2", filters)
    at = 2 if raw[1] < 128 else 3
    assert (raw[0], raw[at : at + 2], packets.subscriptions(raw[at:])) == (0x82, b"\1\2", filters)


def test_the_sandbox_is_independent() -> None:
    """It shares no code with the daemon it judges."""
    for path in Path(rules.__file__).parent.glob("*.py"):
        assert "iot_onboard" not in path.read_text()
