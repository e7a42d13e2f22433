"""The sandbox decides as the vendor's documentation says, by code of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_sandbox import packets, rules
from iot_sandbox.devices import Device

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "vectors.json").read_text()
)
SECRET = "0123456789abcdef"


def device(**changes: Any) -> Device:
    known: dict[str, Any] = {
        "product_key": "a1b2c3d4e5f",
        "device_name": "gw-0001",
        "device_secret": "s" * 32,
        "enabled": True,
        "activated": False,
    }
    return Device(**{**known, **changes})


def form(**changes: str) -> dict[str, str]:
    fields = {"productKey": "a1b2c3d4e5f", "deviceName": "gw-0001", "random": "r"}
    sign = rules.signature("hmacsha256", SECRET, fields)
    return {**fields, "signMethod": "hmacsha256", "sign": sign, **changes}


@pytest.mark.parametrize("vector", VECTORS["registration"], ids=lambda v: str(v["id"]))
def test_registration_vectors(vector: dict[str, str]) -> None:
    """The independent signature equals every published one."""
    fields = {"productKey": vector["product_key"], "deviceName": vector["device_name"], "random": vector["random"]}
    assert rules.signature(vector["sign_method"], vector["product_secret"], fields) == vector["sign"]


@pytest.mark.parametrize(
    ("changes", "product", "known", "code"),
    [
        ({}, (SECRET, True), device(), 200),
        ({"sign": form()["sign"].upper(), "signMethod": "HmacSHA256"}, (SECRET, True), device(), 200),
        ({"random": ""}, (SECRET, True), device(), 460),
        ({"extra": "x"}, (SECRET, True), device(), 460),
        ({"signMethod": "md5"}, (SECRET, True), device(), 6292),
        ({}, None, device(), 6250),
        ({"sign": "0" * 64}, (SECRET, True), device(), 6600),
        ({}, (SECRET, False), device(), 6288),
        ({}, (SECRET, True), None, 6100),
        ({}, (SECRET, True), device(enabled=False), 6204),
        ({}, (SECRET, True), device(activated=True), 6289),
    ],
)
def test_registration_codes(
    changes: dict[str, str], product: tuple[str, bool] | None, known: Device | None, code: int
) -> None:
    """Every code of the documentation, and success for any spelling that is right."""
    assert rules.registration_code(form(**changes), product, known) == code


def connect(**changes: Any) -> rules.Connect:
    signed = {"clientId": "c1", "deviceName": "gw-0001", "productKey": "a1b2c3d4e5f"}
    says: dict[str, Any] = {
        "level": 4,
        "client_id": "c1|securemode=2,signmethod=hmacsha1|",
        "username": "gw-0001&a1b2c3d4e5f",
        "password": rules.signature("hmacsha1", "s" * 32, signed),
        "keepalive_s": 60,
        "clean_session": True,
        "will": False,
    }
    return rules.Connect(**{**says, **changes})


@pytest.mark.parametrize(
    ("changes", "known", "code"),
    [
        ({}, device(), 0),
        ({"password": connect().password.upper()}, device(), 0),
        ({"level": 3}, device(), 1),
        ({"client_id": "c1"}, device(), 2),
        ({"client_id": "c1|securemode=3,signmethod=hmacsha1|"}, device(), 2),
        ({"keepalive_s": 29}, device(), 2),
        ({"keepalive_s": 1201}, device(), 2),
        ({"will": True}, device(), 2),
        ({"password": "0" * 40}, device(), 4),
        ({"username": "nobody"}, device(), 4),
        ({}, device(device_secret=None), 4),
        ({}, device(enabled=False), 5),
        ({}, None, 5),
    ],
)
def test_connack_codes(changes: dict[str, Any], known: Device | None, code: int) -> None:
    """Logins are judged by the documented rules."""
    assert rules.connack_code(connect(**changes), known) == code


def test_a_timestamp_is_signed_where_it_is_sent() -> None:
    """With and without: both are right."""
    signed = {"clientId": "c1", "deviceName": "gw-0001", "productKey": "a1b2c3d4e5f", "timestamp": "789"}
    stamped = connect(
        client_id="c1|securemode=2,signmethod=hmacmd5,timestamp=789|",
        password=rules.signature("hmacmd5", "s" * 32, signed),
    )
    assert rules.connack_code(stamped, device()) == 0


def test_the_budget_is_five_a_minute() -> None:
    """The sixth within 60 s is over."""
    assert rules.within_budget([0.0, 1.0, 2.0, 3.0], 4.0)
    assert not rules.within_budget([0.0, 1.0, 2.0, 3.0, 4.0], 59.0)
    assert rules.within_budget([0.0, 1.0, 2.0, 3.0, 4.0], 60.0)


@given(st.binary(max_size=100))
def test_rubbish_is_malformed(body: bytes) -> None:
    """Any bytes give a packet or `Malformed`."""
    for parse in (packets.parse_connect, lambda data: packets.parse_publish(0x32, data)):
        try:
            parse(body)
        except packets.Malformed:
            continue
