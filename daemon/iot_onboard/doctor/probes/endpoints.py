"""See what is behind a verified handshake: a HEAD of `/` for the one, silence for the other. Never more."""

from __future__ import annotations

import http.client
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ... import __version__
from ..checks.endpoints import HttpFacts, SilenceFacts
from ..model import Facts, Probe
from .tls import MQTT_HANDSHAKE, REGISTRATION_HANDSHAKE, connection_of

_ANSWER_S = 4.0
_SILENCE_S = 0.7


def _registration(facts: Facts) -> HttpFacts:
    handshake = facts.get(REGISTRATION_HANDSHAKE)
    blank = HttpFacts(host=handshake.host, now=datetime.now(UTC))
    with connection_of(handshake) as connection:
        connection.settimeout(_ANSWER_S)
        try:
            # Not the address of registration, and not its method.
            request = f"HEAD / HTTP/1.1\r\nHost: {blank.host}\r\nUser-Agent: iot-onboard/{__version__} (doctor)\r\n"
            connection.sendall(f"{request}Connection: close\r\n\r\n".encode())
            answer = http.client.HTTPResponse(connection, method="HEAD")
            answer.begin()
        except TimeoutError:
            return replace(blank, problem="it does not answer")
        except (OSError, http.client.HTTPException) as error:
            reason = error.strerror if isinstance(error, OSError) else type(error).__name__
            return replace(blank, problem=reason or "it ended the connection")
        location, at = (answer.getheader("Location") or "")[:200], _date(answer.getheader("Date"))
        return replace(blank, now=datetime.now(UTC), status=answer.status, location=location, at=at)


def _date(text: str | None) -> datetime | None:
    try:
        at = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _mqtt(facts: Facts) -> SilenceFacts:
    handshake = facts.get(MQTT_HANDSHAKE)
    silence = SilenceFacts(host=handshake.host, port=handshake.port)
    with connection_of(handshake) as connection:
        connection.settimeout(_SILENCE_S)
        try:
            spoke = bool(connection.recv(1))
        except TimeoutError:
            return silence
        except OSError as error:
            return replace(silence, ended=error.strerror or "it failed")
        return replace(silence, spoke=spoke, ended="" if spoke else "closed")


REGISTRATION_ANSWER = Probe(
    name="the question to the registration host", look=_registration, needs=(REGISTRATION_HANDSHAKE,)
)
MQTT_SILENCE = Probe(name="listening to the MQTT host", look=_mqtt, needs=(MQTT_HANDSHAKE,))
