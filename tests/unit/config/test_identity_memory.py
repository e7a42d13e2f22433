"""What a gateway remembers of its name is read back whole or not at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.config.identity_memory import Remembered, decode, encode

ONE = Remembered(
    product_key="a1b2c3d4e5f",
    device_name="gw-b827eb000001",
    template="gw-{mac:eth0}",
    board="10000000abcdef01",
    made_of=(("mac:eth0", "b827eb000001"),),
)
DATA = encode(ONE)


@given(st.none() | st.text(), st.lists(st.tuples(st.text(), st.text()), unique_by=lambda pair: pair[0]))
def test_it_comes_back(board: str | None, parts: list[tuple[str, str]]) -> None:
    """Whatever a board says of itself."""
    one = Remembered(product_key="a", device_name="gw-1", template="{hostname}", board=board, made_of=tuple(parts))
    assert decode(encode(one)) == one


@given(st.integers(min_value=0, max_value=len(DATA) - 1), st.integers(min_value=1, max_value=255))
def test_a_flipped_bit_makes_no_other_name(at: int, mask: int) -> None:
    """It is the same, or nothing."""
    assert decode(DATA[:at] + bytes([DATA[at] ^ mask]) + DATA[at + 1 :]) in {None, ONE}


@given(st.binary(max_size=200))
def test_rubbish_is_nothing(data: bytes) -> None:
    """Never an error: the gateway has to start."""
    assert decode(data) is None
    assert decode(DATA[: len(data)]) is None


@pytest.mark.parametrize(
    "change", [{"device_name": "x"}, {"product_key": "a b"}, {"template": None}, {"board": 7}, {"device_name": 1}]
)
def test_what_makes_no_sense_is_nothing(change: dict[str, object]) -> None:
    """Though its checksum is right."""
    from iot_onboard.config import identity_memory

    record = json.loads(DATA) | change
    del record["sha256"]
    assert decode(json.dumps({**record, "sha256": identity_memory._checksum(record)}).encode()) is None


def test_a_later_format_is_read_as_far_as_it_goes() -> None:
    """With more in it than is known here."""
    from iot_onboard.config import identity_memory

    record = json.loads(DATA) | {"format": 2, "more": [1]}
    del record["sha256"]
    assert decode(json.dumps({**record, "sha256": identity_memory._checksum(record)}).encode()) == ONE
