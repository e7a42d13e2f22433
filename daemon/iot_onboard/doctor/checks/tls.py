"""Judge TLS, and what answers behind it: anchors, handshakes, certificates, and whether it is the platform. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ...core.failures import Cause
from ...core.peer_text import printable
from ..model import Finding, capitalised, fail, ok, skipped, warn
from .clock import SET

# config/ca/README.md: the vendor's own root, as its documentation and its device SDKs hold it.
ANCHOR_SHA256 = "7ca438a3976b5242d231f861499822da855831382735836b361e7e9715661676"
# The root of the public hosts, and of MQTT on ports 443 and 1883; it ends on 2028-01-28 (vendor documentation).
PUBLIC_ROOT = "GlobalSign Root CA"
_MAX_NAME = 100
_AFTER_RELEASE = timedelta(days=365)
_SOON = timedelta(days=14)
_CLOCK_SLACK = timedelta(minutes=5)
_PORTAL = "log in to that network's captive portal, or use another network"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Hold whom it names, who vouches for it, and when it is valid (UTC)."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorFacts:
    """Hold the anchors of one place: the shipped file, the system's store, or tls.ca_file; `sha256` is of all."""

    path: str = ""
    anchors: Sequence[Certificate] = ()
    sha256: str = ""
    problem: str = ""
    cure: str = ""
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RootFacts:
    """Hold what is believed without a configuration: the shipped root, and the system's store."""

    shipped: AnchorFacts
    system: AnchorFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """Hold how a handshake went.

    `plain` is what the port says to plain HTTP, where TLS failed; `connection` is the socket, where it is verified.
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
    """Hold what the registration host said to a HEAD of `/`; `at` is its clock, `now` ours."""

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
    """Judge the vendor's root, which the MQTT hosts chain to and which no system store holds."""
    shipped = facts.shipped
    sentence = f"{shipped.path} is not the vendor's root certificate: it was changed."
    if not shipped.path:
        sentence = "The vendor's root certificate is not installed: MQTT on port 8883 cannot be verified."
    elif shipped.problem:
        sentence = f"The vendor's root certificate {shipped.path} cannot be used: {shipped.problem}."
    elif shipped.sha256 == ANCHOR_SHA256:
        return _until(shipped, "update the package iot-onboard")
    return fail(sentence, "sudo apt-get install --reinstall iot-onboard", blocks=False)


def system_roots(facts: RootFacts) -> Finding:
    """Judge the system's store, which the registration host chains to."""
    anchors = facts.system.anchors
    install = "sudo apt-get install --reinstall ca-certificates && sudo update-ca-certificates --fresh"
    if not anchors:
        why = facts.system.problem or ("it is empty" if facts.system.path else "there is no bundle of certificates")
        return fail(f"The system's store of root certificates is of no use: {why}.", install, blocks=False)
    public = tuple(anchor for anchor in anchors if anchor.subject == PUBLIC_ROOT)
    if public:
        fix = "update ca-certificates before that, and see whether the platform has moved to another root"
        return _until(replace(facts.system, anchors=public), fix)
    sentence = f"The system's store does not hold {PUBLIC_ROOT}, which the platform's public hosts chain to"
    if any(anchor.subject.startswith("GlobalSign") for anchor in anchors):
        return ok(f"{sentence}; it holds newer roots of GlobalSign.")
    return warn(f"{sentence}, nor another root of GlobalSign.", install)


def ca_file(facts: AnchorFacts) -> Finding:
    """Judge the certificates of tls.ca_file."""
    if not facts.path:
        return skipped("tls.ca_file names none.")
    if facts.problem:
        fix = facts.cure or "give tls.ca_file a file of certificates in PEM form"
        return fail(f"{capitalised(facts.problem)}.", fix)
    if not facts.anchors:
        return warn(
            f"{facts.path} holds no root certificate.", "give tls.ca_file the root, not the server's certificate"
        )
    return _until(facts, "put a newer one into tls.ca_file")


