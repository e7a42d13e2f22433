"""The TLS context of registration and MQTT: which certificates are trusted. Verification cannot be switched off."""

from __future__ import annotations

import contextlib
import errno
import os
import ssl
import sys
import time
from pathlib import Path

from ..core.failures import Cause, Misconfigured, OnboardError, Transient, is_temporary, local_fault
from ..disk.files import fingerprint, read_plain
from ..fast_start.typing_names import TYPE_CHECKING, Any
from .timing import PhaseTimer
from .tls_socket import MeteredSocket

if TYPE_CHECKING:
    from .happy_eyeballs import Resolved

_ANCHOR = "aliyun-iot-root-ca.pem"
_ANCHOR_PLACES = (
    Path("/usr/share/iot-onboard/ca") / _ANCHOR,
    Path(__file__).parents[3] / "config" / "ca" / _ANCHOR,
)
Sources = tuple[tuple[str, tuple[int, ...] | None], ...]

# A resumed session shows no certificate: how long the last verified one counts.
RESUMED_FOR_S = 3600.0
# Before Python 3.13.1 each read of a session leaks 6 kB (CPython issue 116810). With a link that flaps, this fills the
# memory of a small gateway in days.
SESSIONS_ARE_FREED = sys.hexversion >= 0x030D01F0
_MAX_BYTES = 4_000_000
_CURE_ROOTS = "sudo update-ca-certificates --fresh; if that command is missing, sudo apt-get install ca-certificates"
# X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL.
_DATE_ERRORS = {9, 10}
# X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, _SELF_SIGNED_CERT_IN_CHAIN and _UNABLE_TO_GET_ISSUER_CERT_LOCALLY.
_UNKNOWN_ISSUER = {2, 19, 20}


class BoundedContext(ssl.SSLContext):
    """Give up a handshake after `handshake_timeout_s`.

    `timer` measures the present exchange, `resolved` records its addresses. `session` is offered to the server once;
    `verified_at` (monotonic) is when a certificate was last verified; `sources` are the fingerprints of the trust files
    when they were read.
    """

    timer: PhaseTimer
    resolved: Resolved | None = None

    handshake_timeout_s: float = 10.0
    session: ssl.SSLSession | None = None
    verified_at: float = float("-inf")
    sources: Sources = ()

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """Do the handshake with the server and check its name."""
        kwargs["session"], self.session = self.session, None
        self.timer.finish("tcp")
        secured = super().wrap_socket(*args, **kwargs)
        self.timer.finish("tls")
        if not secured.session_reused:
            self.verified_at = time.monotonic()
        return secured


class BoundedSocket(MeteredSocket):
    """Give a server only the time limit of its context: sending a byte a second does not extend it."""

    def do_handshake(self, block: bool = False) -> None:
        """Do the handshake within the time limit, which covers all of it."""
        before = self.gettimeout()
        if isinstance(self.context, BoundedContext):
            self.settimeout(self.context.handshake_timeout_s)
        super().do_handshake(block)
        self.settimeout(before)


def anchor_path() -> Path | None:
    """Return the path of the shipped root certificate: installed, or in the source tree."""
    return next((path for path in _ANCHOR_PLACES if path.exists()), None)


def tls_context(ca_file: Path | None, *, handshake_timeout_s: float) -> BoundedContext:
    """Return a context that verifies against the system store, the shipped root and `ca_file`; TLS 1.2 or newer.

    The same checks on every Python: VERIFY_X509_STRICT, which 3.13 adds to its default contexts, refuses certificates
    only because of their form, and the platform's certificates cannot be changed here.
    """
    context = BoundedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = BoundedSocket
    context.handshake_timeout_s = handshake_timeout_s
    # Before they are read: a change during the read is noticed later.
    context.sources = _sources(ca_file)
    _trust_system(context)
    _trust(context, anchor_path(), "reinstall the package iot-onboard")
    _trust(context, ca_file, "set tls.ca_file to a file with certificates in PEM format")
    context.timer = PhaseTimer()
    return context


def resumable(sock: ssl.SSLSocket) -> BoundedContext | None:
    """Return the context of a connection with the server's session in it, for the next dial to the same host."""
    context = sock.context
    session = sock.session
    if not isinstance(context, BoundedContext) or session is None:
        return None
    context.session = session
    return context


def is_current(context: BoundedContext, ca_file: Path | None) -> bool:
    """Say whether a stored context trusts what a new one would, and verified its server's certificate recently."""
    age_s = time.monotonic() - context.verified_at
    return age_s < RESUMED_FOR_S and context.sources == _sources(ca_file)


def _sources(ca_file: Path | None) -> Sources:
    """Return the fingerprints of all files and directories of trusted certificates."""
    paths = ssl.get_default_verify_paths()
    places = (anchor_path(), ca_file, paths.cafile, paths.capath)
    return tuple((str(place), fingerprint(place)) for place in places if place is not None)


