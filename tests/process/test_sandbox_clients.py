"""The sandbox as a process, judged by clients that share no code with the daemon."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import queue
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import paho.mqtt.client as mqtt
import pytest

from support.sandbox import Sandbox, wait_for

enums = pytest.importorskip(
    "paho.mqtt.enums", reason="the independent client is Paho 2; `make paho1` is for the daemon"
)
PK = "a1b2c3d4e5f"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("platform") / "sandbox") as running:
        running.add_product(PK)
        yield running


@pytest.fixture
def name(platform: Sandbox, request: pytest.FixtureRequest) -> str:
    """A device of this test alone."""
    digest = hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    platform.add_device(PK, digest)
    return digest


def context(sandbox: Sandbox) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(sandbox.ca_file))
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    return made


def ask(sandbox: Sandbox, body: str, host: str = "127.0.0.1") -> tuple[http.client.HTTPResponse, bytes]:
    client = http.client.HTTPSConnection(host, sandbox.https_port, context=context(sandbox), timeout=5)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        client.request("POST", "/auth/register/device", body, headers)
        answer = client.getresponse()
        return answer, answer.read()
    finally:
        client.close()


def form(sandbox: Sandbox, name: str, **changes: str) -> str:
    key = (sandbox.directory / "products" / f"{PK}.secret").read_bytes().strip()
    sign = hmac.new(key, f"deviceName{name}productKey{PK}random123".encode(), "sha256").hexdigest()
    fields = {"productKey": PK, "deviceName": name, "random": "123", "signMethod": "hmacsha256", "sign": sign}
    return urlencode({**fields, **changes})


def register(sandbox: Sandbox, name: str, **changes: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ask(sandbox, form(sandbox, name, **changes))[1])
    return found


def secret_of(sandbox: Sandbox, name: str) -> str:
    return str(register(sandbox, name)["data"]["deviceSecret"])


class Client:
    """One Paho connection."""

    def __init__(self, sandbox: Sandbox, name: str, secret: str, *, keepalive_s: int = 60, clean: bool = True) -> None:
        text = f"clientId{PK}.{name}deviceName{name}productKey{PK}"
        self.paho = mqtt.Client(
            enums.CallbackAPIVersion.VERSION2,
            client_id=f"{PK}.{name}|securemode=2,signmethod=hmacsha256|",
            clean_session=clean,
            reconnect_on_failure=False,
        )
        self.paho.username_pw_set(f"{name}&{PK}", hmac.new(secret.encode(), text.encode(), "sha256").hexdigest())
        self.paho.tls_set_context(context(sandbox))
        self._codes: queue.Queue[int] = queue.Queue()
        self._ends: queue.Queue[bool] = queue.Queue()
        self.messages: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
        self.paho.on_connect = lambda _c, _u, _f, reason, _p: self._codes.put(reason.value)
        self.paho.on_disconnect = lambda *_: self._ends.put(True)
        self.paho.on_message = lambda _c, _u, message: self.messages.put(message)
        self._port, self._keepalive_s = sandbox.mqtt_port, keepalive_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()

    def code(self) -> int:
        """Connect; return the CONNACK number as Paho 2 tells it."""
        self.paho.connect("127.0.0.1", self._port, self._keepalive_s)
        self.paho.loop_start()
        return self._codes.get(timeout=5)

    def online(self) -> Self:
        assert self.code() == 0
        return self

    def ended(self, seconds: float = 5.0) -> bool:
        return self._ends.get(timeout=seconds)


def login(sandbox: Sandbox, name: str, secret: str, **options: Any) -> int:
    with Client(sandbox, name, secret, **options) as client:
        return client.code()


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


def test_the_last_secret_wins_until_the_first_login(platform: Sandbox, name: str) -> None:
    """Each answer voids the one before; a login activates; then 6289, until ResetThing."""
    first, last = secret_of(platform, name), secret_of(platform, name)
    assert first != last
    assert login(platform, name, first) == 134
    assert login(platform, name, last) == 0
    assert register(platform, name)["code"] == 6289
    assert login(platform, name, last) == 0
    platform.command("reset", PK, name)
    assert login(platform, name, last) == 134
    assert login(platform, name, secret_of(platform, name)) == 0


def test_reset_does_not_kick_and_activate_gives_the_secret_away(platform: Sandbox, name: str) -> None:
    """ResetThing leaves a connection; `activate` leaves neither registration nor the old secret."""
    secret = secret_of(platform, name)
    with Client(platform, name, secret) as client:
        client.online()
        platform.command("reset", PK, name)
        sent = client.paho.publish(f"/{PK}/{name}/user/x", "1", qos=1)
        sent.wait_for_publish(2)
        assert sent.is_published()
        assert platform.device(PK, name)["online"]
    platform.command("activate", PK, name)
    assert register(platform, name)["code"] == 6289
    assert login(platform, name, secret) == 134


@pytest.mark.parametrize("command", ["disable", "delete", "kick"])
def test_operator_ends_a_connection(platform: Sandbox, name: str, command: str) -> None:
    """It is ended when the command returns; disabled and deleted devices stay out with CONNACK 5."""
    secret = secret_of(platform, name)
    with Client(platform, name, secret) as client:
        client.online()
        platform.command(command, PK, name)
        assert client.ended(1)
    assert login(platform, name, secret) == (0 if command == "kick" else 135)
    if command == "disable":
        platform.command("enable", PK, name)
        assert login(platform, name, secret) == 0


def test_a_newer_login_kicks_the_older(platform: Sandbox, name: str) -> None:
    """One connection an identity: the newer stays and works."""
    secret = secret_of(platform, name)
    with Client(platform, name, secret) as older, Client(platform, name, secret) as newer:
        older.online()
        newer.online()
        assert older.ended()
        sent = newer.paho.publish(f"/{PK}/{name}/user/x", "1", qos=1)
        sent.wait_for_publish(2)
        assert sent.is_published()
        row = platform.device(PK, name)
        assert (row["online"], row["connects"], row["kicked"]) == (True, 2, 1)


def test_the_sixth_connect_in_a_minute_is_refused(platform: Sandbox, name: str) -> None:
    """Five, refused ones too; the sixth gets 2, and another device is not touched."""
    secret = secret_of(platform, name)
    assert [login(platform, name, secret if turn % 2 else "wrong") for turn in range(5)] == [134, 0, 134, 0, 134]
    assert login(platform, name, secret) == 133
    platform.add_device(PK, f"{name}-too")
    assert login(platform, f"{name}-too", secret_of(platform, f"{name}-too")) == 0
    row = platform.device(PK, name)
    assert (row["connects"], row["refused"]) == (2, 4)


@pytest.mark.parametrize(("keepalive_s", "code"), [(29, 133), (30, 0), (1200, 0), (1201, 133)])
def test_keepalive_bounds(platform: Sandbox, name: str, keepalive_s: int, code: int) -> None:
    """30 to 1200 s, and the journal tells the CONNECT's facts."""
    assert login(platform, name, secret_of(platform, name), keepalive_s=keepalive_s, clean=False) == code
    row = next(row for row in platform.seen("connect") if row["device_name"] == name)
    assert (row["keepalive_s"], row["clean_session"], row["code"]) == (keepalive_s, False, code and 2)
    assert row["client_id"] == f"{PK}.{name}|securemode=2,signmethod=hmacsha256|"


