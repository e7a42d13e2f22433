"""What the platform takes as a name."""

from __future__ import annotations

import pytest

from iot_onboard.aliyun import names


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
