"""Do a TLS handshake with the platform as the daemon does, always verified, and read the trusted roots.

After the handshake, the registration host is sent a HEAD of `/`, and the MQTT host nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import ssl
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from ... import __version__
from ...core.failures import Cause, Misconfigured, OnboardError, Transient
from ...core.http_reader import AnswerCutOff, AnswerReader, InvalidAnswer
from ...core.peer_text import printable
from ...core.retry_after import date_of
from ...net.dial import wrap_tls
from ...net.http_exchange import read_answer
from ...net.tls import BoundedContext, anchor_path, tls_context
from ..checks.network import ReachFacts
from ..checks.tls import AnchorFacts, Certificate, HttpFacts, ListenFacts, RootFacts, TlsFacts
from ..model import Facts, Probe, require
from .configuration import CONFIG
from .network import MQTT_CONNECTION, REGISTRATION_CONNECTION

_HANDSHAKE_S = 4.0
_PLAIN_S = 0.8
_ANSWER_S = 4.0
_LISTEN_S = 0.7
_HANDSHAKE, _CERTIFICATE = 22, 11
_LOCATION = b"location"
_MAX_LOCATION, _MAX_STATUS_LINE = 200, 80
_BUNDLE = "ca-certificates.crt"


def _record_certificate(context: BoundedContext) -> list[bytes]:
    """Return a list to which the handshake appends the server's certificate.

    The hook is Python's own, for debugging (`SSLContext._msg_callback`). In a Python without it the list stays empty,
    and the handshake is verified as usual.
    """
    shown: list[bytes] = []

    def on_message(_: Any, direction: str, version: Any, kind: Any, message: Any, data: bytes) -> None:
        if direction == "read" and (kind, message) == (_HANDSHAKE, _CERTIFICATE):
            shown.append(first_of(data, tls13=version == ssl.TLSVersion.TLSv1_3) or b"")

    context._msg_callback = on_message  # type: ignore[attr-defined]  # decision 7
    return shown


def first_of(message: bytes, *, tls13: bool) -> bytes | None:
    """Return the server's own certificate from a Certificate message (RFC 5246, 7.4.2; RFC 8446, 4.4.2)."""
    if len(message) < 4 or message[0] != _CERTIFICATE:
        return None
    start = 4
    if tls13:
        start += 1 + message[start] if len(message) > start else 1
    # The length of the list, then the length of its first entry: three bytes each.
    length = int.from_bytes(message[start + 3 : start + 6])
    entry = message[start + 6 : start + 6 + length]
    return entry if length and len(entry) == length else None


def decode(der: bytes) -> Certificate | None:
    """Return the fields of a certificate that is not trusted, or `None` if it is none.

    Python can read an unverified certificate only with a function for its own tests, and from a file: here in memory.
    """
    try:
        with open(os.memfd_create("certificate"), "wb") as file:
            file.write(ssl.DER_cert_to_PEM_cert(der).encode())
            file.flush()
            return _certificate(ssl._ssl._test_decode_cert(f"/proc/self/fd/{file.fileno()}"))  # type: ignore[attr-defined]
    except Exception:
        # A private function of Python may disappear, or fail in any way: the handshake is checked without it too.
        return None


def _registration(facts: Facts) -> TlsFacts:
    reached = facts.get(REGISTRATION_CONNECTION)
    handshake = _shake_hands(facts, reached)
    if handshake.cause is not Cause.TLS or handshake.certificate is not None:
        return handshake
    return replace(handshake, plain=_plain(reached))


def _shake_hands(facts: Facts, reached: ReachFacts) -> TlsFacts:
    host, port, raw = reached.host, reached.port, cast("socket.socket", require(reached.connection))
    context = tls_context(facts.get(CONFIG).tls_ca_file, handshake_timeout_s=_HANDSHAKE_S)
    shown = _record_certificate(context)
    began = time.monotonic()
    try:
        connection = wrap_tls(raw, host, port, context)
    except OnboardError as error:
        failure = error.failure
        cause = failure.cause if isinstance(failure, Transient) else Cause.TLS
        made = TlsFacts(host=host, port=port, now=_now(), cause=cause, detail=failure.detail)
    else:
        duration_ms, version = round((time.monotonic() - began) * 1000), connection.version() or "TLS"
        made = TlsFacts(
            host=host, port=port, now=_now(), version=version, duration_ms=duration_ms, connection=connection
        )
    return replace(made, certificate=decode(shown[0]) if shown else None)


def _connection_of(handshake: TlsFacts) -> ssl.SSLSocket:
    """Return the connection that a handshake has verified."""
    return cast("ssl.SSLSocket", require(handshake.connection))


def _plain(reached: ReachFacts) -> str:
    """Request `/` over plain HTTP, as a browser does at a captive portal; return the answer's first line."""
    answering = [(attempt.address, reached.port) for attempt in reached.attempts if not attempt.error]
    if not answering:
        return ""
    request = f"GET / HTTP/1.1\r\nHost: {reached.host}\r\nConnection: close\r\n\r\n"
    with (
        contextlib.suppress(OSError, AnswerCutOff, InvalidAnswer),
        socket.create_connection(answering[0], timeout=_PLAIN_S) as raw,
    ):
        answer = _head(raw, request, _PLAIN_S)
        location = printable(answer.header(_LOCATION) or b"", _MAX_LOCATION)
        said = printable(b"HTTP %d %s" % (answer.status, answer.reason), _MAX_STATUS_LINE)
        return said + (f", to {location}" if location else "")
    return ""


