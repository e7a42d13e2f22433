"""See what is behind a verified handshake: a HEAD of `/` for the one, silence for the other. Never more."""

from __future__ import annotations

import http.client
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ... import __version__
from ..checks.endpoints import HttpFacts, SilenceFacts
from ..model import Probe, Seen
from .tls import MQTT_SHAKEN, REGISTRATION_SHAKEN, Handshake

_ANSWER_S = 4.0
_SILENCE_S = 0.7


def _registration(seen: Seen) -> HttpFacts:
    shaken = seen.of(REGISTRATION_SHAKEN)
    host = shaken.facts.host
    with _connection(shaken) as connection:
        connection.settimeout(_ANSWER_S)
        try:
            # Not the address of registration, and not its method.
            request = f"HEAD / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: iot-onboard/{__version__} (doctor)\r\n"
            connection.sendall(f"{request}Connection: close\r\n\r\n".encode())
            answer = http.client.HTTPResponse(connection, method="HEAD")
            answer.begin()
        except TimeoutError:
            return HttpFacts(host=host, now=datetime.now(UTC), problem="it does not answer")
        except (OSError, http.client.HTTPException) as error:
            reason = error.strerror if isinstance(error, OSError) else type(error).__name__
            return HttpFacts(host=host, now=datetime.now(UTC), problem=reason or "it ended the connection")
        return HttpFacts(
            host=host,
            now=datetime.now(UTC),
            status=answer.status,
            location=(answer.getheader("Location") or "")[:200],
            at=_date(answer.getheader("Date")),
        )


def _date(text: str | None) -> datetime | None:
    try:
        at = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _mqtt(seen: Seen) -> SilenceFacts:
    shaken = seen.of(MQTT_SHAKEN)
    host, port = shaken.facts.host, shaken.facts.port
    with _connection(shaken) as connection:
        connection.settimeout(_SILENCE_S)
        try:
            said = connection.recv(1)
        except TimeoutError:
            return SilenceFacts(host=host, port=port)
        except OSError as error:
            return SilenceFacts(host=host, port=port, ended=error.strerror or "it failed")
        return SilenceFacts(host=host, port=port, spoke=bool(said), ended="" if said else "closed")


def _connection(shaken: Handshake) -> ssl.SSLSocket:
    if shaken.connection is None:
        raise ValueError("asked for, though the handshake failed")
    return shaken.connection


REGISTRATION_ANSWER: Probe[HttpFacts] = Probe(
    name="the question to the registration host", look=_registration, needs=(REGISTRATION_SHAKEN,)
)
MQTT_SILENCE: Probe[SilenceFacts] = Probe(name="listening to the MQTT host", look=_mqtt, needs=(MQTT_SHAKEN,))
