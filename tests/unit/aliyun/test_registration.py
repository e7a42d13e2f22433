"""Every answer to a registration: the good one, the documented refusals, and rubbish."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.aliyun.codes import PLATFORM_FAULTS, REJECTIONS
from iot_onboard.aliyun.registration import credentials_of, registration_request
from iot_onboard.aliyun.signing import SignMethod
from iot_onboard.core.failures import Cause, Failure, OnboardError, Rejected, Throttled, Transient
from iot_onboard.core.http import HttpAnswer
from iot_onboard.core.identity import Identity
from iot_onboard.core.secret import KnownSecrets, Secret

IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw-0001")
NOW = datetime(2026, 11, 24, tzinfo=UTC)
SECRET = "0123456789abcdefGHIJ"


def success(**changes: Any) -> dict[str, Any]:
    data = {"productKey": "a1b2c3d4e5f", "deviceName": "gw-0001", "deviceSecret": SECRET}
    return {"code": 200, "message": "success", "data": {**data, **changes}}


def answer(value: Any, status: int = 200, retry_after_s: float | None = None) -> HttpAnswer:
    return HttpAnswer(status=status, body=json.dumps(value).encode(), retry_after_s=retry_after_s)


def refusal(given_answer: HttpAnswer) -> Failure:
    with pytest.raises(OnboardError) as caught:
        credentials_of(given_answer, IDENTITY, NOW)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.failure)
    return caught.value.failure


def test_the_request() -> None:
    """The form holds the five documented fields, signed, with the nonce that was given."""
    request = registration_request(
        url="https://x/", identity=IDENTITY, product_secret=Secret("p"), method=SignMethod.HMACSHA1, nonce="n1"
    )
    form = dict(request.form)
    assert set(form) == {"deviceName", "productKey", "random", "signMethod", "sign"}
    assert (form["random"], form["signMethod"], len(form["sign"])) == ("n1", "hmacsha1", 40)


@pytest.mark.parametrize("code", [200, "200"])
def test_success(code: object) -> None:
    """A secret comes out, whether the code is a number or a numeric string."""
    got = credentials_of(answer({**success(), "code": code}), IDENTITY, NOW)
    assert (got.device_secret.reveal(), got.issued_at) == (SECRET, NOW)


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("code", sorted(REJECTIONS))
def test_refusals_name_the_cure(code: str, status: int) -> None:
    """Whatever the HTTP status, the JSON code decides."""
    failure = refusal(answer({"code": int(code), "message": "m"}, status))
    assert isinstance(failure, Rejected)
    assert failure.code == code
    assert failure.cure


@pytest.mark.parametrize("code", sorted(PLATFORM_FAULTS))
def test_platform_faults_are_waited_out(code: str) -> None:
    """A fault of the platform is transient."""
    assert isinstance(refusal(answer({"code": code})), Transient)


def test_throttling() -> None:
    """429 in the JSON or as HTTP status is obeyed, with the server's own wish."""
    assert refusal(answer({"code": 429}, retry_after_s=7.0)) == Throttled(
        detail="the platform asks the gateway to slow down (code 429)", retry_after_s=7.0, code="429"
    )
    assert isinstance(refusal(HttpAnswer(status=429, body=b"<html>", retry_after_s=None)), Throttled)
    assert isinstance(refusal(HttpAnswer(status=503, body=b"", retry_after_s=3.0)), Throttled)


def test_an_unknown_code_is_slow_and_shown() -> None:
    """Nobody knows what it means: wait, slowly, and say the code."""
    failure = refusal(answer({"code": 9999, "message": "strange\nthing"}))
    assert isinstance(failure, Transient)
    assert (failure.cause, failure.code, failure.slow) == (Cause.UNKNOWN_CODE, "9999", True)
    assert "\n" not in failure.detail


@pytest.mark.parametrize(
    "body",
    [
        b"<html>please log in</html>",
        b"[]",
        b"null",
        b'"x"',
        b"",
        b"\xff\xfe",
        b'{"code":200}',
        b'{"code":200,"data":[]}',
        b'{"code":true}',
        b'{"code":{}}',
        b"[" * 100_000,
        json.dumps(success(deviceName="gw-0002")).encode(),
        json.dumps(success(productKey="other")).encode(),
        json.dumps(success(deviceSecret="")).encode(),
        json.dumps(success(deviceSecret="a b")).encode(),
        json.dumps(success(deviceSecret="x" * 65)).encode(),
        json.dumps(success(deviceSecret=5)).encode(),
        json.dumps(success()).encode()[:-20],
    ],
)
def test_rubbish_is_transient(body: bytes) -> None:
    """An answer that makes no sense is waited out: a portal or proxy may be talking."""
    assert isinstance(refusal(HttpAnswer(status=200, body=body)), Transient)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
envelopes = st.fixed_dictionaries({}, optional={"code": json_values, "message": json_values, "data": json_values})


@given(st.binary(max_size=300) | envelopes.map(lambda v: json.dumps(v).encode()), st.integers(100, 599))
def test_any_bytes_give_credentials_or_a_documented_error(body: bytes, status: int) -> None:
    """Nothing but `OnboardError` comes out of the parser."""
    with suppress(OnboardError):
        assert credentials_of(HttpAnswer(status=status, body=body), IDENTITY, NOW).identity == IDENTITY


def test_what_the_platform_says_back_is_covered() -> None:
    """Secrets that we know, and one that it gives beside its refusal."""
    known = KnownSecrets(Secret("pr0ductPR0DUCT"))
    envelope = {"code": 9999, "message": "no pr0ductPR0DUCT, no n3wN3WN3W\x1b", "data": {"deviceSecret": "n3wN3WN3W"}}
    with pytest.raises(OnboardError) as caught:
        credentials_of(answer(envelope), IDENTITY, NOW, known)
    assert "no [secret], no [secret] (code 9999)" in caught.value.failure.detail


@pytest.mark.parametrize(
    "body",
    [
        b'{"code":200,"code":6600}',
        b'{"code":200,"data":{"productKey":"a","productKey":"a1b2c3d4e5f"}}',
        b"[" * 65_000,
        b'{"code":200,"data":' + b'{"a":' * 10_000,
        b"9" * 65_000,
        b'{"code":' + b"9" * 65_000 + b"}",
        b"\xff\xfe",
        b'{"code":1e999}',
        b'{"code":NaN}',
        b'{"code":[200]}',
        b'{"code":true}',
    ],
    ids=lambda body: repr(body[:30]),
)
def test_json_that_no_platform_sends(body: bytes) -> None:
    """Names that occur twice, nesting without an end, numbers of any size: an answer that makes no sense."""
    failure = refusal(HttpAnswer(status=200, body=body))
    assert isinstance(failure, Transient)
    assert (failure.cause, failure.slow) == (Cause.ANSWER, True)


@pytest.mark.parametrize("given", ["\ud800abcd", "x" * 1000, "", 5, None, ["a"], "s3cr3ts3cr3t"])
def test_whatever_stands_beside_a_refusal(given: object) -> None:
    """It is covered where it may be a secret, and costs nothing otherwise."""
    failure = refusal(answer({"code": 9999, "message": "\ud800a s3cr3ts3cr3t", "data": {"deviceSecret": given}}))
    assert failure.detail.isprintable()
    assert ("s3cr3t" in failure.detail) == (given != "s3cr3ts3cr3t")
