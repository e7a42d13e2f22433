"""The login is one constant a device."""

from __future__ import annotations

from iot_onboard.aliyun.login import login
from iot_onboard.aliyun.signing import SignMethod, sign
from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret

IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw-0001")


def test_the_login_is_a_constant() -> None:
    """No timestamp, TLS mode, and the part between the bars unsigned."""
    triple = login(Credentials(identity=IDENTITY, device_secret=Secret("s" * 32)), SignMethod.HMACSHA256)
    assert triple.client_id == "a1b2c3d4e5f.gw-0001|securemode=2,signmethod=hmacsha256|"
    assert triple.username == "gw-0001&a1b2c3d4e5f"
    signed = {"clientId": "a1b2c3d4e5f.gw-0001", "deviceName": "gw-0001", "productKey": "a1b2c3d4e5f"}
    assert triple.password == Secret(sign(SignMethod.HMACSHA256, Secret("s" * 32), signed))