def test_a_will_is_refused(platform: Sandbox, name: str) -> None:
    """The platform knows no will."""
    with Client(platform, name, secret_of(platform, name)) as client:
        client.paho.will_set("/a", "b")
        assert client.code() == 133


@pytest.mark.parametrize("what", ["publish", "subscribe", "large"])
def test_what_is_refused_ends_the_session(platform: Sandbox, name: str, what: str) -> None:
    """QoS 2 either way and more than 256 KB: the platform hangs up, and the journal says why."""
    topic = f"/{PK}/{name}/user/x"
    with Client(platform, name, secret_of(platform, name)) as client:
        client.online()
        if what == "publish":
            client.paho.publish(topic, "1", qos=2)
        elif what == "subscribe":
            client.paho.subscribe(topic, qos=2)
        else:
            client.paho.publish(topic, b"x" * 262_145, qos=1)
        assert client.ended()
    assert [row["device_name"] for row in platform.seen("refused")].count(name) == 1


def test_a_message_goes_round(platform: Sandbox, name: str) -> None:
    """256 KB at QoS 1, through mosquitto, back to its sender; the journal has topic, size and payload."""
    topic = f"/{PK}/{name}/user/x"
    with Client(platform, name, secret_of(platform, name)) as client:
        client.online()
        client.paho.subscribe(topic, qos=1)
        for payload in (b"hello", b"x" * 262_144):
            client.paho.publish(topic, payload, qos=1).wait_for_publish(5)
            assert client.messages.get(timeout=5).payload == payload
    seen = [row for row in platform.seen("publish") if row["topic"] == topic]
    assert [(row["size"], row["qos"], row["payload"][:5]) for row in seen] == [(5, 1, "hello"), (262_144, 1, "xxxxx")]


