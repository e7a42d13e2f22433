"""What a refused CONNECT asks for."""

from __future__ import annotations

from iot_onboard.aliyun.connack import CONNACKS, ConnackMeaning, connack


def test_connack_numbers() -> None:
    """4 and 5 speak of the secret; the rest is not about it, whatever the number."""
    about_secret = {code for code in range(256) if connack(code).asks_for is ConnackMeaning.SECRET_REFUSED}
    assert about_secret == {4, 5}
    assert set(CONNACKS) == {1, 2, 3, 4, 5}
