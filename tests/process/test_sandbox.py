"""The sandbox, by clients that are not ours: http.client and plain Paho."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import paho.mqtt.client as mqtt
import pytest

from iot_sandbox import rules
from support.sandbox import Sandbox, wait_for

PK, DN = "a1b2c3d4e5f", "gw-0001"


def register(sandbox: Sandbox, secret: str, encode: Callable[[Any], str] = urlencode) -> dict[str, Any]:
    fields = {"productKey": PK, "deviceName": DN, "random": "r1"}
    form = {**fields, "signMethod": "HmacMD5", "sign": rules.signature("hmacmd5", secret, fields).upper()}
    context = ssl.create_default_context(cafile=str(sandbox.ca_file))
    connection = http.client.HTTPSConnection("localhost", sandbox.https_port, context=context, timeout=10)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/auth/register/device", encode(form), headers)
    answer: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return answer


class Client:
    """A plain Paho client with a loop of its own."""

    def __init__(self, sandbox: Sandbox, secret: str, *, keepalive: int = 60, will: bool = False) -> None:
        signed = {"clientId": "c1", "deviceName": DN, "productKey": PK}
        options: dict[str, Any] = {"client_id": "c1|securemode=2,signmethod=hmacsha1|", "reconnect_on_failure": False}
        if hasattr(mqtt, "CallbackAPIVersion"):
            options["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION2
        self.client = mqtt.Client(**options)
        self.client.username_pw_set(f"{DN}&{PK}", rules.signature("hmacsha1", secret, signed))
        self.client.tls_set(str(sandbox.ca_file))
        if will:
            self.client.will_set("/x/y", b"gone")
        self.codes: list[int] = []
        self.gone: list[bool] = []
        self.heard: list[tuple[str, bytes]] = []
        self.client.on_connect = lambda *words: self.codes.append(int(getattr(words[3], "value", words[3])))
        self.client.on_disconnect = lambda *_: self.gone.append(True)
        self.client.on_message = lambda *words: self.heard.append((words[2].topic, words[2].payload))
        self.client.connect("localhost", sandbox.mqtt_port, keepalive)
        self.client.loop_start()

    def code(self) -> int:
        wait_for(lambda: bool(self.codes), "CONNACK")
        return {133: 2, 136: 3, 134: 4, 135: 5}.get(self.codes[0], self.codes[0])

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def product_secret(sandbox: Sandbox) -> str:
    return sandbox.add(PK, DN).read_text().strip()


def test_the_life_of_a_device(sandbox: Sandbox, product_secret: str) -> None:
    """Registration repeats until the first login, the last secret wins; then 6289, until ResetThing."""
    first = register(sandbox, product_secret)["data"]["deviceSecret"]
    second = register(sandbox, product_secret, lambda form: "&".join(f"{k}={v}" for k, v in form.items()))
    secret = second["data"]["deviceSecret"]
    assert first != secret
    stale, valid = Client(sandbox, first), Client(sandbox, secret)
    assert (stale.code(), valid.code()) == (4, 0)
    stale.close()
    valid.close()
    assert register(sandbox, product_secret)["code"] == 6289
    sandbox.command("reset", PK, DN)
    assert register(sandbox, product_secret)["code"] == 200


def test_it_survives_a_restart(sandbox: Sandbox, product_secret: str) -> None:
    """Devices, products, secrets and the CA are as before."""
    secret = register(sandbox, product_secret)["data"]["deviceSecret"]
    ca = sandbox.ca_file.read_bytes()
    sandbox.stop()
    sandbox.start()
    client = Client(sandbox, secret)
    assert (client.code(), sandbox.ca_file.read_bytes()) == (0, ca)
    client.close()


def test_messages_go_through_the_broker(sandbox: Sandbox, product_secret: str) -> None:
    """What is published at QoS 1 comes back to a subscriber."""
    client = Client(sandbox, register(sandbox, product_secret)["data"]["deviceSecret"])
    assert client.code() == 0
    client.client.subscribe(f"/{PK}/{DN}/user/get", 1)
    client.client.publish(f"/{PK}/{DN}/user/get", b"hello", 1)
    wait_for(lambda: client.heard == [(f"/{PK}/{DN}/user/get", b"hello")], "the message")
    client.close()


def test_a_newer_login_ends_the_older(sandbox: Sandbox, product_secret: str) -> None:
    """One connection an identity."""
    secret = register(sandbox, product_secret)["data"]["deviceSecret"]
    older = Client(sandbox, secret)
    assert older.code() == 0
    newer = Client(sandbox, secret)
    assert newer.code() == 0
    wait_for(lambda: bool(older.gone), "the end of the older connection")
    assert not newer.gone
    newer.close()
    older.close()


@pytest.mark.parametrize("breach", ["keepalive", "will", "qos2", "large", "disable", "delete", "kick", "outage"])
def test_breaches_and_orders_end_it(sandbox: Sandbox, product_secret: str, breach: str) -> None:
    """Rules that a client breaks refuse the login or end the connection, and so does the operator."""
    secret = register(sandbox, product_secret)["data"]["deviceSecret"]
    if breach in {"keepalive", "will"}:
        client = Client(sandbox, secret, keepalive=20 if breach == "keepalive" else 60, will=breach == "will")
        assert client.code() == 2
        client.close()
        return
    client = Client(sandbox, secret)
    assert client.code() == 0
    if breach == "qos2":
        client.client.publish(f"/{PK}/{DN}/user/x", b"x", 2)
    elif breach == "large":
        client.client.publish(f"/{PK}/{DN}/user/x", b"x" * 262_145, 1)
    elif breach == "outage":
        sandbox.command("outage", "--seconds", "5")
    else:
        sandbox.command(breach, PK, DN)
    wait_for(lambda: bool(client.gone), "the end of the connection")
    client.close()


def test_the_sixth_login_in_a_minute_is_refused(sandbox: Sandbox, product_secret: str) -> None:
    """Five connection requests a minute."""
    secret = register(sandbox, product_secret)["data"]["deviceSecret"]
    codes = []
    for _ in range(6):
        client = Client(sandbox, secret)
        codes.append(client.code())
        client.close()
    assert codes == [0, 0, 0, 0, 0, 2]


def test_what_is_over_the_pace_is_dropped_without_an_error(sandbox: Sandbox, product_secret: str) -> None:
    """Ten a second at QoS 1 arrive; the rest is acknowledged, and gone."""
    client = Client(sandbox, register(sandbox, product_secret)["data"]["deviceSecret"])
    assert client.code() == 0
    sent = [client.client.publish(f"/{PK}/{DN}/user/x", str(number).encode(), 1) for number in range(20)]
    for info in sent:
        info.wait_for_publish(10)
    assert 10 <= len(sandbox.seen("publish")) < 20
    client.close()


def test_throttling(sandbox: Sandbox, product_secret: str) -> None:
    """429 on one leg, CONNACK 3 on the other."""
    secret = register(sandbox, product_secret)["data"]["deviceSecret"]
    sandbox.command("throttle", "--seconds", "30")
    assert register(sandbox, product_secret)["code"] == 429
    client = Client(sandbox, secret)
    assert client.code() == 3
    client.close()


@pytest.mark.parametrize("switch", [(), ("--old-tls",)])
def test_old_suites_are_behind_a_switch(tmp_path: Path, switch: tuple[str, ...]) -> None:
    """TLS 1.2 with RSA key exchange, as the vendor's C client offers, works only where it was asked for."""
    with Sandbox(tmp_path / "old", *switch) as sandbox:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(sandbox.ca_file)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AES128-SHA:@SECLEVEL=0")
        for port in (sandbox.https_port, sandbox.mqtt_port):
            outcome = nullcontext() if switch else pytest.raises(ssl.SSLError)
            with socket.create_connection(("127.0.0.1", port), 5) as raw, outcome:
                context.wrap_socket(raw, server_hostname="localhost").close()