def test_what_is_over_the_pace_is_dropped_without_an_error(platform: Sandbox, name: str) -> None:
    """Of a burst some are dropped, and every QoS 1 message is acknowledged all the same."""
    topic = f"/{PK}/{name}/user/x"
    with Client(platform, name, secret_of(platform, name)) as client:
        client.online()
        sent = [client.paho.publish(topic, "1", qos=1) for _ in range(15)]
        for _ in range(40):
            client.paho.publish(topic, "0", qos=0)
        for message in sent:
            message.wait_for_publish(5)
        mine = wait_for(lambda: complete(platform, topic), "all 55 messages")
    through = [row["payload"] for row in mine if row["what"] == "publish"]
    assert 10 <= through.count("1") < 15
    assert 30 <= through.count("0") < 40


def complete(sandbox: Sandbox, topic: str) -> list[dict[str, Any]]:
    rows = [row for row in sandbox.seen() if row["what"] in {"publish", "over-pace"} and row["topic"] == topic]
    return rows if len(rows) == 55 else []


def test_it_survives_restarts(tmp_path: Path) -> None:
    """Secrets, activation, CA, ports and unfetched QoS 1 messages outlive a stop, and SIGKILL with its broker."""
    topic = f"/{PK}/gw-0001/user/x"
    with Sandbox(tmp_path / ("deep" * 20) / "sandbox") as sandbox:
        sandbox.add(PK, "gw-0001")
        sandbox.add_device(PK, "gw-0002")
        secret, other = secret_of(sandbox, "gw-0001"), secret_of(sandbox, "gw-0002")
        ca, ports = sandbox.ca_file.read_bytes(), (sandbox.https_port, sandbox.mqtt_port)
        with Client(sandbox, "gw-0001", secret, clean=False) as client:
            client.online().paho.subscribe(topic, qos=1)
            wait_for(lambda: sandbox.seen("subscribe"), "the subscription")
        for stop in (sandbox.stop, sandbox.kill):
            with Client(sandbox, "gw-0002", other) as sender:
                sender.online().paho.publish(topic, "kept", qos=1).wait_for_publish(5)
            stop()
            sandbox.start()
            assert (sandbox.ca_file.read_bytes(), (sandbox.https_port, sandbox.mqtt_port)) == (ca, ports)
            assert register(sandbox, "gw-0001")["code"] == 6289
            with Client(sandbox, "gw-0001", secret, clean=False) as client:
                assert client.online().messages.get(timeout=5).payload == b"kept"


def test_it_ends_at_once_and_leaves_nobody(tmp_path: Path) -> None:
    """SIGTERM with a connection open: gone within a second; SIGKILL takes mosquitto along."""
    with Sandbox(tmp_path / "sandbox") as sandbox:
        sandbox.add(PK, "gw-0001")
        with Client(sandbox, "gw-0001", secret_of(sandbox, "gw-0001")) as client:
            client.online()
            began = time.monotonic()
            sandbox.stop()
            assert time.monotonic() - began < 1.0
            assert client.ended()
        sandbox.start()
        children = Path(f"/proc/{sandbox.pid}/task/{sandbox.pid}/children").read_text().split()
        assert len(children) == 1
        sandbox.kill()
        wait_for(lambda: not Path(f"/proc/{children[0]}").exists(), "mosquitto's end")


