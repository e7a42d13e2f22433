"""What the doctor sees of handshakes on real sockets, of certificates shown and believed, and of what answers."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.doctor.checks import tls
from iot_onboard.doctor.model import Finding, Level
from iot_onboard.doctor.probes.tls import (
    CA_FILE,
    MQTT_HANDSHAKE,
    MQTT_LISTEN,
    REGISTRATION_ANSWER,
    REGISTRATION_HANDSHAKE,
    ROOTS,
    decode,
    first_of,
)
from support.gateway.examined import configured
from support.platform.sandbox import wait_for
from support.platform.tlsserver import TlsServer, certificates
from support.process.probing import bring

PORTAL = b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/login\r\nContent-Length: 0\r\n\r\n"


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
        facts = bring(REGISTRATION_HANDSHAKE, config)
    return tls.handshake(facts)


def test_a_handshake_that_verifies(tmp_path: Path) -> None:
    """The version and the certificate that was shown, for both hosts."""
    with TlsServer(lasts=timedelta(days=100)) as server:
        config = configured(tmp_path, https=server.port, mqtt=server.port, ca_file=server.ca_file)
        for probe in (REGISTRATION_HANDSHAKE, MQTT_HANDSHAKE):
            facts = bring(probe, config)
            assert facts.cause is None
            assert "TLSv1.3, certificate verified" in tls.handshake(facts).sentence
            assert "a certificate for iot-sandbox by iot-sandbox CA" in str(tls.validity(facts))
            assert "It expires in 99 days" in str(tls.validity(facts))
    assert server.names_asked == ["localhost", "localhost"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_foreign_certificate_is_shown_and_not_believed(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """Whoever stands in between is named, in either version of TLS."""
    server = TlsServer(authority="somebody")
    server.context.minimum_version = server.context.maximum_version = version
    finding = shaken(tmp_path, server, certificates("ours")[0])
    assert finding.level is Level.FAIL
    assert "not accepted" in finding.sentence
    assert "The server has a certificate for iot-sandbox by iot-sandbox CA, valid from" in finding.sentence


@pytest.mark.parametrize("function", [None, lambda _: 1 / 0, lambda _: {}])
def test_a_python_that_reads_no_foreign_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: Callable[[str], object] | None
) -> None:
    """What Python keeps for its own tests may go away, or do anything: handshakes are judged without it."""
    if function is None:
        monkeypatch.delattr(ssl._ssl, "_test_decode_cert")  # type: ignore[attr-defined]
    else:
        monkeypatch.setattr(ssl._ssl, "_test_decode_cert", function)  # type: ignore[attr-defined]
    with TlsServer() as server:
        facts = bring(REGISTRATION_HANDSHAKE, configured(tmp_path, https=server.port, ca_file=server.ca_file))
    assert (tls.handshake(facts).level, tls.validity(facts)) == (Level.OK, None)
    finding = shaken(tmp_path, TlsServer(authority="somebody"), certificates("ours")[0])
    assert (finding.level, "not accepted" in finding.sentence, "shown" in finding.sentence) == (Level.FAIL, True, False)


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
        finding = tls.handshake(bring(REGISTRATION_HANDSHAKE, configured(tmp_path, https=port)))
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
        finding = tls.handshake(bring(MQTT_HANDSHAKE, configured(tmp_path, mqtt=listener.getsockname()[1])))
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
    assert tls.http_answer(facts).level is Level.OK
    assert facts.at is not None
    assert f"{facts.at:%Y-%m-%d %H:%M}" == "2026-11-02 10:00"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "does not answer HTTP"),
        (b"SSH-2.0-OpenSSH\r\n", "does not answer HTTP: it answers with something that is not HTTP"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://p/\r\n\r\n", "redirects (HTTP 302, to http://p/)"),
        (
            b"HTTP/1.1 302 x\r\nLocation: /caf\xe9\x1b[2J\xe2\x80\xae\r\n\r\n",
            "redirects (HTTP 302, to /caf\ufffd[2J)",
        ),
        (b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 1000, "it answers with more than 256 lines of headers"),
        (b"HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 99999999999 00:00:00 GMT\r\n\r\n", "answers (HTTP 200"),
        (b"HTTP/1.1 503 Unavailable\r\nDate: rubbish\r\n\r\n", "HTTP 503"),
    ],
    ids=["closes", "ssh", "redirect", "escapes", "many-lines", "mad-date", "unavailable"],
)
def test_what_the_registration_host_may_say(tmp_path: Path, said: bytes, words: str) -> None:
    """Each is told in its own words."""

    def answer(connection: ssl.SSLSocket) -> None:
        connection.recv(4096)
        connection.sendall(said)

    with TlsServer(answer) as server:
        facts = bring(REGISTRATION_ANSWER, configured(tmp_path, https=server.port, ca_file=server.ca_file))
    assert words in tls.http_answer(facts).sentence
    assert facts.at is None


def test_the_mqtt_host_hears_nothing(tmp_path: Path) -> None:
    """Not a byte follows the handshake: what waits in silence may be an MQTT server."""
    heard: list[bytes] = []
    with TlsServer(lambda connection: heard.append(connection.recv(4096))) as server:
        facts = bring(MQTT_LISTEN, configured(tmp_path, mqtt=server.port, ca_file=server.ca_file))
        assert wait_for(lambda: heard, "the end of the connection") == [b""]
    assert tls.mqtt_server(facts).level is Level.OK


@pytest.mark.parametrize(("said", "words"), [(b"220 hello\r\n", "sends data first"), (b"", "sent anything: closed")])
def test_what_is_no_mqtt_server(tmp_path: Path, said: bytes, words: str) -> None:
    """It speaks or ends before anybody asked."""
    with TlsServer(lambda connection: connection.sendall(said)) as server:
        facts = bring(MQTT_LISTEN, configured(tmp_path, mqtt=server.port, ca_file=server.ca_file))
    assert words in tls.mqtt_server(facts).sentence


def test_the_anchors(tmp_path: Path) -> None:
    """The shipped root is the vendor's, the system's store has roots, and tls.ca_file is read as the daemon does."""
    config = configured(tmp_path)
    roots = bring(ROOTS, config)
    assert tls.vendor_root(roots).level is Level.OK
    assert len(roots.system.anchors) > 50
    assert "iot-sandbox CA expires on" in tls.ca_file(bring(CA_FILE, config)).sentence
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n")
    finding = tls.ca_file(bring(CA_FILE, configured(tmp_path, ca_file=rubbish)))
    assert (finding.level, "PEM" in finding.fix) == (Level.FAIL, True)
    leaf = tmp_path / "leaf.pem"
    leaf.write_text(certificates("ours")[1].read_text())
    assert tls.ca_file(bring(CA_FILE, configured(tmp_path, ca_file=leaf))).level is Level.WARN


KEY = ec.generate_private_key(ec.SECP256R1())
LABEL = st.text([c for c in map(chr, range(32, 0x300)) if c != "\x7f"], min_size=1, max_size=30)
# Before 2050 a UTCTime, from then on a GeneralizedTime.
# hypothesis wants its bounds without a zone.
DAY = st.datetimes(datetime(1971, 1, 1), datetime(2090, 1, 1)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC))  # noqa: DTZ001


def made(
    common_name: str | None = "gw",
    issuer: str = "CA",
    names: tuple[str, ...] = (),
    begins: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    ends: datetime = datetime(2027, 1, 1, tzinfo=UTC),
) -> bytes:
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Alibaba")
    attributes = (
        [organisation] if common_name is None else [organisation, x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(attributes))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    if names:
        alternatives = [_general(name) for name in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@given(LABEL, LABEL, DAY, st.integers(0, 20_000))
def test_what_was_put_in_comes_out(subject: str, issuer: str, begins: datetime, days: int) -> None:
    """Whom it names, who vouches, from when until when; in this century and the next part of it."""
    ends = begins + timedelta(days=days, seconds=1)
    certificate = decode(made(subject, issuer, begins=begins, ends=ends))
    assert certificate is not None
    assert (certificate.subject, certificate.issuer) == (subject, issuer)
    assert (certificate.not_before, certificate.not_after) == (begins, ends)


def test_names_and_addresses() -> None:
    """All that it is for; an organisation stands in where there is no common name."""
    certificate = decode(made(None, names=("a.example", "*.b.example", "192.0.2.1", "2001:db8::1")))
    assert certificate is not None
    assert certificate.names[:3] == ("a.example", "*.b.example", "192.0.2.1")
    assert [ipaddress.ip_address(name) for name in certificate.names[3:]] == [ipaddress.ip_address("2001:db8::1")]
    assert certificate.subject == "Alibaba"


@given(st.binary(max_size=300))
def test_rubbish_is_no_certificate(data: bytes) -> None:
    """A hostile server cannot break the doctor."""
    assert decode(data) is None
    for tls13 in (True, False):
        first_of(data, tls13=tls13)
        first_of(b"\x0b" + data, tls13=tls13)


WHOLE = made(names=("a.example",))


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_a_changed_byte_does_no_harm(place: int, value: int) -> None:
    """It is read, or it is not."""
    changed = bytearray(WHOLE)
    changed[place] = value
    decode(bytes(changed))
    assert decode(WHOLE[:place]) is None


@pytest.mark.parametrize("tls13", [True, False])
@given(st.binary(min_size=1, max_size=300), st.binary(max_size=50))
def test_the_first_certificate_of_a_message(tls13: bool, der: bytes, others: bytes) -> None:
    """The server's own stands first; a message that is cut off holds none."""
    entry = len(der).to_bytes(3) + der
    body = len(entry + others).to_bytes(3) + entry + others
    message = b"\x0b" + (len(body) + tls13).to_bytes(3) + (b"\x00" if tls13 else b"") + body
    assert first_of(message, tls13=tls13) == der
    assert first_of(message[: -1 - len(others)], tls13=tls13) is None
    assert first_of(b"\x02" + message[1:], tls13=tls13) is None
