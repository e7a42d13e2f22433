"""The way to the MQTT host is taken while the first registration is under way, by the whole daemon."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.gateway.gateway import PRODUCT_KEY, Gateway
from support.platform.fakebroker import FakeBroker
from support.platform.sandbox import wait_for
from support.platform.tlsserver import TlsServer


class Registration(TlsServer):
    """Answer each registration once `answer` is set: with a secret, or with a code."""

    def __init__(self, device_name: str) -> None:
        super().__init__(self._speak)
        self.code = 200
        self.asked: list[float] = []
        self.answer = threading.Event()
        names = {"productKey": PRODUCT_KEY, "deviceName": device_name, "deviceSecret": "s3cret" * 5}
        self._data = names

    def _speak(self, connection: ssl.SSLSocket) -> None:
        request = b""
        while b"signMethod" not in request:
            request += connection.recv(65536)
        self.asked.append(time.monotonic())
        self.answer.wait(60)
        answer = {"code": self.code, "message": "so"} | ({"data": self._data} if self.code == 200 else {})
        body = json.dumps(answer, separators=(",", ":")).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


class Broker(FakeBroker):
    """Say which connections still stand, and which secret was on disk at the CONNECT."""

    def __init__(self, credentials: Path) -> None:
        super().__init__("mute")
        self.standing = self.ended = 0
        self.durable: list[bool] = []
        # With the first connection.
        self.patience_s: float | None = None
        self._credentials = credentials

    def _follow(self, connection: ssl.SSLSocket, _: str) -> None:
        self.standing += 1
        connection.settimeout(self.patience_s if len(self.accepts) == 1 else None)
        try:
            first = connection.recv(4096)
            if first:
                self.durable.append(self._credentials.exists())
                connection.sendall(bytes((0x20, 2, 0, 0)))
            while first and connection.recv(4096):
                pass
        finally:
            self.standing -= 1
            self.ended += 1


@pytest.fixture
def broker(gateway: Gateway) -> Iterator[Broker]:
    with Broker(gateway.credentials) as served:
        yield served


@pytest.fixture
def registration(gateway: Gateway, broker: Broker) -> Iterator[Registration]:
    gateway.product_secret.write_text("pr0duct-secret")
    gateway.product_secret.chmod(0o600)
    with Registration(gateway.device_name) as served:
        url = f"https://127.0.0.1:{served.port}/auth/register/device"
        gateway.write_config(url, broker.port, served.ca_file)
        gateway.config.write_text(gateway.config.read_text().replace("timeout_s: 2", "timeout_s: 30"))
        yield served
        served.answer.set()


def under_way(gateway: Gateway, broker: Broker, registration: Registration) -> None:
    """Start, and wait until both legs stand."""
    gateway.start()
    wait_for(lambda: registration.asked, "the registration")
    wait_for(lambda: broker.standing == 1, "the connection to the MQTT host")


def test_the_mqtt_host_is_reached_before_the_registration_is_answered(
    gateway: Gateway, broker: Broker, registration: Registration
) -> None:
    """And CONNECT goes out on that connection, once the secret is on disk."""
    under_way(gateway, broker, registration)
    assert broker.durable == []
    registration.answer.set()
    gateway.wait_for_state("online")
    assert broker.durable == [True]
    assert len(broker.accepts) == 1
    assert gateway.stop() == 0


@pytest.mark.realtime
def test_a_refused_registration_leaves_no_connection(
    gateway: Gateway, broker: Broker, registration: Registration
) -> None:
    """What was dialled is closed without a word, and the next attempt dials nothing ahead."""
    registration.code = 500
    under_way(gateway, broker, registration)
    registration.answer.set()
    wait_for(lambda: broker.standing == 0, "the end of the connection")
    wait_for(lambda: len(registration.asked) == 2, "the next attempt", 30)
    wait_for(lambda: gateway.status().get("attempt") == 2, "its failure")
    assert gateway.stop() == 0
    assert len(broker.accepts) == 1
    assert broker.durable == []


@pytest.mark.realtime
def test_a_connection_that_grew_old_is_not_used(gateway: Gateway, broker: Broker, registration: Registration) -> None:
    """A registration that takes longer than a server waits for CONNECT: the login dials anew."""
    under_way(gateway, broker, registration)
    wait_for(lambda: broker.standing == 0, "the end of the connection that nobody took", 10)
    registration.answer.set()
    gateway.wait_for_state("online")
    assert broker.durable == [True]
    assert len(broker.accepts) == 2
    assert gateway.stop() == 0


def test_a_server_without_patience(gateway: Gateway, broker: Broker, registration: Registration) -> None:
    """It closes what says nothing: the login dials anew, and nothing is told of it."""
    broker.patience_s = 0.2
    gateway.start()
    wait_for(lambda: len(broker.accepts) == 1, "the connection to the MQTT host")
    wait_for(lambda: registration.asked, "the registration")
    wait_for(lambda: broker.ended == 1, "the end of the connection")
    registration.answer.set()
    gateway.wait_for_state("online")
    assert len(broker.accepts) == 2
    assert "lost" not in gateway.lines()
    assert "Cannot connect" not in gateway.lines()


def test_sigterm_while_both_are_under_way(gateway: Gateway, broker: Broker, registration: Registration) -> None:
    """Gone within half a second, and no CONNECT was sent."""
    under_way(gateway, broker, registration)
    assert gateway.stop_time_s() <= 0.5
    broker.join()
    assert broker.durable == []


def test_an_mqtt_host_that_cannot_be_reached(gateway: Gateway, registration: Registration) -> None:
    """The dial ahead fails silently; what the operator hears is the real one's."""
    with TlsServer() as gone:
        pass
    url = f"https://127.0.0.1:{registration.port}/auth/register/device"
    gateway.write_config(url, gone.port, registration.ca_file)
    gateway.start()
    wait_for(lambda: registration.asked, "the registration")
    registration.answer.set()
    gateway.wait_for_line("Cannot connect")
    lines = gateway.lines().splitlines()
    stored = next(number for number, line in enumerate(lines) if "Connecting to" in line)
    assert all("refused" not in line for line in lines[:stored])
    assert gateway.credentials.exists()


def test_register_dials_nothing(gateway: Gateway, broker: Broker, registration: Registration) -> None:
    """The command for production lines has no use for the MQTT host."""
    registration.answer.set()
    assert gateway.command("register").returncode == 0
    assert broker.accepts == []
