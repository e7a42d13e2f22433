"""Other servers than the sandbox: a raw-packet fake for hard cases, and mosquitto as an independent broker."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from support.gateway.clocks import wrong_clock
from support.gateway.gateway import Gateway
from support.gateway.stored import DEVICE, point
from support.platform.fakebroker import FakeBroker
from support.platform.fakeproxy import FakeProxy
from support.platform.mosquitto import mosquitto
from support.platform.sandbox import Sandbox, wait_for
from support.platform.tlsserver import certificates

# CPython issue 116810.
FREES_SESSIONS = sys.version_info >= (3, 13, 1)


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("connack 1", "CONNACK 1"),
        ("connack 2", "CONNACK 2"),
        ("connack 3", "CONNACK 3"),
        ("connack 4", "Login refused, CONNACK 4"),
        ("connack 5", "Login refused, CONNACK 5"),
        ("drop", "closed the connection"),
        ("rubbish", "Connection lost"),
    ],
)
def test_what_a_server_may_answer(gateway: Gateway, word: str, words: str) -> None:
    """Every CONNACK number, a close before it and rubbish after it lead to a wait that says why."""
    with FakeBroker(word) as broker:
        point(gateway, broker.port, broker.ca_file)
        gateway.start()
        gateway.wait_for_line(words)
        gateway.wait_for_state("waiting")
        assert gateway.stop() == 0


@pytest.mark.realtime
@pytest.mark.parametrize(("word", "words"), [("mute", "did not answer the login"), ("mute-handshake", "TLS handshake")])
def test_a_mute_server_is_given_up_after_ten_seconds(gateway: Gateway, word: str, words: str) -> None:
    """Neither a mute handshake nor a missing CONNACK holds the gateway, and SIGTERM is heard meanwhile."""
    with FakeBroker(word) as broker:
        point(gateway, broker.port, broker.ca_file)
        began = time.monotonic()
        gateway.start()
        gateway.wait_for_line(words)
        logged = time.monotonic()
        assert began + 10.0 <= logged <= broker.accepts[0] + 13.0
        assert gateway.stop_time_s() <= 0.5


@pytest.mark.realtime
@pytest.mark.skipif(not FREES_SESSIONS, reason="this Python does not free sessions: tests/system has one that does")
def test_a_session_of_tls_is_resumed_after_a_login_that_was_accepted(gateway: Gateway) -> None:
    """Lost some time after the CONNACK: the next connection resumes. Refused: the one after that does not."""
    with FakeBroker("leave", "connack 3", "connack 0") as broker:
        point(gateway, broker.port, broker.ca_file)
        gateway.start()
        wait_for(lambda: len(broker.resumed) == 3, "three logins", 60)
        assert broker.resumed == [False, True, False]


@pytest.mark.realtime
@pytest.mark.skipif(not FREES_SESSIONS, reason="this Python does not free sessions: tests/system has one that does")
def test_a_session_of_tls_is_for_the_next_dial_alone(gateway: Gateway) -> None:
    """Where that one fails, also before it reaches the server, the one after it shakes hands anew."""
    with FakeBroker("leave", "connack 0") as broker, FakeProxy() as proxy:
        point(gateway, broker.port, broker.ca_file)
        gateway.config.write_text(gateway.config.read_text() + f"proxy: http://127.0.0.1:{proxy.port}\n")
        gateway.start()
        wait_for(lambda: broker.connects, "the first login")
        proxy.says = b"HTTP/1.1 503 Busy\r\n\r\n"
        wait_for(lambda: len(proxy.asked) == 2, "a dial that the proxy refuses")
        proxy.says = None
        wait_for(lambda: len(broker.resumed) == 2, "the second login", 60)
        assert broker.resumed == [False, False]


@pytest.mark.realtime
@pytest.mark.skipif(FREES_SESSIONS, reason="this Python frees sessions")
def test_no_session_of_tls_is_kept_where_it_would_stay_for_good(gateway: Gateway) -> None:
    """Each connection shakes hands anew."""
    with FakeBroker("leave", "connack 0") as broker:
        point(gateway, broker.port, broker.ca_file)
        gateway.start()
        wait_for(lambda: len(broker.resumed) == 2, "two logins", 60)
        assert broker.resumed == [False, False]


def test_a_server_of_a_foreign_authority_is_refused(gateway: Gateway) -> None:
    """TLS is verified: no CONNECT is sent."""
    with FakeBroker("connack 0") as broker:
        point(gateway, broker.port, certificates("foreign")[0])
        gateway.start()
        gateway.wait_for_line("is not accepted")
        assert broker.connects == []


def test_a_wrong_clock_waits_for_the_clock(gateway: Gateway) -> None:
    """In 1970 no certificate is valid yet: the line speaks of the clock."""
    with FakeBroker("connack 0") as broker:
        point(gateway, broker.port, broker.ca_file)
        gateway.environment |= wrong_clock("1990-01-01 00:00:00") | {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        gateway.start()
        gateway.wait_for_line("Waiting for the clock")


def test_mosquitto_takes_the_login(gateway: Gateway, tmp_path: Path) -> None:
    """An independent broker with a password file lets the daemon in: the login is a constant."""
    with mosquitto(tmp_path, DEVICE) as (port, ca_file):
        point(gateway, port, ca_file)
        gateway.online().wait_for_line("tags reported")


def test_a_given_secret_needs_no_registration(sandbox: Sandbox, gateway: Gateway, tmp_path: Path) -> None:
    """With device_secret_file nothing is registered or stored."""
    gateway.configure(sandbox)
    gateway.command("register")
    secret = tmp_path / "device-secret"
    secret.write_text(json.loads(gateway.credentials.read_text())["device_secret"] + "\n")
    secret.chmod(0o600)
    gateway.credentials.unlink()
    gateway.config.write_text(gateway.config.read_text() + f"device_secret_file: {secret}\n")
    gateway.online()
    assert not gateway.credentials.exists()
    assert len(sandbox.seen("register")) == 1
