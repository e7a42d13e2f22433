"""What the sandbox answers over HTTPS, judged by a client that is not ours."""

from __future__ import annotations

import hashlib
import http.client
import json
from pathlib import Path

import pytest

from support.platform.client import PK, ask, fields, form, login, register, secret_of
from support.platform.sandbox import Sandbox


def test_registration_answers_compactly(platform: Sandbox, name: str) -> None:
    """The answer is compact JSON with the names asked for, and its secret is the one on record."""
    answer, body = ask(platform, form(platform, name), "localhost")
    value = json.loads(body)
    assert answer.status == 200
    assert body == json.dumps(value, separators=(",", ":")).encode()
    assert (value["code"], value["message"]) == (200, "success")
    assert {**value["data"], "deviceSecret": ""} == {"productKey": PK, "deviceName": name, "deviceSecret": ""}
    digest = hashlib.sha256(value["data"]["deviceSecret"].encode()).hexdigest()
    row = platform.device(PK, name)
    assert (row["secret_sha256"], row["activated"], row["registrations"]) == (digest, False, 1)
    assert value["data"]["deviceSecret"] not in platform.command("list", "--json")


def test_registration_refusals(platform: Sandbox, name: str) -> None:
    """Each refusal is HTTP 200 with its code and no data, and leaves the device as it was."""
    cases = {
        460: {"random": ""},
        6250: {"productKey": "unknown"},
        6292: {"signMethod": "plain"},
        6600: {"sign": "0" * 64},
    }
    for code, changes in cases.items():
        answer = register(platform, name, **changes)
        assert (answer["code"], "data" in answer) == (code, False)
    assert register(platform, "nobody-here")["code"] == 6100
    assert json.loads(ask(platform, '{"productKey":"x"}')[1])["code"] == 460
    platform.command("disable", PK, name)
    assert register(platform, name)["code"] == 6204
    platform.command("enable", PK, name)
    platform.command("product", "add", PK, "--no-dynamic-registration")
    try:
        assert register(platform, name)["code"] == 6288
    finally:
        platform.command("product", "add", PK)
    assert platform.device(PK, name)["secret_sha256"] is None
    codes = [row["code"] for row in platform.seen("register") if row["device_name"] == name]
    assert codes == [460, 6250, 6292, 6600, 6204, 6288]


@pytest.mark.parametrize("method", ["HmacMD5", "hmacsha1", "HMACSHA256"])
def test_registration_signatures(platform: Sandbox, name: str, method: str) -> None:
    """Each method, whatever its case and the signature's, and a body without percent-encoding."""
    signed = fields(platform, name, method)
    body = "&".join(f"{key}={value}" for key, value in {**signed, "sign": signed["sign"].upper()}.items())
    assert json.loads(ask(platform, body)[1])["code"] == 200


def test_the_last_secret_wins_until_the_first_login(platform: Sandbox, name: str) -> None:
    """Each answer voids the one before; a login activates; then 6289, until ResetThing."""
    first, last = secret_of(platform, name), secret_of(platform, name)
    assert first != last
    assert login(platform, name, first) == 4
    assert login(platform, name, last) == 0
    assert register(platform, name)["code"] == 6289
    assert login(platform, name, last) == 0
    platform.command("reset", PK, name)
    assert login(platform, name, last) == 4
    assert login(platform, name, secret_of(platform, name)) == 0


def test_strange_answers_are_what_they_say(tmp_path: Path) -> None:
    """A refusal that was ordered makes no new secret; a spoilt answer comes after one was made."""
    with Sandbox(tmp_path / "sandbox") as sandbox:
        sandbox.add(PK, "gw-0001")
        secret = secret_of(sandbox, "gw-0001")
        sandbox.command("answer", "code:6203")
        assert register(sandbox, "gw-0001")["code"] == 6203
        sandbox.command("answer", "captive-portal")
        answer, body = ask(sandbox, form(sandbox, "gw-0001"))
        assert (answer.headers["Content-Type"], body[:6]) == ("text/html", b"<html>")
        assert login(sandbox, "gw-0001", secret) == 0
        sandbox.command("reset", PK, "gw-0001")
        sandbox.command("answer", "code-string")
        assert register(sandbox, "gw-0001")["code"] == "200"
        sandbox.command("answer", "cut-off")
        with pytest.raises(http.client.IncompleteRead):
            register(sandbox, "gw-0001")
        sandbox.command("answer", "reset")
        # Several releases of Python read a reset inside TLS as an end.
        with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
            register(sandbox, "gw-0001")
        assert sandbox.device(PK, "gw-0001")["registrations"] == 4
        assert len(sandbox.seen("register")) == sandbox.listing()["counters"]["registration_requests"] == 6


def test_throttle(tmp_path: Path) -> None:
    """Code 429, with Retry-After as HTTP 429 on request, and CONNACK 3; then it is over."""
    with Sandbox(tmp_path / "sandbox") as sandbox:
        sandbox.add(PK, "gw-0001")
        secret = secret_of(sandbox, "gw-0001")
        sandbox.command("throttle", "--seconds", "60")
        answer, body = ask(sandbox, form(sandbox, "gw-0001"))
        assert (answer.status, json.loads(body)["code"]) == (200, 429)
        assert login(sandbox, "gw-0001", secret) == 3
        sandbox.command("throttle", "--seconds", "60", "--retry-after", "7")
        answer, body = ask(sandbox, form(sandbox, "gw-0001"))
        assert (answer.status, answer.headers["Retry-After"], json.loads(body)["code"]) == (429, "7", 429)
        sandbox.command("throttle", "--seconds", "0")
        assert login(sandbox, "gw-0001", secret) == 0
