"""Shake hands with the platform as the daemon does: verified, or not at all. Nothing is sent after it."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import time
from datetime import UTC, datetime
from typing import Any

from ...core.failures import Cause, OnboardError, Transient
from ...fast_start.fast_dataclasses import dataclass, replace
from ...net.dial import secure
from ...net.tls import BoundedContext, tls_context
from ..certificate import Certificate, decode, first_of
from ..checks.tls import TlsFacts
from ..model import Probe, Seen
from .configuration import CONFIG
from .reach import MQTT_WAY, REGISTRATION_WAY, Way, knock_again

_HANDSHAKE_S = 4.0
_PLAIN_S = 0.8
_HANDSHAKE, _CERTIFICATE = 22, 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """Hold the facts, and the connection where it is verified."""

    facts: TlsFacts
    connection: ssl.SSLSocket | None


class _Shown:
    """Listen to a handshake, and keep the certificate that the server shows.

    The hook is Python's own, for debugging (`SSLContext._msg_callback`): where a Python should not have it, no
    certificate is shown, and the handshake verifies all the same.
    """

    def __init__(self, context: BoundedContext) -> None:
        self.certificate: Certificate | None = None
        context._msg_callback = self._hear  # type: ignore[attr-defined]  # decision 7

    def _hear(self, _: Any, direction: str, version: Any, kind: Any, message: Any, data: bytes) -> None:
        if direction == "read" and (kind, message) == (_HANDSHAKE, _CERTIFICATE) and self.certificate is None:
            der = first_of(data, tls13=version == ssl.TLSVersion.TLSv1_3)
            self.certificate = decode(der) if der is not None else None


def _registration(seen: Seen) -> Handshake:
    way = seen.of(REGISTRATION_WAY)
    shaken = _shake(seen, way)
    if shaken.facts.cause is not Cause.TLS or shaken.facts.certificate is not None:
        return shaken
    plain, location = _plain(way)
    return Handshake(facts=replace(shaken.facts, plain=plain, plain_location=location), connection=None)


def _mqtt(seen: Seen) -> Handshake:
    return _shake(seen, seen.of(MQTT_WAY))


def _shake(seen: Seen, way: Way) -> Handshake:
    host, port = way.facts.host, way.facts.port
    if way.raw is None:
        raise ValueError("asked for, though nobody answered")
    context = tls_context(seen.of(CONFIG).tls_ca_file, handshake_timeout_s=_HANDSHAKE_S)
    shown = _Shown(context)
    began = time.monotonic()
    try:
        connection = secure(way.raw, host, port, context)
    except OnboardError as error:
        failure = error.failure
        facts = TlsFacts(
            host=host,
            port=port,
            now=datetime.now(UTC),
            cause=failure.cause if isinstance(failure, Transient) else Cause.TLS,
            detail=failure.detail,
            certificate=shown.certificate,
        )
        return Handshake(facts=facts, connection=None)
    facts = TlsFacts(
        host=host,
        port=port,
        now=datetime.now(UTC),
        version=connection.version() or "TLS",
        took_ms=round((time.monotonic() - began) * 1000),
        certificate=shown.certificate,
    )
    return Handshake(facts=facts, connection=connection)


def _plain(way: Way) -> tuple[str, str]:
    """Ask in plain HTTP for `/`, as a browser before a captive portal would; return the answer's first line."""
    raw = knock_again(way.facts, _PLAIN_S)
    if raw is None:
        return "", ""
    with raw, contextlib.suppress(OSError, http.client.HTTPException):
        raw.settimeout(_PLAIN_S)
        raw.sendall(f"GET / HTTP/1.1\r\nHost: {way.facts.host}\r\nConnection: close\r\n\r\n".encode())
        answer = http.client.HTTPResponse(raw)
        answer.begin()
        return f"HTTP {answer.status} {answer.reason}"[:80], (answer.getheader("Location") or "")[:200]
    return "", ""


REGISTRATION_SHAKEN: Probe[Handshake] = Probe(
    name="the TLS handshake with the registration host", look=_registration, needs=(CONFIG, REGISTRATION_WAY)
)
MQTT_SHAKEN: Probe[Handshake] = Probe(name="the TLS handshake with the MQTT host", look=_mqtt, needs=(CONFIG, MQTT_WAY))
REGISTRATION_TLS: Probe[TlsFacts] = Probe(
    name="the TLS handshake with the registration host",
    look=lambda seen: seen.of(REGISTRATION_SHAKEN).facts,
    needs=(REGISTRATION_SHAKEN,),
)
MQTT_TLS: Probe[TlsFacts] = Probe(
    name="the TLS handshake with the MQTT host",
    look=lambda seen: seen.of(MQTT_SHAKEN).facts,
    needs=(MQTT_SHAKEN,),
)
