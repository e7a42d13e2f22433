"""What a gateway is, and what proves it."""

from __future__ import annotations

from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret

IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw-0001")


def test_the_name_within_the_platform() -> None:
    """As files are called, and as the login begins."""
    assert str(IDENTITY) == "a1b2c3d4e5f.gw-0001"


def test_credentials_do_not_show_the_secret() -> None:
    """Whatever prints them."""
    credentials = Credentials(identity=IDENTITY, device_secret=Secret("hunter2"))
    assert "hunter2" not in repr(credentials)
    assert credentials.issued_at is None


def test_credentials_are_equal_by_value() -> None:
    """Identity and secret both count."""
    assert Credentials(identity=IDENTITY, device_secret=Secret("a")) == Credentials(
        identity=Identity(product_key="a1b2c3d4e5f", device_name="gw-0001"), device_secret=Secret("a")
    )
    assert Credentials(identity=IDENTITY, device_secret=Secret("a")) != Credentials(
        identity=IDENTITY, device_secret=Secret("b")
    )