def test_an_outage_drops_and_refuses(tmp_path: Path) -> None:
    """Connections end, new ones are closed before a handshake, one leg can be out alone, and 0 seconds end it."""
    with Sandbox(tmp_path / "sandbox") as sandbox:
        sandbox.add(PK, "gw-0001")
        secret = secret_of(sandbox, "gw-0001")
        with Client(sandbox, "gw-0001", secret) as client:
            client.online()
            sandbox.command("outage", "--seconds", "60", "--leg", "mqtt")
            assert client.ended(1)
        with socket.create_connection(("127.0.0.1", sandbox.mqtt_port), 2) as raw:
            assert raw.recv(1) == b""
        assert register(sandbox, "gw-0001")["code"] == 6289
        sandbox.command("outage", "--seconds", "60")
        with pytest.raises(OSError, match=r"."):
            register(sandbox, "gw-0001")
        sandbox.command("outage", "--seconds", "0")
        assert register(sandbox, "gw-0001")["code"] == 6289
        assert login(sandbox, "gw-0001", secret) == 0


def test_throttle(tmp_path: Path) -> None:
    """Code 429, with Retry-After as HTTP 429 on request, and CONNACK 3; then it is over."""
    with Sandbox(tmp_path / "sandbox") as sandbox:
        sandbox.add(PK, "gw-0001")
        secret = secret_of(sandbox, "gw-0001")
        sandbox.command("throttle", "--seconds", "60")
        answer, body = ask(sandbox, form(sandbox, "gw-0001"))
        assert (answer.status, json.loads(body)["code"]) == (200, 429)
        assert login(sandbox, "gw-0001", secret) == 136
        sandbox.command("throttle", "--seconds", "60", "--retry-after", "7")
        answer, body = ask(sandbox, form(sandbox, "gw-0001"))
        assert (answer.status, answer.headers["Retry-After"], json.loads(body)["code"]) == (429, "7", 429)
        sandbox.command("throttle", "--seconds", "0")
        assert login(sandbox, "gw-0001", secret) == 0


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
        assert sandbox.device(PK, "gw-0001")["registrations"] == 3
        assert len(sandbox.seen("register")) == sandbox.listing()["counters"]["registration_requests"] == 5


def test_who_may_read_what(platform: Sandbox) -> None:
    """Keys, secrets and the database are 0600; the CA is public; the ready file tells where to go."""
    for path in ("ca.key", "server.pem", "sandbox.sqlite", f"products/{PK}.secret"):
        assert (platform.directory / path).stat().st_mode & 0o777 == 0o600
    facts = json.loads((platform.directory / "sandbox.json").read_text())
    assert facts == {
        "https_port": platform.https_port,
        "mqtt_port": platform.mqtt_port,
        "ca_file": str(platform.ca_file),
        "pid": platform.pid,
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("device", "add", PK, "abc"),
        ("device", "add", "unknown", "gw-0001"),
        ("product", "add", "no such key"),
        ("kick", PK, "nobody-here"),
        ("answer", "nonsense"),
        ("serve", "--name", "*.example.org"),
        ("serve",),
    ],
)
def test_mistakes_are_answered_with_a_sentence(platform: Sandbox, arguments: tuple[str, ...]) -> None:
    """Not 0, no traceback; nor does a second server share a directory."""
    done = platform.try_command(*arguments)
    assert done.returncode in {1, 2}
    assert "iot-sandbox" in done.stderr
    assert "Traceback" not in done.stderr


def test_old_suites_need_the_switch(platform: Sandbox, tmp_path: Path) -> None:
    """RSA key exchange of TLS 1.2 is refused, and served with --old-tls."""
    with Sandbox(tmp_path / "sandbox", "--old-tls") as old:
        for sandbox in (old, platform):
            client = context(sandbox)
            client.maximum_version = ssl.TLSVersion.TLSv1_2
            client.set_ciphers("AES128-SHA:@SECLEVEL=1")
            with socket.create_connection(("127.0.0.1", sandbox.mqtt_port), 5) as raw:
                if sandbox is old:
                    client.wrap_socket(raw, server_hostname="localhost").close()
                else:
                    with pytest.raises(ssl.SSLError):
                        client.wrap_socket(raw, server_hostname="localhost")
