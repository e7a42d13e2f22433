"""Check TLS and the servers behind it: root certificates, handshakes, certificates, and the first answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ...core.failures import Cause
from ...core.peer_text import printable
from ..model import Finding, capitalised, fail, ok, skipped, warn
from .clock import SET

# config/ca/README.md: the vendor's own root, the same as in its documentation and its device SDKs.
ANCHOR_SHA256 = "7ca438a3976b5242d231f861499822da855831382735836b361e7e9715661676"
# The root of the public hosts, and of MQTT on ports 443 and 1883; it expires on 2028-01-28 (vendor documentation).
PUBLIC_ROOT = "GlobalSign Root CA"
_MAX_NAME = 100
_WARN_BEFORE = timedelta(days=365)
_SOON = timedelta(days=14)
_CLOCK_SLACK = timedelta(minutes=5)
_PORTAL = "log in to that network's captive portal, or use another network"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Hold subject, issuer and names of a certificate, and when it is valid (UTC)."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorFacts:
    """Hold the root certificates of the shipped file, the system's store, or tls.ca_file; `sha256` is of all."""

    path: str = ""
    anchors: Sequence[Certificate] = ()
    sha256: str = ""
    problem: str = ""
    cure: str = ""
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RootFacts:
    """Hold what is trusted by default: the shipped root, and the system's store."""

    shipped: AnchorFacts
    system: AnchorFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """Hold the result of a handshake.

    `plain` is the answer to plain HTTP, if TLS failed; `connection` is the socket, if the certificate was verified.
    """

    host: str
    port: int
    now: datetime
    version: str = ""
    duration_ms: int = 0
    cause: Cause | None = None
    detail: str = ""
    certificate: Certificate | None = None
    plain: str = ""
    connection: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFacts:
    """Hold the registration host's answer to a HEAD of `/`; `at` is its clock, `now` this gateway's."""

    host: str
    now: datetime
    status: int | None = None
    location: str = ""
    at: datetime | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenFacts:
    """Hold what the MQTT host did while nothing was sent to it: an MQTT server waits for the client."""

    host: str
    port: int
    spoke: bool = False
    ended: str = ""


def vendor_root(facts: RootFacts) -> Finding:
    """Check the vendor's root, which the MQTT hosts chain to and which no system store has."""
    shipped = facts.shipped
    sentence = f"{shipped.path} is not the vendor's root certificate: the file was changed."
    if not shipped.path:
        sentence = "The vendor's root certificate is not installed: MQTT on port 8883 cannot be verified."
    elif shipped.problem:
        sentence = f"The vendor's root certificate {shipped.path} cannot be used: {shipped.problem}."
    elif shipped.sha256 == ANCHOR_SHA256:
        return _until(shipped, "update the package iot-onboard")
    return fail(sentence, "sudo apt-get install --reinstall iot-onboard", blocks=False)


def system_roots(facts: RootFacts) -> Finding:
    """Check the system's store, which the registration host chains to."""
    anchors = facts.system.anchors
    install = "sudo apt-get install --reinstall ca-certificates && sudo update-ca-certificates --fresh"
    if not anchors:
        why = facts.system.problem or ("it is empty" if facts.system.path else "there is no bundle of certificates")
        return fail(f"The system's store of root certificates cannot be used: {why}.", install, blocks=False)
    public = tuple(anchor for anchor in anchors if anchor.subject == PUBLIC_ROOT)
    if public:
        fix = "update ca-certificates before that, and check whether the platform uses another root by then"
        return _until(replace(facts.system, anchors=public), fix)
    sentence = f"The system's store does not have {PUBLIC_ROOT}, which the platform's public hosts chain to"
    if any(anchor.subject.startswith("GlobalSign") for anchor in anchors):
        return ok(f"{sentence}; it has newer roots of GlobalSign.")
    return warn(f"{sentence}, and no other root of GlobalSign.", install)


def ca_file(facts: AnchorFacts) -> Finding:
    """Check the certificates of tls.ca_file."""
    if not facts.path:
        return skipped("Not needed: tls.ca_file is not set.")
    if facts.problem:
        fix = facts.cure or "set tls.ca_file to a file of certificates in PEM format"
        return fail(f"{capitalised(facts.problem)}.", fix)
    if not facts.anchors:
        return warn(f"{facts.path} holds no root certificate.", "put the root into it, not the server's certificate")
    return _until(facts, "put a newer one into tls.ca_file")


def handshake(facts: TlsFacts) -> Finding:
    """Check a handshake: it succeeds or fails as the daemon's does."""
    where = f"{facts.host} port {facts.port}"
    if facts.cause is None:
        return ok(f"{where}: {facts.version}, certificate verified, in {facts.duration_ms} ms.")
    seen = f" The server has {_shown(facts.certificate)}" if facts.certificate is not None else ""
    if facts.plain:
        return fail(f"{where} does not use TLS, but answers plain HTTP: {facts.plain}.", _PORTAL)
    return fail(f"{capitalised(facts.detail.rstrip('.'))}.{seen}", _cure(facts))


