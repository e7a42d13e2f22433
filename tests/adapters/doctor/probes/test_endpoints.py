"""What the doctor sees behind a handshake: it never registers and never logs in."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from iot_onboard.doctor.checks import endpoints
from iot_onboard.doctor.model import Level
from iot_onboard.doctor.probes.endpoints import MQTT_SILENCE, REGISTRATION_ANSWER
from support.gateway.examined import configured
from support.platform.sandbox import wait_for
from support.platform.tlsserver import TlsServer
from support.process.probing import bring


def test_the_registration_host_is_asked_for_nothing(tmp_path: Path) -> None:
    """A HEAD of `/`, and neither a POST nor the address of registration; the answer's clock is read."""
    heard: list[bytes] = []

    def answer(connection: ssl.SSLSocket) -> None:
        heard.append(connection.recv(4096))
        connection.sendall(
            b"HTTP/1.1 404 Not Found\r\nDate: Mon, 02 Nov 2026 10:00:00 GMT\r\nContent-Length: 9\r\n\r\n"
        )

    with TlsServer(answer) as server:
        facts = bring(REGISTRATION_ANSWER, configured(tmp_path, https=server.port, ca_file=server.ca_file))
    assert heard[0].startswith(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n")
    assert b"register" not in heard[0]
    assert endpoints.registration(facts).level is Level.OK
    assert facts.at is not None
    assert f"{facts.at:%Y-%m-%d %H:%M}" == "2026-11-02 10:00"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "does not speak HTTP"),
        (b"SSH-2.0-OpenSSH\r\n", "does not speak HTTP: BadStatusLine"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://p/\r\n\r\n", "leads elsewhere (HTTP 302, to http://p/)"),
        (b"HTTP/1.1 503 Unavailable\r\nDate: rubbish\r\n\r\n", "HTTP 503"),
    ],
    ids=["closes", "ssh", "redirect", "unavailable"],
)
def test_what_the_registration_host_may_say(tmp_path: Path, said: bytes, words: str) -> None:
    """Each is told in its own words."""

    def answer(connection: ssl.SSLSocket) -> None:
        connection.recv(4096)
        connection.sendall(said)

    with TlsServer(answer) as server:
        facts = bring(REGISTRATION_ANSWER, configured(tmp_path, https=server.port, ca_file=server.ca_file))
    assert words in endpoints.registration(facts).sentence
    assert facts.at is None


def test_the_mqtt_host_hears_nothing(tmp_path: Path) -> None:
    """Not a byte follows the handshake: what waits in silence may be an MQTT server."""
    heard: list[bytes] = []
    with TlsServer(lambda connection: heard.append(connection.recv(4096))) as server:
        facts = bring(MQTT_SILENCE, configured(tmp_path, mqtt=server.port, ca_file=server.ca_file))
        assert wait_for(lambda: heard, "the end of the connection") == [b""]
    assert endpoints.mqtt(facts).level is Level.OK


@pytest.mark.parametrize(("said", "words"), [(b"220 hello\r\n", "speaks first"), (b"", "asked: closed")])
def test_what_is_no_mqtt_server(tmp_path: Path, said: bytes, words: str) -> None:
    """It speaks or ends before anybody asked."""
    with TlsServer(lambda connection: connection.sendall(said)) as server:
        facts = bring(MQTT_SILENCE, configured(tmp_path, mqtt=server.port, ca_file=server.ca_file))
    assert words in endpoints.mqtt(facts).sentence
