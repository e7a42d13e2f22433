"""A credentials file gives back what went in, or says that it is damaged."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.disk.credentials_format import MAX_BYTES, Damaged, NewerFormat, decode, encode

IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw:1@x.y")
GOOD = encode(Credentials(identity=IDENTITY, device_secret=Secret("theDeviceSecret")))

identities = st.builds(
    Identity,
    product_key=st.from_regex(re.compile(r"[A-Za-z0-9]{1,20}", re.ASCII), fullmatch=True),
    device_name=st.from_regex(re.compile(r"[A-Za-z0-9\-_@.:]{4,32}", re.ASCII), fullmatch=True),
)
all_credentials = st.builds(
    Credentials,
    identity=identities,
    device_secret=st.builds(Secret, st.text(min_size=1, max_size=64)),
    issued_at=st.none() | st.datetimes(timezones=st.just(UTC)),
)


@given(all_credentials)
def test_round_trip(credentials: Credentials) -> None:
    """Whatever is written is read back the same."""
    assert decode(encode(credentials), credentials.identity) == credentials


def test_the_file_holds_the_promised_names() -> None:
    """The format is number 1, with its six names, and the time in UTC wherever the gateway is."""
    issued_at = datetime(2026, 1, 2, 8, tzinfo=timezone(timedelta(hours=8)))
    record = json.loads(encode(Credentials(identity=IDENTITY, device_secret=Secret("s"), issued_at=issued_at)))
    checksum = record.pop("sha256")
    assert re.fullmatch("[0-9a-f]{64}", checksum)
    assert record == {
        "format": 1,
        "product_key": "a1b2c3d4e5f",
        "device_name": "gw:1@x.y",
        "device_secret": "s",
        "issued_at": "2026-01-02T00:00:00+00:00",
    }


@given(st.integers(0, len(GOOD) * 8 - 1))
def test_a_flipped_bit_never_changes_the_secret(bit: int) -> None:
    """One flipped bit is found, or it was in the blanks between the words."""
    data = bytearray(GOOD)
    data[bit // 8] ^= 1 << bit % 8
    with suppress(Damaged):
        assert decode(bytes(data), IDENTITY) == decode(GOOD, IDENTITY)


@given(st.integers(0, len(GOOD) - 3))
def test_a_truncated_file_is_damaged(length: int) -> None:
    """However much is missing, it is not taken for a secret."""
    with pytest.raises(Damaged):
        decode(GOOD[:length], IDENTITY)


@given(
    st.binary(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["format", "sha256", "device_secret"]), inner),
    ).map(lambda value: json.dumps(value).encode())
)
def test_garbage_is_damaged(data: bytes) -> None:
    """Whatever the bytes are, `Damaged` is the only exception."""
    with pytest.raises(Damaged):
        decode(data, IDENTITY)


@pytest.mark.parametrize("depth", [500, 900, 990, 1000, 5000, 30_000])
def test_deep_nesting_is_damaged(depth: int) -> None:
    """A file that is all brackets does not exhaust the stack."""
    with pytest.raises(Damaged):
        decode(b'{"format": 1, "x": ' + b"[" * depth + b"]" * depth + b"}", IDENTITY)


def test_a_large_file_is_damaged() -> None:
    """More than 64 kB is no credentials file, even where a good one begins it."""
    with pytest.raises(Damaged, match="too large"):
        decode(GOOD + b" " * MAX_BYTES, IDENTITY)


@given(identities)
def test_another_device_s_file_is_damaged(other: Identity) -> None:
    """A file copied from another gateway is not used."""
    with pytest.raises(Damaged, match="of another device"):
        decode(encode(Credentials(identity=other, device_secret=Secret("s"))), IDENTITY)


@pytest.mark.parametrize("data", [GOOD[:-40], GOOD.replace(b"Device", b"device"), b"theDeviceSecret"])
def test_an_exception_tells_no_secret(data: bytes) -> None:
    """Neither the message nor a chained exception holds what the file holds."""
    with pytest.raises(Damaged) as caught:
        decode(data, IDENTITY)
    assert "theDeviceSecret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def written(**changes: object) -> bytes:
    """Write a file as a version of another day might, by the rules of docs/decisions/0006."""
    record = {name: value for name, value in {**json.loads(GOOD), **changes}.items() if value is not ABSENT}
    del record["sha256"]
    checksum = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    return json.dumps({**record, "sha256": checksum}).encode()


ABSENT = object()


@pytest.mark.parametrize("number", [2, 3, 10**6])
def test_a_newer_format_is_read_as_far_as_it_goes(number: int) -> None:
    """With the names in their places and others beside them it gives the secret."""
    data = written(format=number, instance={"id": "iot-060a0abc"}, more=[1, 2])
    assert decode(data, IDENTITY) == decode(GOOD, IDENTITY)


@pytest.mark.parametrize("changes", [{"device_secret": ABSENT}, {"device_secret": ["x"]}, {"issued_at": 1}])
def test_a_newer_format_without_them_is_not_damaged(changes: dict[str, object]) -> None:
    """It is whole, and a later version can read it; of format 1 the same is damage."""
    with pytest.raises(NewerFormat, match="in format 2, which a newer iot-onboard has written"):
        decode(written(format=2, **changes), IDENTITY)
    with pytest.raises(Damaged):
        decode(written(format=1, **changes), IDENTITY)


@pytest.mark.parametrize(
    "data",
    [
        written(format=2).replace(b"theDeviceSecret", b"TheDeviceSecret"),
        written(format=2, product_key="another"),
        written(format=0),
        written(format=-1),
        written(format=True),
        written(format=2.0),
        written(format="2"),
        written(format=ABSENT),
    ],
    ids=["checksum", "another-device", "zero", "negative", "true", "float", "text", "absent"],
)
def test_what_is_damage_in_any_format(data: bytes) -> None:
    """A newer number excuses nothing else."""
    with pytest.raises(Damaged):
        decode(data, IDENTITY)
