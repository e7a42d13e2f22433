"""Whom we believe: the TLS context of both legs. There is no switch against verification."""

from __future__ import annotations

import ssl
import time
from pathlib import Path
from typing import Any

from .errors import Cause, Misconfigured, OnboardError, Transient

_ANCHOR = "aliyun-iot-root-ca.pem"
_ANCHOR_PLACES = (
    Path("/usr/share/iot-onboard/ca") / _ANCHOR,
    Path(__file__).parent.parent.parent / "config" / "ca" / _ANCHOR,
)
# X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL.
_DATE_ERRORS = {9, 10}


class BoundedContext(ssl.SSLContext):
    """Give up a handshake after `handshake_timeout_s`, and every read after `read_until_s` (monotonic)."""

    handshake_timeout_s: float = 10.0
    read_until_s: float | None = None


class BoundedSocket(ssl.SSLSocket):
    """Hold a server to the time limits of its context: one that drips a byte a second cannot hold us."""

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands within the limit, which is one for the whole exchange."""
        before = self.gettimeout()
        if isinstance(self.context, BoundedContext):
            self.settimeout(self.context.handshake_timeout_s)
        super().do_handshake(block)
        self.settimeout(before)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Read within what is left of the limit."""
        limit = self.context.read_until_s if isinstance(self.context, BoundedContext) else None
        if limit is not None:
            left_s = limit - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("timed out")
            self.settimeout(left_s)
        return super().recv_into(*args, **kwargs)


def anchor_path() -> Path | None:
    """Return where the shipped root is: installed, or in the source tree."""
    return next((path for path in _ANCHOR_PLACES if path.exists()), None)


def tls_context(ca_file: Path | None, *, handshake_timeout_s: float) -> BoundedContext:
    """Return a context that verifies against the system store, the shipped root and `ca_file`; TLS 1.2 or newer."""
    context = BoundedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = BoundedSocket
    context.handshake_timeout_s = handshake_timeout_s
    context.load_default_certs()
    anchor = anchor_path()
    for path in (anchor, ca_file):
        if path is None:
            continue
        try:
            context.load_verify_locations(cafile=path)
        except (OSError, ssl.SSLError) as error:
            detail = f"the certificate file {path} cannot be used: {error.strerror or 'not PEM'}"
            cure = "give tls.ca_file a file of certificates in PEM form"
            raise OnboardError(Misconfigured(detail=detail, cure=cure)) from error
    return context


def tls_failure(error: ssl.SSLError | ssl.CertificateError, where: str) -> Transient:
    """Say what was wrong with the TLS of `where`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        cause = Cause.TLS_DATE if error.verify_code in _DATE_ERRORS else Cause.TLS
        return Transient(cause=cause, detail=f"the certificate of {where} is not accepted: {error.verify_message}")
    reason = (error.reason or "no reason given").replace("_", " ").lower()
    return Transient(cause=Cause.TLS, detail=f"TLS with {where} failed: {reason}")