def validity(facts: TlsFacts) -> Finding | None:
    """Check how long the server's certificate is still valid; not every version of Python gives access to it."""
    if facts.certificate is None:
        return None
    left = facts.certificate.not_after - facts.now
    if left < _SOON:
        sentence = f"{facts.host} has {_shown(facts.certificate)} It expires in {left.days} days."
        return warn(sentence, "no action on this gateway: the operator of that host has to renew it")
    return ok(f"{facts.host} has {_shown(facts.certificate)} It expires in {left.days} days.")


def http_answer(facts: HttpFacts) -> Finding:
    """Check that an HTTP server answers, which could accept a registration."""
    if facts.status is None:
        sentence = f"{facts.host} completes the TLS handshake, but does not answer HTTP: {facts.problem}."
        return fail(sentence, "wait: the platform may have a fault; if it lasts, check registration.url")
    if 300 <= facts.status < 400:
        sentence = f"{facts.host} redirects (HTTP {facts.status}, to {facts.location or 'no address'})."
        return warn(sentence, "a captive portal or a proxy may answer instead of the platform: log in there")
    if facts.status in {502, 503, 504}:
        return warn(f"{facts.host} is unavailable (HTTP {facts.status}).", "wait: the gateway tries again")
    return ok(f"{facts.host} answers (HTTP {facts.status} to a request that registers nothing).")


def platform_clock(facts: HttpFacts) -> Finding:
    """Compare this gateway's clock with the platform's, which came over verified TLS."""
    if facts.at is None:
        return skipped(f"{facts.host} sends no time.")
    off = facts.now - facts.at
    if abs(off) <= _CLOCK_SLACK:
        return ok("This gateway's clock and the platform's agree.")
    way = "ahead of" if off > timedelta() else "behind"
    return warn(f"This clock is {int(abs(off).total_seconds()) // 60} minutes {way} the platform's.", SET)


def mqtt_server(facts: ListenFacts) -> Finding:
    """Check that the server waits for the client, as an MQTT server does before the login."""
    where = f"{facts.host} port {facts.port}"
    fix = "check mqtt.host and mqtt.port in the configuration; if they are right, wait: a firewall or the platform may"
    fix += " have a fault"
    if facts.spoke:
        return warn(f"{where} sends data first, which no MQTT server does.", fix)
    if facts.ended:
        return warn(f"{where} ended the connection before the gateway sent anything: {facts.ended}.", fix)
    return ok(f"{where} waits for a login, as an MQTT server does; none was sent.")


def _cure(facts: TlsFacts) -> str:
    certificate = facts.certificate
    if facts.cause is Cause.TIMEOUT:
        return "a firewall drops the answer, or its packets are too large: try sudo ip link set dev DEVICE mtu 1400"
    if facts.cause is Cause.NETWORK:
        return f"a firewall ends it: ask the network operator to allow TLS to {facts.host} port {facts.port}"
    if facts.cause is Cause.TLS_DATE:
        otherwise = f"if the date is right, the operator of {facts.host} has to renew the certificate"
        return f"set the clock, which says {facts.now:%Y-%m-%d}; {otherwise}"
    if "mismatch" in facts.detail:
        names = (
            ", ".join(printable(name, _MAX_NAME) for name in certificate.names[:3])
            if certificate is not None
            else "another name"
        )
        return f"another server answers instead, for {names}: check region and hosts, or {_PORTAL}"
    if certificate is not None:
        fix = f"exclude {facts.host} from the inspection, or set tls.ca_file to that root if it is yours"
        return f"a proxy inspects TLS, or it is another server: {fix}"
    return "another server or a firewall answers instead: check host and port in the configuration"


def _until(facts: AnchorFacts, fix: str) -> Finding:
    """Check when the first of some roots expires."""
    anchor = min(facts.anchors, key=lambda anchor: anchor.not_after)
    left = anchor.not_after - facts.now
    ends = f"{anchor.subject} expires on {anchor.not_after:%Y-%m-%d}"
    if left < timedelta():
        return fail(f"The root certificate has expired: {ends}.", fix, blocks=False)
    return warn(f"{ends}, in {left.days} days.", fix) if left < _WARN_BEFORE else ok(f"{ends}.")


def _shown(certificate: Certificate) -> str:
    begins, ends = (f"{at.astimezone(UTC):%Y-%m-%d}" for at in (certificate.not_before, certificate.not_after))
    # A stranger's certificate can contain any text.
    subject, issuer = (printable(name, _MAX_NAME) for name in (certificate.subject, certificate.issuer))
    return f"a certificate for {subject} by {issuer}, valid from {begins} to {ends}."
