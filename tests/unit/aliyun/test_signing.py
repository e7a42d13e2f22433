"""Signatures, held to the published vectors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from iot_onboard.aliyun.signing import SignMethod, sign
from iot_onboard.core.secret import Secret
from support.tree import VECTORS_FILE

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(VECTORS_FILE.read_text())


@pytest.mark.parametrize("vector", VECTORS["registration"], ids=lambda v: str(v["id"]))
def test_registration_vectors(vector: dict[str, str]) -> None:
    """The registration signature equals every published one."""
    signed = {
        "productKey": vector["product_key"],
        "deviceName": vector["device_name"],
        "random": vector["random"],
    }
    assert sign(SignMethod(vector["sign_method"]), Secret(vector["product_secret"]), signed) == vector["sign"]


@pytest.mark.parametrize("vector", VECTORS["mqtt"], ids=lambda v: str(v["id"]))
def test_mqtt_vectors(vector: dict[str, str]) -> None:
    """The MQTT password equals every published one."""
    signed = {
        "clientId": vector["client_id"],
        "productKey": vector["product_key"],
        "deviceName": vector["device_name"],
    }
    if vector["timestamp"] is not None:
        signed["timestamp"] = vector["timestamp"]
    assert sign(SignMethod(vector["sign_method"]), Secret(vector["device_secret"]), signed) == vector["password"]


def test_leading_zeros_are_kept() -> None:
    """Every byte gives two digits."""
    for number in range(400):
        assert len(sign(SignMethod.HMACMD5, Secret("k"), {"n": str(number)})) == 32
