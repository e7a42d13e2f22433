"""Speak to the sandbox with `http.client` and plain Paho; nothing here shares code with the daemon or the sandbox."""

from __future__ import annotations

import hmac
import http.client
import json
import queue
import ssl
from typing import Any, Self
from urllib.parse import urlencode

import paho.mqtt.client as mqtt

from support.platform.sandbox import Sandbox

PK = "a1b2c3d4e5f"

# Paho 2 tells CONNACK 2 to 5 by the numbers of MQTT 5.
_CONNACK = {133: 2, 136: 3, 134: 4, 135: 5}


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


def fields(sandbox: Sandbox, name: str, method: str = "hmacsha256") -> dict[str, str]:
    key = (sandbox.directory / "products" / f"{PK}.secret").read_bytes().strip()
    sign = _signature(method, key, f"deviceName{name}productKey{PK}random123")
    return {"productKey": PK, "deviceName": name, "random": "123", "signMethod": method, "sign": sign}


def form(sandbox: Sandbox, name: str, **changes: str) -> str:
    return urlencode({**fields(sandbox, name), **changes})


def register(sandbox: Sandbox, name: str, **changes: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ask(sandbox, form(sandbox, name, **changes))[1])
    return found


def secret_of(sandbox: Sandbox, name: str) -> str:
    return str(register(sandbox, name)["data"]["deviceSecret"])


class Client:
    """One Paho connection, with either Paho."""

    def __init__(
        self,
        sandbox: Sandbox,
        name: str,
        secret: str,
        *,
        keepalive_s: int = 60,
        clean: bool = True,
        client_id: str | None = None,
        method: str = "hmacsha256",
    ) -> None:
        called = client_id or f"{PK}.{name}"
        options: dict[str, Any] = {"client_id": f"{called}|securemode=2,signmethod={method}|", "clean_session": clean}
        if hasattr(mqtt, "CallbackAPIVersion"):
            options["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION2
        self.paho = mqtt.Client(**options, reconnect_on_failure=False)
        password = _signature(method, secret.encode(), f"clientId{called}deviceName{name}productKey{PK}")
        self.paho.username_pw_set(f"{name}&{PK}", password)
        self.paho.tls_set_context(context(sandbox))
        self._codes: queue.Queue[int] = queue.Queue()
        self._granted: queue.Queue[list[int]] = queue.Queue()
        self._ends: queue.Queue[bool] = queue.Queue()
        self.messages: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
        self.paho.on_connect = lambda *words: self._codes.put(int(getattr(words[3], "value", words[3])))
        self.paho.on_subscribe = lambda *words: self._granted.put([int(getattr(c, "value", c)) for c in words[3]])
        self.paho.on_disconnect = lambda *_: self._ends.put(True)
        self.paho.on_message = lambda _c, _u, message: self.messages.put(message)
        self._port, self._keepalive_s = sandbox.mqtt_port, keepalive_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()

    def code(self) -> int:
        """Connect; return the CONNACK number as MQTT 3.1.1 has it."""
        self.paho.connect("127.0.0.1", self._port, self._keepalive_s)
        self.paho.loop_start()
        code = self._codes.get(timeout=5)
        return _CONNACK.get(code, code)

    def online(self) -> Self:
        assert self.code() == 0
        return self

    def subscribe(self, *topics: str) -> list[int]:
        """Subscribe at QoS 1, all in one packet; return what SUBACK says of each, 128 being a refusal."""
        self.paho.subscribe([(topic, 1) for topic in topics])
        return self._granted.get(timeout=5)

    def ended(self, seconds: float = 5.0) -> bool:
        return self._ends.get(timeout=seconds)


def login(sandbox: Sandbox, name: str, secret: str, **options: Any) -> int:
    """Connect once and return the CONNACK number."""
    with Client(sandbox, name, secret, **options) as client:
        return client.code()


def _signature(method: str, key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), method.lower().removeprefix("hmac")).hexdigest()
