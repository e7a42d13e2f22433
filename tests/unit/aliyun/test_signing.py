"""What is the vendor's: signatures by vector, names, hosts, login, topics."""

from __future__ import annotations

import json
from typing import Any

import pytest

from iot_onboard.aliyun import hosts, names
from iot_onboard.aliyun.connack import CONNACKS, ConnackMeaning, connack
from iot_onboard.aliyun.login import login
from iot_onboard.aliyun.signing import SignMethod, sign
from iot_onboard.aliyun.topics import tags_report, version_report
from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from support.tree import VECTORS_FILE

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(VECTORS_FILE.read_text())
IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw-0001")


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


def test_the_login_is_a_constant() -> None:
    """No timestamp, TLS mode, and the part between the bars unsigned."""
    triple = login(Credentials(identity=IDENTITY, device_secret=Secret("s" * 32)), SignMethod.HMACSHA256)
    assert triple.client_id == "a1b2c3d4e5f.gw-0001|securemode=2,signmethod=hmacsha256|"
    assert triple.username == "gw-0001&a1b2c3d4e5f"
    signed = {"clientId": "a1b2c3d4e5f.gw-0001", "deviceName": "gw-0001", "productKey": "a1b2c3d4e5f"}
    assert triple.password == Secret(sign(SignMethod.HMACSHA256, Secret("s" * 32), signed))


def test_hosts() -> None:
    """By region, and by instance where there is one."""
    assert hosts.registration_url("eu-central-1") == "https://iot-auth.eu-central-1.aliyuncs.com/auth/register/device"
    assert hosts.mqtt_host("pk", "cn-shanghai", None) == "pk.iot-as-mqtt.cn-shanghai.aliyuncs.com"
    assert hosts.mqtt_host("pk", "cn-shanghai", "iot-1") == "iot-1.mqtt.iothub.aliyuncs.com"


@pytest.mark.parametrize("name", ["gw-1", "a" * 32, "A_b@c.d:e-f9"])
def test_good_device_names(name: str) -> None:
    """4 to 32 of letters, digits and - _ @ . :"""
    assert names.device_name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "words"), [("abc", "3"), ("a" * 33, "33"), ("gw 1x", "' '"), ("gwüx", "'ü'"), ("gw-1\n", "'\\n'")]
)
def test_bad_device_names(name: str, words: str) -> None:
    """The problem names the length or the character."""
    assert words in (names.device_name_problem(name) or "")


@pytest.mark.parametrize("key", ["", "a" * 21, "a-b"])
def test_bad_product_keys(key: str) -> None:
    """Letters and digits, 20 at most."""
    assert names.product_key_problem(key)
    assert names.product_key_problem("a1b2c3d4e5f") is None


def test_connack_numbers() -> None:
    """4 and 5 speak of the secret; the rest is not about it, whatever the number."""
    about_secret = {code for code in range(256) if connack(code).asks_for is ConnackMeaning.SECRET_REFUSED}
    assert about_secret == {4, 5}
    assert set(CONNACKS) == {1, 2, 3, 4, 5}


def test_reports() -> None:
    """Version and tags go to the documented topics, and an unknown tag is left out."""
    version = version_report(IDENTITY, "1.2")
    assert version.topic == "/ota/device/inform/a1b2c3d4e5f/gw-0001"
    assert json.loads(version.payload) == {"id": "1", "params": {"version": "1.2"}}
    tags = tags_report(IDENTITY, {"os": "Debian", "model": ""})
    assert tags.topic == "/sys/a1b2c3d4e5f/gw-0001/thing/deviceinfo/update"
    assert json.loads(tags.payload)["params"] == [{"attrKey": "os", "attrValue": "Debian"}]
