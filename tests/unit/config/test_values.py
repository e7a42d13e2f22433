"""Single values: taken as they are, or refused with a reason and what helps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.aliyun.names import product_key_problem
from iot_onboard.aliyun.signing import SignMethod
from iot_onboard.config import values
from iot_onboard.config.device_name import template_problem
from iot_onboard.config.values import Bad
from iot_onboard.core.proxy import ProxyAddress
from iot_onboard.core.secret import Secret

PRODUCT_KEY = values.unless(product_key_problem)
DEVICE_NAME = values.unless(template_problem)
REGION = values.matching(r"[a-z]+(-[a-z]+)*", "a region")
LEVEL = values.one_of("debug", "info", "warning")
PORT = values.between(1, 65535)
TIMEOUT_S = values.between(1, 120, whole=False)
READERS = [
    values.text, PRODUCT_KEY, DEVICE_NAME, values.path, values.sign_method, values.boolean, values.https,
    values.proxy, REGION, LEVEL, PORT, TIMEOUT_S,
]  # fmt: skip


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (values.text, "", ""),
        (PRODUCT_KEY, "a1b2c3d4e5f", "a1b2c3d4e5f"),
        (DEVICE_NAME, "gw-{serial}", "gw-{serial}"),
        (values.path, "/etc/x", Path("/etc/x")),
        (values.sign_method, "hmacmd5", SignMethod.HMACMD5),
        (values.boolean, False, False),
        (values.https, "https://h:8443/x", "https://h:8443/x"),
        (values.https, "https://[::1]/", "https://[::1]/"),
        (values.proxy, "http://h", ProxyAddress(host="h", port=3128, username=None, password=None)),
        (
            values.proxy,
            "http://u%40x:p%23w@[::1]:1/",
            ProxyAddress(host="::1", port=1, username="u@x", password=Secret("p#w")),
        ),
        (REGION, "cn-shanghai", "cn-shanghai"),
        (LEVEL, "info", "info"),
        (PORT, 1, 1),
        (PORT, 65535, 65535),
        (TIMEOUT_S, 2.5, 2.5),
        (TIMEOUT_S, 120, 120),
    ],
)
def test_what_is_taken(read: Callable[[Any], Any], value: object, expected: object) -> None:
    """In its type, up to its bounds."""
    assert read(value) == expected


@pytest.mark.parametrize(
    ("read", "value", "problem", "hint"),
    [
        (values.text, 12, "is a number, must be text", "put it in quotes"),
        (values.text, date(2026, 11, 1), "is a date, must be text", "put it in quotes"),
        (values.text, ["a"], "is a list, must be text", ""),
        (values.text, None, "is of an unknown kind, must be text", "put it in quotes"),
        (PRODUCT_KEY, "a-b", "may hold letters and digits only", ""),
        (DEVICE_NAME, "gw-{seral}", "{seral} is not a placeholder", ""),
        (values.path, "ca.pem", "must be an absolute path", ""),
        (values.path, "/a\0b", "must be an absolute path", ""),
        (values.sign_method, "HMACSHA1", "must be one of hmacmd5, hmacsha1", "did you mean hmacsha1?"),
        (values.boolean, "no", "is text, must be true or false", ""),
        (values.https, "http://h/", "must be an address that starts with https://", "there is no switch"),
        (values.https, "https://a..b/", "does not name a host", ""),
        (values.https, "https://u@h/", "must not hold a user name or a password", ""),
        (values.proxy, "http://h:0", "must not name port 0", ""),
        (REGION, "cn_shanghai", "is not a region", ""),
        (REGION, "cn-shanghai\n", "is not a region", ""),
        (LEVEL, "warn", "must be one of debug, info, warning", "did you mean warning?"),
        (LEVEL, "x", "must be one of debug, info, warning", ""),
        (PORT, 0, "must be from 1 to 65535", ""),
        (PORT, 65536, "must be from 1 to 65535", ""),
        (PORT, 1.0, "is a number, must be a whole number from 1 to 65535", ""),
        (PORT, True, "is true or false, must be a whole number", ""),
        (TIMEOUT_S, float("nan"), "must be from 1 to 120", ""),
        (TIMEOUT_S, "5", "is text, must be a number from 1 to 120", ""),
    ],
)
def test_what_is_refused(read: Callable[[Any], Any], value: object, problem: str, hint: str) -> None:
    """In words that say what it must be, with a hint where there is one."""
    with pytest.raises(Bad) as caught:
        read(value)
    assert str(caught.value).startswith(problem)
    assert hint in caught.value.hint
    assert bool(hint) == bool(caught.value.hint)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://u:hunter2@h:1", "https://u:hunter2@h:1", "http://u:hunter2@", "http://u:hunter2@h:99999",
        "http://u:hunter2@h:0", "http://u:hunter2@[h", "http://u:hunter2@h/path", "http://u:hunter2@h h:1",
        "u:hunter2@h:1", "http://u:hunter2@h:x", "socks5://u:hunter2@h",
        "http://u:hunter2#@h:1", "http://u:hunter2\u00e9@h:1", "http://u:hunter2@h_\u0131:1",
    ],
)  # fmt: skip
def test_a_bad_proxy_keeps_its_password(url: str) -> None:
    """Neither the problem nor what it came from holds anything of the value."""
    with pytest.raises(Bad) as caught:
        values.proxy(url)
    assert "hunter2" not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"


def test_a_good_proxy_keeps_its_password() -> None:
    """The record may be printed."""
    assert "hunter2" not in repr(values.proxy("http://u:hunter2@h"))


@pytest.mark.parametrize(
    "url",
    [
        "http://h/x",
        "h",
        "https:///x",
        "https://u:hunter2@h",
        "https://@h",
        "https://h h/x",
        "https://h/x\n",
        "https://h:99999",
    ],
)
def test_registration_is_https(url: str) -> None:
    """No switch turns TLS off, and what is reached is what is written."""
    with pytest.raises(Bad) as caught:
        values.https(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "is empty"),
        ("hunter2 hunter2", "does not hold a secret"),
        ("hunter2\n", "does not hold a secret"),
        ("hunter2\x1b[31m", "does not hold a secret"),
        ("hunter2\u00e9", "does not hold a secret"),
        ("h" * (values.MAX_SECRET_CHARACTERS + 1), "does not hold a secret"),
    ],
    ids=map(str, range(6)),
)
def test_what_is_no_secret(value: str, problem: str) -> None:
    """It is refused before the platform refuses a signature, and none of it is echoed."""
    with pytest.raises(Bad, match=problem) as caught:
        values.secret(value)
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_a_secret() -> None:
    """As long as it may be, and masked from here on."""
    found = values.secret("h" * values.MAX_SECRET_CHARACTERS)
    assert found == Secret("h" * values.MAX_SECRET_CHARACTERS)
    assert "hhh" not in str(found)


@pytest.mark.parametrize("data", [b"hunter2", b"hunter2\n", b"hunter2\r\n", b"\nhunter2\n\n"])
def test_a_secret_out_of_a_file(data: bytes) -> None:
    """Its line ends are not part of it."""
    assert values.secret_in(data).reveal() == "hunter2"


@pytest.mark.parametrize(
    "data",
    [b"hunter2\xff", b"\xef\xbb\xbfhunter2", b"hunter2 ", b"hunter2" + b"\n" * values.MAX_SECRET_BYTES],
    ids=["binary", "mark", "blank", "too much"],
)
def test_a_file_that_holds_something_else(data: bytes) -> None:
    """Bytes that are no text, blanks, and one that is too long though its beginning looks like a secret."""
    with pytest.raises(Bad, match="does not hold a secret"):
        values.secret_in(data)


@given(
    st.sampled_from(READERS),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.integers()),
)
def test_any_value_is_read_or_refused(read: Callable[[Any], Any], value: object) -> None:
    """Nothing but `Bad` comes out, and it is one line."""
    try:
        read(value)
    except Bad as bad:
        assert str(bad).isprintable()  # noqa: PT017 - either outcome is right
