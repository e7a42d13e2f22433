"""Judge TLS: the anchors we believe, the handshakes, and the certificates that were shown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ...core.failures import Cause
from ...fast_start.fast_dataclasses import dataclass
from ..certificate import Certificate
from ..model import Finding, fail, ok, skipped, warn

# config/ca/README.md: the vendor's own root, as its documentation and its device SDKs hold it.
ANCHOR_SHA256 = "7ca438a3976b5242d231f861499822da855831382735836b361e7e9715661676"
# The root of the public hosts, and of MQTT on ports 443 and 1883; it ends on 2028-01-28 (vendor documentation).
PUBLIC_ROOT = "GlobalSign Root CA"
_AHEAD = timedelta(days=365)
_SOON = timedelta(days=14)
_REINSTALL = "sudo apt-get install --reinstall iot-onboard"
_PORTAL = "log in to that network's captive portal, or use another network"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """Hold a root certificate that we believe."""

    name: str
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorFacts:
    """Hold the anchors of one place: the shipped file, the system's store, or tls.ca_file."""

    path: str = ""
    anchors: Sequence[Anchor] = ()
    sha256: str = ""
    problem: str = ""
    cure: str = ""
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """Hold how a handshake went. `plain` is the first line of what the port says to plain HTTP, where TLS failed."""

    host: str
    port: int
    now: datetime
    version: str = ""
    took_ms: int = 0
    cause: Cause | None = None
    detail: str = ""
    certificate: Certificate | None = None
    plain: str = ""
    plain_location: str = ""


def shipped(facts: AnchorFacts) -> Finding:
    """Judge the vendor's root, which the MQTT hosts chain to and which no system store holds."""
    if not facts.path:
        return fail("The vendor's root certificate is not installed: MQTT on port 8883 cannot be verified.", _REINSTALL)
    if facts.problem:
        return fail(f"The vendor's root certificate {facts.path} cannot be used: {facts.problem}.", _REINSTALL)
    if facts.sha256 != ANCHOR_SHA256:
        return fail(f"{facts.path} is not the vendor's root certificate: it was changed.", _REINSTALL)
    return _lasting(facts.anchors[0], facts.now, "update the package iot-onboard")


def system(facts: AnchorFacts) -> Finding:
    """Judge the system's store, which the registration host chains to."""
    install = "sudo apt-get install --reinstall ca-certificates && sudo update-ca-certificates --fresh"
    if not facts.anchors:
        why = facts.problem or "it is empty"
        return fail(f"The system's store of root certificates is of no use: {why}.", install)
    public = next((anchor for anchor in facts.anchors if anchor.name == PUBLIC_ROOT), None)
    if public is not None:
        fix = "update ca-certificates before that, and see whether the platform has moved to another root"
        return _lasting(public, facts.now, fix)
    sentence = f"The system's store does not hold {PUBLIC_ROOT}, which the platform's public hosts chain to"
    if any(anchor.name.startswith("GlobalSign") for anchor in facts.anchors):
        return ok(f"{sentence}; it holds newer roots of GlobalSign.")
    return warn(f"{sentence}, nor another root of GlobalSign.", install)


def configured(facts: AnchorFacts) -> Finding:
    """Judge the certificates of tls.ca_file."""
    if not facts.path:
        return skipped("tls.ca_file names none.")
    if facts.problem:
        fix = facts.cure or "give tls.ca_file a file of certificates in PEM form"
        return fail(f"{facts.problem[:1].upper()}{facts.problem[1:]}.", fix)
    if not facts.anchors:
        fix = "give tls.ca_file the root, not the server's certificate"
        return warn(f"{facts.path} holds no root certificate.", fix)
    first = min(facts.anchors, key=lambda anchor: anchor.not_after)
    return _lasting(first, facts.now, "put a newer one into tls.ca_file")


def handshake(facts: TlsFacts) -> Finding:
    """Judge a handshake: it verifies or fails, as the daemon's does."""
    where = f"{facts.host} port {facts.port}"
    if facts.cause is None:
        return ok(f"{where}: {facts.version}, certificate verified, in {facts.took_ms} ms.")
    seen = f" It was shown {_shown(facts.certificate)}" if facts.certificate is not None else ""
    if facts.plain:
        to = f", to {facts.plain_location}" if facts.plain_location else ""
        return fail(f"{where} does not speak TLS, but answers plain HTTP: {facts.plain}{to}.", _PORTAL)
    return fail(f"{facts.detail[:1].upper()}{facts.detail[1:].rstrip('.')}.{seen}", _cure(facts))


def lasting(facts: TlsFacts) -> Finding:
    """Judge how long the certificate that was shown is still valid."""
    if facts.certificate is None:
        return skipped("This Python does not show the certificate.")
    left = facts.certificate.not_after - facts.now
    if left < _SOON:
        sentence = f"{facts.host} showed {_shown(facts.certificate)} That is in {left.days} days."
        return warn(sentence, "nothing here: whoever runs that host has to renew it")
    return ok(f"{facts.host} showed {_shown(facts.certificate)} {left.days} days are left.")


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
        names = ", ".join(certificate.names[:3]) if certificate is not None else "another name"
        return f"another server answers in its place, for {names}: check region and hosts, or {_PORTAL}"
    if certificate is not None:
        inspected = "somebody in between inspects TLS, or it is another server"
        return f"{inspected}: have {facts.host} left alone, or trust that root by tls.ca_file if it is yours"
    return "another server or a firewall answers in its place: check host and port in the configuration"


def _lasting(anchor: Anchor, now: datetime, fix: str) -> Finding:
    left = anchor.not_after - now
    ends = f"{anchor.name} ends on {anchor.not_after:%Y-%m-%d}"
    if left < timedelta():
        return fail(f"The root certificate has ended: {ends}.", fix, blocks=False)
    if left < _AHEAD:
        return warn(f"{ends}, in {left.days} days.", fix)
    return ok(f"{ends}.")


def _shown(certificate: Certificate) -> str:
    dates = f"{_day(certificate.not_before)} to {_day(certificate.not_after)}"
    return f"a certificate of {certificate.subject} by {certificate.issuer}, valid from {dates}."


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}"
