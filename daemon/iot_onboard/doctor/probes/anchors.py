"""Look at the root certificates that the daemon believes."""

from __future__ import annotations

import hashlib
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...core.failures import Misconfigured, OnboardError
from ...net.tls import anchor_path, tls_context
from ..checks.tls import Anchor, AnchorFacts
from ..model import Probe, Seen
from .configuration import CONFIG

_BUNDLE = "ca-certificates.crt"


def _shipped(_: Seen) -> AnchorFacts:
    path, now = anchor_path(), datetime.now(UTC)
    if path is None:
        return AnchorFacts(now=now)
    try:
        text = path.read_text("ascii")
        der = ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN") :])
        anchors = _anchors(path)
    except (OSError, ValueError) as error:
        return AnchorFacts(path=str(path), problem=_told(error), now=now)
    return AnchorFacts(path=str(path), anchors=anchors, sha256=hashlib.sha256(der).hexdigest(), now=now)


def _system(_: Seen) -> AnchorFacts:
    """Read Debian's bundle: of the directory that the daemon uses, Python shows nothing before it was needed."""
    places = ssl.get_default_verify_paths()
    bundles = [Path(place) for place in (places.cafile, places.capath and f"{places.capath}/{_BUNDLE}") if place]
    path = next((bundle for bundle in bundles if bundle.exists()), None)
    now = datetime.now(UTC)
    if path is None:
        return AnchorFacts(problem="there is no bundle of certificates", now=now)
    try:
        return AnchorFacts(path=str(path), anchors=_anchors(path), now=now)
    except (OSError, ValueError) as error:
        return AnchorFacts(path=str(path), problem=_told(error), now=now)


def _configured(seen: Seen) -> AnchorFacts:
    path, now = seen.of(CONFIG).tls_ca_file, datetime.now(UTC)
    if path is None:
        return AnchorFacts(now=now)
    try:
        tls_context(path, handshake_timeout_s=1.0)
        return AnchorFacts(path=str(path), anchors=_anchors(path), now=now)
    except OnboardError as error:
        cure = error.failure.cure if isinstance(error.failure, Misconfigured) else ""
        return AnchorFacts(path=str(path), problem=error.failure.detail, cure=cure, now=now)


def _anchors(path: Path) -> tuple[Anchor, ...]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=path)
    return tuple(_anchor(record) for record in context.get_ca_certs())


def _anchor(record: dict[str, Any]) -> Anchor:
    subject = {name: value for part in record["subject"] for name, value in part}
    name = subject.get("commonName") or subject.get("organizationName") or "a root without a name"
    return Anchor(name=name, not_after=datetime.fromtimestamp(ssl.cert_time_to_seconds(record["notAfter"]), UTC))


def _told(error: OSError | ValueError) -> str:
    # OpenSSL's own words, for all that is wrong inside a file, help nobody.
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        return error.strerror or "it cannot be read"
    return "it holds no whole certificate in PEM form"


SHIPPED: Probe[AnchorFacts] = Probe(name="reading the vendor's root certificate", look=_shipped)
SYSTEM: Probe[AnchorFacts] = Probe(name="reading the system's root certificates", look=_system)
CONFIGURED: Probe[AnchorFacts] = Probe(name="reading tls.ca_file", look=_configured, needs=(CONFIG,))
