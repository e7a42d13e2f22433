"""Whom TLS believes: the shipped root, a file of the operator's, and nobody for the asking."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from iot_onboard.core.failures import Cause, Misconfigured, OnboardError, Transient
from iot_onboard.net.tls import (
    anchor_path,
    has_all_of_bundle,
    missing_roots,
    require_system_roots,
    tls_context,
    tls_failure,
)
from support.machine.namespace import UNSHARE, why_no_namespace
from support.platform.tlsserver import TlsServer, certificates
from support.process.descriptors import none_left

BROKEN = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def refused(path: Path) -> Misconfigured:
    with pytest.raises(OnboardError) as caught:
        tls_context(path, handshake_timeout_s=5)
    failure = caught.value.failure
    assert isinstance(failure, Misconfigured)
    return failure


@pytest.mark.parametrize("kind", ["rubbish", "empty", "key", "cut", "binary", "broken", "second-broken"])
def test_rubbish_is_no_file_of_certificates(tmp_path: Path, kind: str) -> None:
    """Whatever is in tls.ca_file, the operator is told which file it is and what belongs there."""
    ca_file, _ = certificates("ours")
    whole = ca_file.read_bytes()
    content = {
        "rubbish": b"rubbish\n",
        "empty": b"",
        "key": ca_file.with_name("ca.key").read_bytes(),
        "cut": whole[:300],
        "binary": bytes(range(256)),
        "broken": BROKEN,
        "second-broken": whole + BROKEN,
    }
    path = tmp_path / "ca_file"
    path.write_bytes(content[kind])
    assert refused(path) == Misconfigured(
        detail=f"the certificate file {path} cannot be used: it holds no complete certificate in PEM format",
        cure="set tls.ca_file to a file with certificates in PEM format",
    )


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    """A missing file and a directory: the system's own reason."""
    assert refused(tmp_path / "none").detail.endswith("/none cannot be used: No such file or directory")
    assert refused(tmp_path).detail.endswith("cannot be used: Is a directory")
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe").detail.endswith("/pipe cannot be used: not a regular file")
    (tmp_path / "endless").touch()
    os.truncate(tmp_path / "endless", 1 << 40)
    assert refused(tmp_path / "endless").detail.endswith("/endless cannot be used: File too large")


def shake_hands(server: TlsServer, context: ssl.SSLContext) -> str | None:
    with socket.create_connection(("127.0.0.1", server.port), 5) as raw:
        return context.wrap_socket(raw, server_hostname="localhost").version()


@pytest.mark.parametrize("flags", [ssl.VerifyFlags(0), ssl.VERIFY_X509_STRICT], ids=["plain", "strict"])
def test_the_sandbox_s_certificates_pass(flags: ssl.VerifyFlags) -> None:
    """With its authority in ca_file a server is believed, by Python 3.13's strict rules too; without, it is not."""
    with TlsServer() as server:
        context = tls_context(server.ca_file, handshake_timeout_s=5)
        context.verify_flags |= flags
        assert shake_hands(server, context) == "TLSv1.3"
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            shake_hands(server, tls_context(None, handshake_timeout_s=5))
        assert tls_failure(caught.value, "it").cause is Cause.TLS


def test_the_context_is_the_same_on_every_python() -> None:
    """Verification and host names on, nothing older than TLS 1.2, and no strictness that came with an upgrade."""
    context = tls_context(None, handshake_timeout_s=5)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


def test_the_shipped_root_is_the_vendor_s() -> None:
    """Its fingerprint is the one that the README names, the context holds it, and OpenSSL's strict rules accept it."""
    path = anchor_path()
    assert path is not None
    der = ssl.PEM_cert_to_DER_cert(path.read_text())
    named = re.search(r"`([0-9A-F]{64})`", path.with_name("README.md").read_text())
    assert named is not None
    assert hashlib.sha256(der).hexdigest().upper() == named[1]
    assert der in tls_context(None, handshake_timeout_s=5).get_ca_certs(binary_form=True)
    judged = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", str(path), str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert judged.stdout == f"{path}: OK\n", judged.stderr


def hashed_store(directory: Path, *certificates: Path) -> Path:
    directory.mkdir()
    for certificate in certificates:
        shutil.copy(certificate, directory / f"{certificate.parent.name}.pem")
    subprocess.run(["openssl", "rehash", str(directory)], check=True)
    return directory