def _trust_system(context: BoundedContext) -> None:
    """Trust the system store.

    From a directory of hashed names OpenSSL reads only the certificate that a handshake needs; from the bundle it reads
    all, at every dial.
    """
    paths = ssl.get_default_verify_paths()
    chosen = {paths.openssl_cafile_env, paths.openssl_capath_env} & os.environ.keys()
    if (
        not chosen
        and paths.capath
        and has_all_of_bundle(Path(paths.capath), Path(paths.cafile) if paths.cafile else None)
    ):
        context.load_verify_locations(capath=paths.capath)
    else:
        context.load_default_certs()


def has_all_of_bundle(directory: Path, bundle: Path | None) -> bool:
    """Say whether a directory of hashed names has all of the bundle, as after update-ca-certificates.

    Not if somebody appended a certificate only to the bundle, or if it cannot be read.
    """
    try:
        # Eight digits of a hash, a dot, a number.
        hashed = sum(
            name[8:9] == "." and name[9:].isdigit()
            for name in os.listdir(directory)  # noqa: PTH208 - names are wanted
        )
        bundled = bundle.read_bytes().count(b"-----BEGIN ") if bundle is not None else 1
    except OSError:
        return False
    return hashed >= bundled


def missing_roots() -> str:
    """Return the file that should hold the public CA certificates if the system has none; empty if it has some."""
    paths = ssl.get_default_verify_paths()
    file = Path(os.environ.get(paths.openssl_cafile_env) or paths.openssl_cafile)
    directory = Path(os.environ.get(paths.openssl_capath_env) or paths.openssl_capath)
    with contextlib.suppress(OSError):
        if b"-----BEGIN " in read_plain(file, _MAX_BYTES):
            return ""
    with contextlib.suppress(OSError):
        if any((directory / name).exists() for name in os.listdir(directory) if name[8:9] == "."):  # noqa: PTH208
            return ""
    return os.path.realpath(file)


def require_system_roots() -> None:
    """Raise `OnboardError` if the system has no CA certificates."""
    if missing := missing_roots():
        raise OnboardError(_no_roots(missing, "registration is not possible"))


def _no_roots(missing: str, consequence: str) -> Transient:
    detail = f"{consequence}: this gateway trusts no public authority, because {missing} holds no certificate"
    if chosen := os.environ.get(ssl.get_default_verify_paths().openssl_cafile_env):
        return Transient(
            cause=Cause.LOCAL, soon=True, detail=detail, cure=f"correct SSL_CERT_FILE, which is set to {chosen}"
        )
    return Transient(cause=Cause.LOCAL, soon=True, detail=detail, cure=_CURE_ROOTS)


def _trust(context: BoundedContext, path: Path | None, cure: str) -> None:
    if path is None:
        return
    try:
        # Read here, because OpenSSL does not say why it fails, and would wait for the writer of a named pipe.
        data = read_plain(path, _MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        # Bytes that are not ASCII stand between the certificates.
        context.load_verify_locations(cadata=data.decode("ascii", "ignore"))
    except (OSError, ValueError, MemoryError) as error:
        if is_temporary(error):
            raise local_fault(f"the certificate file {path} cannot be read", error) from error
        # OpenSSL's own words, for all that is wrong inside a file, help nobody.
        reason = "it holds no complete certificate in PEM format"
        if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
            reason = error.strerror or str(error)
        detail = f"the certificate file {path} cannot be used: {reason}"
        raise OnboardError(Misconfigured(detail=detail, cure=cure)) from error


def tls_failure(error: ssl.SSLError | ssl.CertificateError, where: str) -> Transient:
    """Return the failure of TLS with `where`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _UNKNOWN_ISSUER and (missing := missing_roots()):
            return _no_roots(missing, f"the certificate of {where} cannot be verified")
        cause = Cause.TLS_DATE if error.verify_code in _DATE_ERRORS else Cause.TLS
        # Some texts of OpenSSL end with a full stop, and our sentence has its own.
        reason = error.verify_message.rstrip(".")
        return Transient(cause=cause, detail=f"the certificate of {where} is not accepted: {reason}")
    reason = "the connection was closed" if is_close(error) else tls_reason(error)
    return Transient(cause=Cause.TLS, detail=f"TLS with {where} failed: {reason}")


def is_close(error: Exception) -> bool:
    """Say whether TLS failed because the other side closed the connection, with or without close_notify."""
    return isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)


def tls_reason(error: ssl.SSLError | ssl.CertificateError) -> str:
    """Return OpenSSL's name of the error, as words."""
    return (error.reason or "no reason given").replace("_", " ").lower()
