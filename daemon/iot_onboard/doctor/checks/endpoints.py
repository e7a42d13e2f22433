"""Judge what answers behind TLS: is it the platform, without asking it for anything. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..model import Finding, fail, ok, skipped, warn
from .clock import SET

_SLACK = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFacts:
    """Hold what the registration host said to a HEAD of `/`; `at` is its clock, `now` ours."""

    host: str
    now: datetime
    status: int | None = None
    location: str = ""
    at: datetime | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceFacts:
    """Hold what the MQTT host did while nothing was sent to it: an MQTT server waits for the client."""

    host: str
    port: int
    spoke: bool = False
    ended: str = ""


def registration(facts: HttpFacts) -> Finding:
    """Judge whether an HTTP server is there that could take a registration."""
    if facts.status is None:
        sentence = f"{facts.host} shakes hands, but does not speak HTTP: {facts.problem}."
        return fail(sentence, "wait, for the platform may be in trouble; else check registration.url")
    if 300 <= facts.status < 400:
        sentence = f"{facts.host} leads elsewhere (HTTP {facts.status}, to {facts.location or 'nowhere'})."
        return warn(sentence, "a captive portal or a proxy may answer in the platform's place: log in there")
    if facts.status in {502, 503, 504}:
        return warn(f"{facts.host} says that it is unavailable (HTTP {facts.status}).", "wait: the gateway tries again")
    return ok(f"{facts.host} answers (HTTP {facts.status} to a question that is no registration).")


def clock(facts: HttpFacts) -> Finding:
    """Judge our clock by the platform's, which TLS vouches for."""
    if facts.at is None:
        return skipped(f"{facts.host} does not tell the time.")
    off = facts.now - facts.at
    if abs(off) <= _SLACK:
        return ok("Our clock and the platform's agree.")
    way = "ahead of" if off > timedelta() else "behind"
    return warn(f"Our clock is {int(abs(off).total_seconds()) // 60} minutes {way} the platform's.", SET)


def mqtt(facts: SilenceFacts) -> Finding:
    """Judge whether what is there behaves as an MQTT server does before the login."""
    where = f"{facts.host} port {facts.port}"
    fix = "check mqtt.host and mqtt.port in the configuration; else a firewall or the platform is in trouble: wait"
    if facts.spoke:
        return warn(f"{where} speaks first, which no MQTT server does.", fix)
    if facts.ended:
        return warn(f"{where} ended the connection before anything was asked: {facts.ended}.", fix)
    return ok(f"{where} waits for a login, as an MQTT server does; none was sent.")
