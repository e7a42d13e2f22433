"""The TLS session of one connection serves the next, as long as nothing of what is believed has changed."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path

import pytest

from iot_onboard.core.failures import OnboardError
from iot_onboard.net.dial import dial
from iot_onboard.net.tls import RESUMED_FOR_S, BoundedContext, is_current, resumable, tls_context
from support.platform.tlsserver import TlsServer

VERSIONS = pytest.mark.parametrize("newest", ["TLSv1_2", "TLSv1_3"])


class Host(TlsServer):
    """Say a word, and note whether a session was resumed."""

    def __init__(self, authority: str = "ours") -> None:
        super().__init__(self._speak, authority=authority)
        self.resumed: list[bool] = []

    def _speak(self, connection: ssl.SSLSocket) -> None:
        self.resumed.append(bool(connection.session_reused))
        connection.sendall(b"hello")
        connection.recv(1)


def talk(server: Host, context: BoundedContext) -> BoundedContext:
    """Reach a server, hear its word, and return what is left for the next time."""
    sock = dial("localhost", server.port, context=context, proxy=None, dial_timeout_s=5)
    with sock:
        assert sock.recv(5) == b"hello"
        left = resumable(sock)
    assert left is context
    server.join()
    return left


@VERSIONS
def test_the_next_connection_resumes_the_session(newest: str) -> None:
    """And the one after it, for each brings a session of its own."""
    with Host() as server:
        server.context.maximum_version = ssl.TLSVersion[newest]
        context = tls_context(server.ca_file, handshake_timeout_s=5)
        for _ in range(3):
            context = talk(server, context)
        assert is_current(context, server.ca_file)
    assert server.resumed == [False, True, True]


@VERSIONS
def test_a_session_is_offered_once(newest: str) -> None:
    """Whatever becomes of that connection, the next one shows its certificate unless it brings a session too."""
    with Host() as server:
        server.context.maximum_version = ssl.TLSVersion[newest]
        context = talk(server, tls_context(server.ca_file, handshake_timeout_s=5))
        for _ in range(2):
            dial("localhost", server.port, context=context, proxy=None, dial_timeout_s=5).close()
            server.join()
    assert server.resumed == [False, True, False]


@VERSIONS
def test_a_server_that_forgot_the_session_shows_its_certificate(newest: str) -> None:
    """One that started afresh is believed by its certificate, or not at all."""
    with Host() as server, Host() as restarted, Host("foreign") as foreign:
        for host in (server, restarted, foreign):
            host.context.maximum_version = ssl.TLSVersion[newest]
        context = tls_context(server.ca_file, handshake_timeout_s=5)
        talk(server, context)
        talk(restarted, context)
        assert restarted.resumed == [False]
        with pytest.raises(OnboardError):
            talk(foreign, context)


def test_a_certificate_is_believed_for_an_hour() -> None:
    """Resuming does not make it longer: what counts is when one was seen."""
    with Host() as server:
        context = talk(server, tls_context(server.ca_file, handshake_timeout_s=5))
        seen_at = context.verified_at
        talk(server, context)
        assert server.resumed == [False, True]
        assert context.verified_at == seen_at
        assert is_current(context, server.ca_file)
        context.verified_at -= RESUMED_FOR_S
        assert not is_current(context, server.ca_file)


@pytest.mark.parametrize("change", ["other", "replaced", "gone", "none"])
def test_whoever_is_trusted_may_change(tmp_path: Path, change: str) -> None:
    """Another file, another content, no file: what was kept is not good any more."""
    with Host() as server:
        ca_file = tmp_path / "ca.pem"
        shutil.copy(server.ca_file, ca_file)
        context = talk(server, tls_context(ca_file, handshake_timeout_s=5))
    assert is_current(context, ca_file)
    present: Path | None = ca_file
    if change == "replaced":
        shutil.copy(server.ca_file, tmp_path / "new.pem")
        (tmp_path / "new.pem").replace(ca_file)
    elif change == "gone":
        ca_file.unlink()
    else:
        present = server.ca_file if change == "other" else None
    assert not is_current(context, present)


def test_a_connection_that_is_over_leaves_nothing() -> None:
    """A closed socket has no session."""
    with Host() as server:
        context = tls_context(server.ca_file, handshake_timeout_s=5)
        sock = dial("localhost", server.port, context=context, proxy=None, dial_timeout_s=5)
        sock.close()
        assert resumable(sock) is None