def handshake(facts: TlsFacts) -> Finding:
    """Judge a handshake: it verifies or fails, as the daemon's does."""
    where = f"{facts.host} port {facts.port}"
    if facts.cause is None:
        return ok(f"{where}: {facts.version}, certificate verified, in {facts.duration_ms} ms.")
    seen = f" It was shown {_shown(facts.certificate)}" if facts.certificate is not None else ""
    if facts.plain:
        return fail(f"{where} does not speak TLS, but answers plain HTTP: {facts.plain}.", _PORTAL)
    return fail(f"{capitalised(facts.detail.rstrip('.'))}.{seen}", _cure(facts))


def lasting(facts: TlsFacts) -> Finding | None:
    """Judge how long the certificate that was shown is still valid; not every Python shows it."""
    if facts.certificate is None:
        return None
    left = facts.certificate.not_after - facts.now
    if left < _SOON:
        sentence = f"{facts.host} showed {_shown(facts.certificate)} That is in {left.days} days."
        return warn(sentence, "nothing here: whoever runs that host has to renew it")
    return ok(f"{facts.host} showed {_shown(facts.certificate)} {left.days} days are left.")


def http_answer(facts: HttpFacts) -> Finding:
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


def platform_clock(facts: HttpFacts) -> Finding:
    """Judge our clock by the platform's, which TLS vouches for."""
    if facts.at is None:
        return skipped(f"{facts.host} does not tell the time.")
    off = facts.now - facts.at
    if abs(off) <= _CLOCK_SLACK:
        return ok("Our clock and the platform's agree.")
    way = "ahead of" if off > timedelta() else "behind"
    return warn(f"Our clock is {int(abs(off).total_seconds()) // 60} minutes {way} the platform's.", SET)


def waits_for_login(facts: ListenFacts) -> Finding:
    """Judge whether what is there behaves as an MQTT server does before the login."""
    where = f"{facts.host} port {facts.port}"
    fix = "check mqtt.host and mqtt.port in the configuration; else a firewall or the platform is in trouble: wait"
    if facts.spoke:
        return warn(f"{where} speaks first, which no MQTT server does.", fix)
    if facts.ended:
        return warn(f"{where} ended the connection before anything was asked: {facts.ended}.", fix)
    return ok(f"{where} waits for a login, as an MQTT server does; none was sent.")


def _cure(facts: TlsFacts) -> str:
    certificate = facts.certificate
    if facts.cause is Cause.TIMEOUT:
        return "a firewall swallows the answer, or its packets are too large: try sudo ip link set dev DEVICE mtu 1400"
    if facts.cause is Cause.NETWORK:
        return f"a firewall ends it: ask the network's owner to let TLS through to {facts.host} port {facts.port}"
    if facts.cause is Cause.TLS_DATE:
        otherwise = f"where that is right, whoever runs {facts.host} has to renew it"
        return f"set the clock, which says {facts.now:%Y-%m-%d}; {otherwise}"
    if "mismatch" in facts.detail:
        names = (
            ", ".join(printable(name, _MAX_NAME) for name in certificate.names[:3])
            if certificate is not None
            else "another name"
        )
        return f"another server answers in its place, for {names}: check region and hosts, or {_PORTAL}"
    if certificate is not None:
        inspected = "somebody in between inspects TLS, or it is another server"
        return f"{inspected}: have {facts.host} left alone, or trust that root by tls.ca_file if it is yours"
    return "another server or a firewall answers in its place: check host and port in the configuration"


def _until(facts: AnchorFacts, fix: str) -> Finding:
    """Judge how long the first of some roots to end still lasts."""
    anchor = min(facts.anchors, key=lambda anchor: anchor.not_after)
    left = anchor.not_after - facts.now
    ends = f"{anchor.subject} ends on {anchor.not_after:%Y-%m-%d}"
    if left < timedelta():
        return fail(f"The root certificate has ended: {ends}.", fix, blocks=False)
    return warn(f"{ends}, in {left.days} days.", fix) if left < _AFTER_RELEASE else ok(f"{ends}.")


def _shown(certificate: Certificate) -> str:
    begins, ends = (f"{at.astimezone(UTC):%Y-%m-%d}" for at in (certificate.not_before, certificate.not_after))
    # Anybody may have put anything into it.
    subject, issuer = (printable(name, _MAX_NAME) for name in (certificate.subject, certificate.issuer))
    return f"a certificate of {subject} by {issuer}, valid from {begins} to {ends}."