def _head(connection: socket.socket, request: str, limit_s: float) -> AnswerReader:
    """Send a request, and return the head of the answer; wait for it `limit_s` at most."""
    connection.sendall(request.encode())
    reader = AnswerReader(head_only=True, more_headers=(_LOCATION,))
    return read_answer(connection, reader, time.monotonic() + limit_s)


def _http_answer(facts: Facts) -> HttpFacts:
    handshake = facts.get(REGISTRATION_HANDSHAKE)
    blank = HttpFacts(host=handshake.host, now=datetime.now(UTC))
    # Neither the path of the registration nor its method.
    request = f"HEAD / HTTP/1.1\r\nHost: {blank.host}\r\nUser-Agent: iot-onboard/{__version__} (doctor)\r\n"
    with _connection_of(handshake) as connection:
        try:
            answer = _head(connection, f"{request}Connection: close\r\n\r\n", _ANSWER_S)
        except TimeoutError:
            return replace(blank, problem="it does not answer")
        except InvalidAnswer as error:
            return replace(blank, problem=f"it answers {error}")
        except (OSError, AnswerCutOff) as error:
            reason = error.strerror if isinstance(error, OSError) else ""
            return replace(blank, problem=reason or "it ended the connection")
        location, at = printable(answer.header(_LOCATION) or b"", _MAX_LOCATION), date_of(answer.header(b"date"))
        return replace(blank, now=datetime.now(UTC), status=answer.status, location=location, at=at)


def _login_wait(facts: Facts) -> ListenFacts:
    handshake = facts.get(MQTT_HANDSHAKE)
    listened = ListenFacts(host=handshake.host, port=handshake.port)
    with _connection_of(handshake) as connection:
        connection.settimeout(_LISTEN_S)
        try:
            spoke = bool(connection.recv(1))
        except TimeoutError:
            return listened
        except OSError as error:
            return replace(listened, ended=error.strerror or "it failed")
        return replace(listened, spoke=spoke, ended="" if spoke else "closed")


def _roots(_: Facts) -> RootFacts:
    # Debian's bundle: the daemon uses the directory, of which Python loads a certificate only when it needs it.
    places = ssl.get_default_verify_paths()
    bundles = [Path(place) for place in (places.cafile, places.capath and f"{places.capath}/{_BUNDLE}") if place]
    bundle = next((path for path in bundles if path.exists()), None)
    return RootFacts(shipped=_anchors(anchor_path()), system=_anchors(bundle))


def _ca_file(facts: Facts) -> AnchorFacts:
    path = facts.get(CONFIG).tls_ca_file
    try:
        if path is not None:
            tls_context(path, handshake_timeout_s=1.0)
    except OnboardError as error:
        cure = error.failure.cure if isinstance(error.failure, Misconfigured) else ""
        return AnchorFacts(path=str(path), problem=error.failure.detail, cure=cure, now=_now())
    return _anchors(path)


def _anchors(path: Path | None) -> AnchorFacts:
    """Read a file of root certificates."""
    if path is None:
        return AnchorFacts(now=_now())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=path)
    except OSError as error:
        # OpenSSL's own message about a file's content does not help an operator.
        inside = isinstance(error, ssl.SSLError)
        problem = "it holds no complete certificate in PEM format" if inside else error.strerror or "it cannot be read"
        return AnchorFacts(path=str(path), problem=problem, now=_now())
    sha256 = hashlib.sha256(b"".join(context.get_ca_certs(binary_form=True))).hexdigest()
    anchors = tuple(_certificate(record) for record in context.get_ca_certs())
    return AnchorFacts(path=str(path), anchors=anchors, sha256=sha256, now=_now())


def _certificate(record: dict[str, Any]) -> Certificate:
    begins, ends = (
        datetime.fromtimestamp(ssl.cert_time_to_seconds(record[name]), UTC) for name in ("notBefore", "notAfter")
    )
    names = tuple(name for _, name in record.get("subjectAltName", ()))
    subject, issuer = _name(record["subject"]), _name(record["issuer"])
    return Certificate(subject=subject, issuer=issuer, names=names, not_before=begins, not_after=ends)


def _name(parts: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    """Return a name's common name, or else its organisation."""
    found = {name: value for part in parts for name, value in part}
    return found.get("commonName") or found.get("organizationName") or "(no name)"


def _now() -> datetime:
    return datetime.now(UTC)


REGISTRATION_HANDSHAKE = Probe(
    name="the TLS handshake with the registration host", collect=_registration, needs=(CONFIG, REGISTRATION_CONNECTION)
)
MQTT_HANDSHAKE = Probe(
    name="the TLS handshake with the MQTT host",
    collect=lambda facts: _shake_hands(facts, facts.get(MQTT_CONNECTION)),
    needs=(CONFIG, MQTT_CONNECTION),
)
REGISTRATION_ANSWER = Probe(
    name="the HTTP request to the registration host", collect=_http_answer, needs=(REGISTRATION_HANDSHAKE,)
)
MQTT_LISTEN = Probe(name="the wait for data from the MQTT host", collect=_login_wait, needs=(MQTT_HANDSHAKE,))
ROOTS = Probe(name="the read of the root certificates", collect=_roots)
CA_FILE = Probe(name="the read of tls.ca_file", collect=_ca_file, needs=(CONFIG,))
