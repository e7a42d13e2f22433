"""What a proxy is asked, and what is said of one that refuses."""

from __future__ import annotations

import base64

import pytest

from iot_onboard.core.failures import Cause
from iot_onboard.core.http_reader import AnswerCutOff, InvalidAnswer
from iot_onboard.core.proxy import ProxyAddress, authorization, connect_request, destination, proxy_failure, refusal
from iot_onboard.core.secret import Secret

PROXY = ProxyAddress(host="proxy.example", port=3128)


def test_who_has_no_name_says_none() -> None:
    """No header at all."""
    assert authorization(PROXY) == {}


@pytest.mark.parametrize("password", ["p:w", "pä€", None])
def test_user_and_password(password: str | None) -> None:
    """In base64 of UTF-8; a password may hold the sign that parts the two, or be missing."""
    secret = Secret(password) if password else None
    header = authorization(ProxyAddress(host="h", port=1, username="u", password=secret))
    scheme, token = header["Proxy-Authorization"].split()
    assert (scheme, base64.b64decode(token).decode()) == ("Basic", f"u:{password or ''}")


@pytest.mark.parametrize(
    ("host", "named"), [("x.example", "x.example"), ("2001:db8::1", "[2001:db8::1]"), ("[::1]", "[::1]")]
)
def test_an_address_of_ipv6_has_brackets(host: str, named: str) -> None:
    """Once, and no other name has."""
    assert destination(host) == named


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (OSError("Tunnel connection failed: 407 who?"), "Tunnel connection failed: 407 who?"),
        (UnicodeError("label too long"), "not a host name"),
        (OSError(), "no reason given"),
        (ValueError("embedded null byte"), "not a host name"),
        (AnswerCutOff(), "it ended the connection"),
        (InvalidAnswer("more than 64 kB"), "it answered more than 64 kB"),
        (InvalidAnswer("with rubbish", b"\x1b[2Jx"), "[2Jx: it answered with rubbish"),
        (OSError("a\x1b[2J\nb" + "c" * 500), "a[2Jb" + "c" * 115),
    ],
    ids=["refused", "tunnel", "name", "nothing", "no-name", "cut-off", "meaningless", "not-http", "strange"],
)
def test_a_failure_names_the_proxy(error: Exception, reason: str) -> None:
    """Its own words come from outside: short, printable, and without the password."""
    proxy = ProxyAddress(host="proxy.example", port=3128, username="u", password=Secret("hunter2"))
    failure = proxy_failure(proxy, error)
    assert failure.cause is Cause.PROXY
    assert failure.detail.startswith("no connection through the proxy proxy.example port 3128: ")
    assert failure.detail.endswith(f": {reason}")
    assert "hunter2" not in repr((failure, proxy))


def test_what_asks_for_a_tunnel() -> None:
    """One request with nothing behind it (RFC 9110, 9.3.6)."""
    proxy = ProxyAddress(host="h", port=1, username="u", password=Secret("p"))
    assert connect_request(proxy, "::1", 443) == (
        b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
    )
    with pytest.raises(UnicodeError):
        connect_request(PROXY, "caf\u00e9", 443)


def test_a_refusal_shows_what_can_be_shown() -> None:
    """The number, and the proxy's own words."""
    assert refusal(407, b"Who \xff?") == "Tunnel connection failed: 407 Who \ufffd?"
    assert refusal(502, b"") == "Tunnel connection failed: 502"


@pytest.mark.parametrize("padding", ["", "x" * 100, "x" * 117])
def test_a_password_that_a_proxy_says_back_is_covered(padding: str) -> None:
    """In plain or in base64, also where the cut would fall into it."""
    proxy = ProxyAddress(host="h", port=1, username="u", password=Secret("hunter2hunter2"))
    token = authorization(proxy)["Proxy-Authorization"]
    for said in (b"hunter2hunter2", token.encode(), b"hunter2%68unter2"):
        for error in (OSError(refusal(407, padding.encode() + said)), InvalidAnswer("x", padding.encode() + said)):
            detail = proxy_failure(proxy, error).detail
            assert "hunt" not in detail
            assert "aHVudGVy" not in detail
            assert token[-8:] not in detail
