"""What the doctor sees of the platform's hosts, on real sockets; it never registers and never logs in."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from iot_onboard.doctor.checks import endpoints, reach, tls
from iot_onboard.doctor.model import Finding, Level
from iot_onboard.doctor.probes.anchors import CONFIGURED, SHIPPED, SYSTEM
from iot_onboard.doctor.probes.endpoints import MQTT_SILENCE, REGISTRATION_ANSWER
from iot_onboard.doctor.probes.reach import MQTT_REACH, PROXY_WAY, REGISTRATION_REACH
from iot_onboard.doctor.probes.tls import MQTT_TLS, REGISTRATION_TLS
from support.platform.deaf import deaf
from support.platform.fakeproxy import FakeProxy
from support.platform.sandbox import wait_for
from support.platform.tlsserver import TlsServer, certificates
from support.process.probing import bring

PORTAL = b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/login\r\nContent-Length: 0\r\n\r\n"


def configured(directory: Path, *, https: int = 9, mqtt: int = 9, ca_file: Path | None = None, extra: str = "") -> Path:
    config = directory / "config.yaml"
    config.write_text(
        "product_key: a1b2c3d4e5f\ndevice_name: gw-0001\n"
        f"registration: {{url: 'https://localhost:{https}/auth/register/device'}}\n"
        f"mqtt: {{host: localhost, port: {mqtt}}}\n"
        f"tls: {{ca_file: {ca_file or certificates('ours')[0]}}}\n{extra}"
    )
    return config


@contextlib.contextmanager
def plain(answer: bytes) -> Iterator[int]:
    """Speak plain text to whoever comes, as a captive portal does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                # A client that goes away at once ends its own connection only.
                with connection, contextlib.suppress(OSError):
                    connection.recv(4096)
                    connection.sendall(answer)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(4096)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def shaken(directory: Path, server: TlsServer, ca_file: Path | None = None) -> Finding:
    with server:
        config = configured(directory, https=server.port, ca_file=ca_file)
        facts = bring(REGISTRATION_TLS, config)
    return tls.handshake(facts)


def test_a_handshake_that_verifies(tmp_path: Path) -> None:
    """The version and the certificate that was shown, for both hosts."""
    with TlsServer(lasts=timedelta(days=100)) as server:
        config = configured(tmp_path, https=server.port, mqtt=server.port, ca_file=server.ca_file)
        for probe in (REGISTRATION_TLS, MQTT_TLS):
            facts = bring(probe, config)
            assert facts.cause is None
            assert "TLSv1.3, certificate verified" in tls.handshake(facts).sentence
            assert "a certificate of iot-sandbox by iot-sandbox CA" in tls.lasting(facts).sentence
            assert "99 days are left" in tls.lasting(facts).sentence
    assert server.names_asked == ["localhost", "localhost"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_foreign_certificate_is_shown_and_not_believed(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """Whoever stands in between is named, in either version of TLS."""
    server = TlsServer(authority="somebody")
    server.context.minimum_version = server.context.maximum_version = version
    finding = shaken(tmp_path, server, certificates("ours")[0])
    assert finding.level is Level.FAIL
    assert "not accepted" in finding.sentence
    assert "It was shown a certificate of iot-sandbox by iot-sandbox CA, valid from" in finding.sentence


def test_an_expired_certificate(tmp_path: Path) -> None:
    """Its dates stand in the sentence, our clock in the fix."""
    server = TlsServer(lasts=timedelta(hours=-1))
    finding = shaken(tmp_path, server, server.ca_file)
    assert "expired" in finding.sentence
    assert "set the clock, which says" in finding.fix


def test_a_certificate_for_another_host(tmp_path: Path) -> None:
    """The names that it is for are said."""
    server = TlsServer(names=("portal.example",))
    finding = shaken(tmp_path, server, server.ca_file)
    assert "mismatch" in finding.sentence
    assert "portal.example" in finding.fix


def test_a_captive_portal(tmp_path: Path) -> None:
    """Where plain HTTP answers, its first line and where it leads to are told."""
    with plain(PORTAL) as port:
        finding = tls.handshake(bring(REGISTRATION_TLS, configured(tmp_path, https=port)))
    assert "HTTP 302 Found, to http://portal.example/login" in finding.sentence
    assert "captive portal" in finding.fix


def test_nothing_is_asked_in_plain_text_of_the_mqtt_host(tmp_path: Path) -> None:
    """A handshake that fails there is told, and that is all."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(4096))
                connection.sendall(PORTAL)
            listener.settimeout(1)
            with contextlib.suppress(TimeoutError):
                listener.accept()[0].close()
                heard.append(b"came back")

        thread = threading.Thread(target=serve)
        thread.start()
        finding = tls.handshake(bring(MQTT_TLS, configured(tmp_path, mqtt=listener.getsockname()[1])))
        thread.join()
    assert finding.level is Level.FAIL
    assert [data[:1] for data in heard] == [b"\x16"]


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


def test_ports(tmp_path: Path) -> None:
    """Answering, refusing and deaf ones are told apart; a deaf one takes less than the limit."""
    with TlsServer() as server, deaf() as silent:
        facts = bring(REGISTRATION_REACH, configured(tmp_path, https=server.port))
        assert reach.direct(facts).level is Level.OK
        facts = bring(MQTT_REACH, configured(tmp_path, mqtt=silent))
        assert "127.0.0.1 timed out" in reach.direct(facts).sentence
    facts = bring(MQTT_REACH, configured(tmp_path, mqtt=silent))
    assert "127.0.0.1 connection refused" in reach.direct(facts).sentence


def test_through_a_proxy(tmp_path: Path) -> None:
    """The tunnel is made as the daemon makes it; a wrong password is told, and shown nowhere."""
    with TlsServer() as server, FakeProxy("gw", "hunter2") as proxy:
        extra = f"proxy: http://gw:hunter2@127.0.0.1:{proxy.port}\n"
        config = configured(tmp_path, https=server.port, mqtt=server.port, ca_file=server.ca_file, extra=extra)
        assert reach.proxy(bring(PROXY_WAY, config)).level is Level.OK
        assert reach.tunnel(bring(REGISTRATION_REACH, config)).level is Level.OK
        assert reach.direct(bring(MQTT_REACH, config)).level is Level.SKIPPED
        assert tls.handshake(bring(MQTT_TLS, config)).level is Level.OK
        config.write_text(config.read_text().replace("hunter2", "hunter3"))
        facts = bring(REGISTRATION_REACH, config)
        finding = reach.tunnel(facts)
    assert finding.level is Level.FAIL
    assert "407" in finding.sentence
    assert "hunter" not in f"{facts}{finding}"
    assert reach.proxy(bring(PROXY_WAY, config)).level is Level.FAIL


def test_the_anchors(tmp_path: Path) -> None:
    """The shipped root is the vendor's, the system's store has roots, and tls.ca_file is read as the daemon does."""
    config = configured(tmp_path)
    assert tls.shipped(bring(SHIPPED, config)).level is Level.OK
    assert len(bring(SYSTEM, config).anchors) > 50
    assert "iot-sandbox CA ends on" in tls.configured(bring(CONFIGURED, config)).sentence
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n")
    finding = tls.configured(bring(CONFIGURED, configured(tmp_path, ca_file=rubbish)))
    assert (finding.level, "PEM" in finding.fix) == (Level.FAIL, True)
    leaf = tmp_path / "leaf.pem"
    leaf.write_text(certificates("ours")[1].read_text())
    assert tls.configured(bring(CONFIGURED, configured(tmp_path, ca_file=leaf))).level is Level.WARN