def test_a_directory_of_hashed_names_does_for_the_bundle_only_where_it_holds_as_many(tmp_path: Path) -> None:
    """A certificate that somebody appended to the bundle alone is not lost, and neither is a store of another make."""
    ours, _ = certificates("ours")
    theirs, _ = certificates("theirs")
    directory = hashed_store(tmp_path / "certs", ours, theirs)
    bundle = tmp_path / "bundle.crt"
    bundle.write_bytes(ours.read_bytes() + theirs.read_bytes())
    assert has_all_of_bundle(directory, bundle)
    assert has_all_of_bundle(directory, None)
    bundle.write_bytes(bundle.read_bytes() + ours.read_bytes())
    assert not has_all_of_bundle(directory, bundle)
    assert not has_all_of_bundle(directory, tmp_path / "none.crt")
    assert not has_all_of_bundle(tmp_path / "none", None)
    for link in directory.glob("*.[0-9]"):
        link.unlink()
    assert not has_all_of_bundle(directory, None)


_IN_A_SYSTEM = """
set -e
mount --bind "$1" /etc/ssl/certs
shift
exec "$@"
"""
_SHAKE_HANDS = """
import socket, sys
from iot_onboard.net.tls import tls_context
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5) as raw:
    print(tls_context(None, handshake_timeout_s=5).wrap_socket(raw, server_hostname="localhost").version())
"""


@pytest.mark.skipif(why_no_namespace() is not None, reason=str(why_no_namespace()))
@pytest.mark.parametrize("kept", ["hashed and bundled", "bundled", "appended to the bundle"])
def test_the_system_store_is_believed_however_it_is_kept(tmp_path: Path, kept: str) -> None:
    """On a system whose store holds this root it is believed, and a stranger is not."""
    ours, _ = certificates("ours")
    another, _ = certificates("another")
    hashed = {"hashed and bundled": [ours], "bundled": [], "appended to the bundle": [another]}[kept]
    bundled = [another, ours] if kept == "appended to the bundle" else [ours]
    store = hashed_store(tmp_path / "certs", *hashed)
    (store / "ca-certificates.crt").write_bytes(b"".join(path.read_bytes() for path in bundled))
    # From the network of this test into another there is no way: its mounts alone are changed.
    own_mounts = [word.replace("n", "") if word.startswith("-") else word for word in UNSHARE]
    for authority, believed in (("ours", True), ("stranger", False)):
        with TlsServer(authority=authority) as server:
            command = [*own_mounts, "sh", "-c", _IN_A_SYSTEM, "sh", str(store)]
            program = [sys.executable, "-c", _SHAKE_HANDS, str(server.port)]
            done = subprocess.run([*command, *program], capture_output=True, text=True, check=False)
            assert (done.stdout == "TLSv1.3\n") == believed, done.stderr
            assert believed or "CERTIFICATE_VERIFY_FAILED" in done.stderr


def test_a_shortage_is_not_called_a_broken_file() -> None:
    """Without a descriptor to be had no certificate is wrong: neither ours nor the operator's."""
    ca_file, _ = certificates("ours")
    for path in (None, ca_file):
        with none_left(), pytest.raises(OnboardError) as caught:
            tls_context(path, handshake_timeout_s=5)
        assert isinstance(caught.value.failure, Transient)
        assert caught.value.failure.cause is Cause.LOCAL


def test_what_stands_beside_certificates_is_passed_over(tmp_path: Path) -> None:
    """Names in any alphabet, as `openssl x509 -text` and people write them."""
    ca_file, _ = certificates("ours")
    path = tmp_path / "ca.pem"
    path.write_bytes("Zertifikat für Köln\n".encode() + ca_file.read_bytes() + b"\xff\n" + ca_file.read_bytes())
    ours = ssl.PEM_cert_to_DER_cert(ca_file.read_text())
    assert ours in tls_context(path, handshake_timeout_s=5).get_ca_certs(binary_form=True)


@pytest.mark.parametrize("content", [None, b"", b"# nothing\n"])
def test_a_system_that_trusts_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> None:
    """A store that is missing or empty is this gateway's fault, named with its place, and no stranger's certificate."""
    bundle = tmp_path / "ca.crt"
    if content is not None:
        bundle.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    assert missing_roots() == str(bundle)
    context = tls_context(None, handshake_timeout_s=5)
    with (
        TlsServer(authority="stranger") as server,
        socket.create_connection(("127.0.0.1", server.port), 5) as raw,
        pytest.raises(ssl.SSLCertVerificationError) as caught,
    ):
        context.wrap_socket(raw, server_hostname="localhost")
    failure = tls_failure(caught.value, "localhost")
    assert (failure.cause, failure.soon) == (Cause.LOCAL, True)
    assert f"{bundle} holds no certificate" in failure.detail
    assert failure.cure == f"correct SSL_CERT_FILE, which is set to {bundle}"
    with pytest.raises(OnboardError, match="trusts no public authority"):
        require_system_roots()


def test_a_system_that_trusts_somebody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a bundle, or by hashed names: then a stranger is one."""
    ours, _ = certificates("ours")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(hashed_store(tmp_path / "certs", ours)))
    assert missing_roots() == ""
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_FILE", str(ours))
    assert missing_roots() == ""
    require_system_roots()
