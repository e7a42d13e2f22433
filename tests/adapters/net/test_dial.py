"""Reach a server over TCP and TLS against real sockets; nothing of MQTT is sent."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from iot_onboard.core.failures import Cause, OnboardError, Transient
from iot_onboard.net import dial as dial_module
from iot_onboard.net.dial import dial
from iot_onboard.net.happy_eyeballs import ATTEMPT_DELAY_S
from iot_onboard.net.timing import PhaseTimer
from iot_onboard.net.tls import tls_context
from support.machine.namespace import network, why_no_namespace
from support.platform.deaf import deaf
from support.platform.dialling import connect_tcp, failure
from support.platform.tlsserver import TlsServer, certificates
from support.process import dial_driver
from support.process.descriptors import descriptors
from support.tree import DAEMON, TESTS

needs_namespace = pytest.mark.skipif(why_no_namespace() is not None, reason=str(why_no_namespace()))


def test_a_connection_that_is_ready_for_mqtt() -> None:
    """The handshake is done, SNI named the host, not a byte was sent, and none waits for Nagle."""
    served = threading.Event()
    heard: list[bytes] = []

    def speak(connection: ssl.SSLSocket) -> None:
        served.set()
        # Closed with our session tickets unread, the connection may end in a reset.
        with contextlib.suppress(ConnectionResetError):
            heard.append(connection.recv(4096))

    with TlsServer(speak) as server:
        dialled = connect_tcp(server)
        assert dialled.version() == "TLSv1.3"
        assert server.names_asked == ["localhost"]
        assert dialled.server_hostname == "localhost"
        assert dialled.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert served.wait(10)
        dialled.close()
        server.join()
    assert b"".join(heard) == b""


def test_what_took_how_long_is_measured() -> None:
    """A slow handshake is told from a slow way there."""

    class Slow(TlsServer):
        def welcome(self, raw: socket.socket) -> None:
            # The first byte of the handshake: the way there is over.
            raw.recv(1, socket.MSG_PEEK)
            time.sleep(0.2)
            super().welcome(raw)

    with Slow() as server:
        context = tls_context(server.ca_file, handshake_timeout_s=5)
        dial("localhost", server.port, context=context, proxy=None, dial_timeout_s=5).close()
    took = context.timer.timings()
    assert (took.dns_ms is None, took.tcp_ms is None, took.answer_ms) == (False, False, None)
    assert took.tls_ms is not None
    assert took.tls_ms >= 190


@pytest.mark.parametrize(("newest", "works"), [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_nothing_older_than_tls_1_2(newest: str, works: bool) -> None:
    """A server that knows 1.1 at most is refused, and told apart from one that is not there."""
    with TlsServer() as server:
        server.context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        server.context.maximum_version = ssl.TLSVersion[newest]
        server.context.set_ciphers("ALL:@SECLEVEL=0")
        if works:
            connect_tcp(server).close()
        else:
            caught = failure(lambda: connect_tcp(server))
            assert caught.cause is Cause.TLS
            assert caught.detail.startswith(f"TLS with localhost port {server.port} failed: ")


def test_a_foreign_authority_is_refused() -> None:
    """Whoever we do not believe is named."""
    with TlsServer() as server:
        caught = failure(lambda: connect_tcp(server, ca_file=certificates("foreign")[0]))
    assert caught.cause is Cause.TLS
    assert caught.detail.startswith(f"the certificate of localhost port {server.port} is not accepted: ")


@pytest.mark.parametrize(
    ("begins", "lasts", "words"),
    [
        (timedelta(days=-1), timedelta(hours=-1), "has expired"),
        (timedelta(hours=1), timedelta(days=1), "not yet valid"),
    ],
)
def test_a_certificate_of_another_time_is_a_matter_of_dates(begins: timedelta, lasts: timedelta, words: str) -> None:
    """The clock may be wrong, ahead or behind: that is told apart."""
    with TlsServer(begins=begins, lasts=lasts) as server:
        caught = failure(lambda: connect_tcp(server))
    assert caught.cause is Cause.TLS_DATE
    assert f"certificate {'is ' if 'yet' in words else ''}{words}" in caught.detail


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_certificate_of_another_name_is_refused(host: str) -> None:
    """Believed, but not the one that was asked for."""
    with TlsServer(names=("somebody-else", "127.0.0.2")) as server:
        caught = failure(lambda: connect_tcp(server, host))
    assert caught.cause is Cause.TLS
    assert "mismatch" in caught.detail
    assert not caught.detail.endswith("."), "the line has a full stop of its own"


def test_no_tls_at_all() -> None:
    """A server that speaks first, and not TLS."""

    class Plain(TlsServer):
        def welcome(self, raw: socket.socket) -> None:
            raw.sendall(b"220 mail.example ESMTP\r\n")
            raw.recv(4096)

    with Plain() as server:
        assert failure(lambda: connect_tcp(server)).cause is Cause.TLS


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_handshake_that_the_server_ends(how: str) -> None:
    """A close and a reset in place of an answer."""

    class Rude(TlsServer):
        def welcome(self, raw: socket.socket) -> None:
            raw.recv(4096)
            if how == "reset":
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with Rude() as server:
        caught = failure(lambda: connect_tcp(server))
    assert caught.cause in {Cause.TLS, Cause.NETWORK}
    assert f"localhost port {server.port}" in caught.detail


def test_a_connection_whose_handshake_failed_is_closed_at_once() -> None:
    """Whoever holds the error holds no descriptor with it: a line that flaps would use them all up."""
    before = descriptors()
    with TlsServer() as server:
        context = tls_context(certificates("foreign")[0], handshake_timeout_s=5)
        with pytest.raises(OnboardError) as caught:
            dial("localhost", server.port, context=context, proxy=None, dial_timeout_s=5)
        assert caught.tb
        server.join()
    gc.collect()
    assert descriptors() <= before


@pytest.mark.realtime
@pytest.mark.parametrize("how", ["mute", "dripping"])
def test_a_handshake_has_one_time_limit(how: str) -> None:
    """A mute server, and one whose bytes come one by one: both are given up, and the connection is closed."""

    class Slow(TlsServer):
        def welcome(self, raw: socket.socket) -> None:
            if how == "dripping":
                with contextlib.suppress(OSError):
                    raw.sendall(b"\x16\x03\x03\x3f\xff")
                    while not self.closed.wait(0.1):
                        raw.sendall(b"\x02")
            while raw.recv(4096):
                pass

    with Slow() as server:
        began = time.monotonic()
        context = tls_context(server.ca_file, handshake_timeout_s=0.5)
        # It is none of the way there.
        caught = failure(lambda: dial("localhost", server.port, context=context, proxy=None, dial_timeout_s=20.0))
        assert 0.5 <= time.monotonic() - began <= 1.5
        server.join()
    detail = f"localhost port {server.port} did not finish the TLS handshake within 0 s"
    assert caught == Transient(cause=Cause.TIMEOUT, detail=detail)


def test_a_refused_port_says_so() -> None:
    """Nobody listens: which address, and why."""
    with TlsServer() as server:
        pass
    detail = f"no connection to localhost port {server.port}: 127.0.0.1 Connection refused"
    assert failure(lambda: connect_tcp(server)) == Transient(cause=Cause.NETWORK, detail=detail)


@pytest.mark.realtime
def test_a_deaf_port_is_given_up() -> None:
    """What a firewall drops ends with the time limit."""
    server = TlsServer()
    with deaf() as port:
        server.port = port
        caught = failure(lambda: connect_tcp(server, timeout_s=0.5))
    detail = f"no connection to localhost port {port}: 127.0.0.1 timed out"
    assert caught == Transient(cause=Cause.TIMEOUT, detail=detail)


def test_an_ipv6_address() -> None:
    """Literally: without brackets, and the certificate has to name it."""
    with TlsServer(names=("::1",), host="::1") as server:
        assert connect_tcp(server, "::1").getpeername()[0] == "::1"
        assert server.names_asked == [None], "SNI holds names only"
    with TlsServer(names=("::2",), host="::1") as server:
        assert failure(lambda: connect_tcp(server, "::1")).cause is Cause.TLS


@pytest.mark.parametrize("host", ["x" * 64, "a..b"])
def test_what_is_no_host_name(host: str) -> None:
    """It is said, and nobody is asked."""
    caught = failure(lambda: connect_tcp(TlsServer(), host))
    assert caught.cause is Cause.NAME_LOOKUP
    assert caught.detail.startswith(f"the name {host} does not resolve: not a host name")


def dial_within(prefix: list[str], host: str, alive: list[str], silent: list[str]) -> dict[str, Any]:
    command = [*prefix, sys.executable, str(dial_driver.__file__), host, json.dumps(alive), json.dumps(silent)]
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": f"{TESTS}:{DAEMON}:{TESTS.parent / 'sandbox'}",
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, env=environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


ADDRESSES = ("127.0.0.2", "127.0.0.3", "::1")
HOSTS = "".join(f"{address} platform.test\n" for address in ADDRESSES) + "::1 six.test\n"


@needs_namespace
def test_the_first_address_is_dead(tmp_path: Path) -> None:
    """The next ones get their chance while it is waited for, and SNI stays the name."""
    order = dial_within(network(tmp_path / "order", HOSTS), "platform.test", list(ADDRESSES), [])["order"]
    assert sorted(order) == sorted(ADDRESSES)
    first, second, last = order
    refused = dial_within(network(tmp_path / "refused", HOSTS), "platform.test", [last], [])
    assert (refused["peer"], refused["names"]) == (last, ["platform.test"])
    deafened = dial_within(network(tmp_path / "deaf", HOSTS), "platform.test", [last], [first, second])
    assert deafened["peer"] == last
    assert 2 * ATTEMPT_DELAY_S <= deafened["took_s"] <= 2 * ATTEMPT_DELAY_S + 1.0


@needs_namespace
def test_every_address_is_dead(tmp_path: Path) -> None:
    """Each is told with its reason."""
    found = dial_within(network(tmp_path / "net", HOSTS), "platform.test", [], ["127.0.0.2"])
    assert found["cause"] in {"TIMEOUT", "NETWORK"}
    reasons = found["detail"].removeprefix(f"no connection to platform.test port {found['port']}: ").split(", ")
    assert sorted(reasons) == ["127.0.0.2 timed out", "127.0.0.3 Connection refused", "::1 Connection refused"]


@needs_namespace
def test_a_name_with_an_ipv6_address_alone(tmp_path: Path) -> None:
    """It is reached like any other."""
    found = dial_within(network(tmp_path / "net", HOSTS), "six.test", ["::1"], [])
    assert (found["peer"], found["names"]) == ("::1", ["six.test"])


@needs_namespace
@pytest.mark.parametrize("nameserver", [True, False])
def test_an_unknown_host_says_so(tmp_path: Path, nameserver: bool) -> None:
    """A name that does not exist may be a mistake; a name server that is out of reach is none of ours."""
    found = dial_within(network(tmp_path / "net", nameserver=nameserver), "nowhere.test", [], [])
    assert found["cause"] == "NAME_LOOKUP"
    reason = (
        "Name or service not known; if this lasts, check region, instance_id and hosts in the configuration"
        if nameserver
        else "Temporary failure in name resolution"
    )
    assert found["detail"] == f"the name nowhere.test does not resolve: {reason}"


@pytest.mark.parametrize("spare", [0, 1])
def test_no_descriptor_is_left(spare: int) -> None:
    """Neither to wait with nor to connect with: a shortage of this gateway, and no fault of the line."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        # What other tests left would be freed in the middle.
        gc.collect()
        lowest_free = os.dup(listener.fileno())
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + spare, hard))
        try:
            caught = failure(lambda: dial_module.connect_tcp("127.0.0.1", port, 5.0, PhaseTimer()))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert caught.cause is Cause.LOCAL
        assert caught.detail.endswith("Too many open files")
        dial_module.connect_tcp("127.0.0.1", port, 5.0, PhaseTimer()).close()


def test_what_fails_before_the_handshake_closes_the_connection_too() -> None:
    """Here it is a socket that knows no TCP; whoever made it holds it, and it is closed all the same."""
    ours, theirs = socket.socketpair()
    with theirs:
        caught = failure(lambda: dial_module.wrap_tls(ours, "localhost", 1, tls_context(None, handshake_timeout_s=5)))
        assert caught.cause is Cause.NETWORK
        assert ours.fileno() == -1
        assert theirs.recv(1) == b""


@pytest.mark.parametrize("host", [".localhost", ".", "caf\u00e9\u2100"])
def test_what_tls_takes_for_no_host_name(host: str) -> None:
    """A failure like any other."""
    with TlsServer() as server:
        context = tls_context(server.ca_file, handshake_timeout_s=5)
        context.timer.start()
        connection = socket.create_connection(("127.0.0.1", server.port))
        assert failure(lambda: dial_module.wrap_tls(connection, host, 1, context)).cause in {
            Cause.NAME_LOOKUP,
            Cause.TLS,
        }
