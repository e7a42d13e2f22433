"""What a refused CONNECT asks for."""

from __future__ import annotations

import pytest

from iot_onboard.aliyun.connack import CONNACKS, UNKNOWN, ConnackMeaning, connack


def test_connack_numbers() -> None:
    """4 and 5 speak of the secret; the rest is not about it, whatever the number."""
    about_secret = {code for code in range(256) if connack(code).asks_for is ConnackMeaning.SECRET_REFUSED}
    assert about_secret == {4, 5}
    assert set(CONNACKS) == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 6, 255])
def test_every_number_is_explained(code: int) -> None:
    """With a cure and steps, also one that MQTT does not have."""
    advice = connack(code).advice
    assert all((advice.meaning, advice.cure, advice.explanation, advice.steps, advice.then))
    assert (connack(code) is UNKNOWN) == (code not in CONNACKS)
