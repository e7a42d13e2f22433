"""Reach a server through a proxy: real sockets, and a proxy with a mind of its own."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from iot_onboard.core.failures import Cause, OnboardError, Transient
from iot_onboard.core.proxy import ProxyAddress
from iot_onboard.core.secret import Secret
from iot_onboard.net.happy_eyeballs import Resolved
from iot_onboard.net.proxy_tunnel import open_tunnel
from support.machine.namespace import network, why_no_namespace
from support.platform.dialling import connect_tcp, failure
from support.platform.fakeproxy import FakeProxy
from support.platform.sandbox import wait_for
from support.platform.tlsserver import TlsServer, certificates
from support.process.descriptors import descriptors


def test_a_tunnel_that_is_open() -> None:
    """What comes back is a plain connection to the server, with the time limit that was given."""
    noted: Resolved = {}
    with FakeProxy() as proxy, TlsServer() as server:
        address = ProxyAddress(host="127.0.0.1", port=proxy.port)
        with open_tunnel("localhost", server.port, address, 3.0, noted) as connection:
            assert connection.gettimeout() == 3.0
            assert proxy.asked == [f"localhost:{server.port}"]
    assert noted == {"127.0.0.1": ("127.0.0.1",)}, "the way to the proxy is what counts"


@pytest.mark.parametrize("user", [None, "gw"])
def test_through_a_proxy(user: str | None) -> None:
    """With a password of any characters and without; TLS is with the server, and SNI names it."""
    password = "p@ss:w0rd/é" if user else ""
    with FakeProxy(user, password) as proxy, TlsServer() as server:
        address = ProxyAddress(
            host="localhost", port=proxy.port, username=user, password=Secret(password) if user else None
        )
        connect_tcp(server, proxy=address).close()
        assert proxy.asked == [f"localhost:{server.port}"]
        assert server.names_asked == ["localhost"]


def test_a_foreign_server_behind_a_proxy_is_refused() -> None:
    """A proxy is no reason to believe anybody."""
    with FakeProxy() as proxy, TlsServer() as server:
        address = ProxyAddress(host="127.0.0.1", port=proxy.port)
        caught = failure(lambda: connect_tcp(server, proxy=address, ca_file=certificates("foreign")[0]))
    assert caught.cause is Cause.TLS


def test_an_ipv6_address_through_a_proxy() -> None:
    """CONNECT names it in brackets, whatever Python makes of it, and the certificate is compared without them."""
    with FakeProxy() as proxy, TlsServer(names=("::1",), host="::1") as server:
        connect_tcp(server, "::1", proxy=ProxyAddress(host="127.0.0.1", port=proxy.port)).close()
        assert proxy.asked == [f"[::1]:{server.port}"]


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (None, "Tunnel connection failed: 407 Proxy Authentication Required"),
        (b"HTTP/1.1 403 Forbid\x1b[2Jden\r\n\r\n", "Tunnel connection failed: 403 Forbid[2Jden"),
        (b"HTTP/1.1 502 " + b"x" * 5000 + b"\r\n\r\n", "Tunnel connection failed: 502 x"),
        (b"rubbish\r\n\r\n", "rubbish"),
        (b"\n", ""),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, ""),
    ],
    ids=["407", "403", "502", "rubbish", "empty-line", "long-line"],
)
def test_a_proxy_that_does_not_connect(says: bytes | None, words: str) -> None:
    """The proxy is named, with what it said as far as that can be shown; its password is not."""
    with FakeProxy("gw", "right", says=says) as proxy, TlsServer() as server:
        address = ProxyAddress(host="127.0.0.1", port=proxy.port, username="gw", password=Secret("wr0ng"))
        caught = failure(lambda: connect_tcp(server, proxy=address))
    assert caught.cause is Cause.PROXY
    assert caught.detail.startswith(f"no connection through the proxy 127.0.0.1 port {proxy.port}: {words}")
    assert len(caught.detail) < 250
    assert caught.detail.isprintable()
    assert "wr0ng" not in caught.detail


@pytest.mark.parametrize(
    ("says", "words"),
    [(b"HTTP/1.1 200 OK\r\n\r\nrubbish", ""), (b"HTTP/1.1 200 OK\r\nX: 1\r\n", "the connection was closed")],
)
def test_after_a_proxy_s_consent_it_is_the_server_that_is_spoken_to(says: bytes, words: str) -> None:
    """Rubbish, and a close."""
    with FakeProxy(says=says) as proxy, TlsServer() as server:
        address = ProxyAddress(host="127.0.0.1", port=proxy.port)
        caught = failure(lambda: connect_tcp(server, proxy=address))
    assert caught.cause is Cause.TLS
    assert caught.detail.startswith(f"TLS with localhost port {server.port} failed: {words}")


def test_a_proxy_that_refused_is_hung_up_on_at_once() -> None:
    """Whoever holds the error holds no descriptor with it."""
    before = descriptors()
    with FakeProxy(says=b"HTTP/1.1 403 Forbidden\r\n\r\n") as proxy:
        with pytest.raises(OnboardError) as caught:
            open_tunnel("localhost", 1, ProxyAddress(host="127.0.0.1", port=proxy.port), 5.0)
        assert caught.tb
    gc.collect()
    # The proxy's own end is in this process too.
    wait_for(lambda: descriptors() <= before, "the end of the connection", 5)


@pytest.mark.realtime
@pytest.mark.skipif(why_no_namespace() is not None, reason=str(why_no_namespace()))
def test_the_way_to_a_proxy_is_within_its_limit(tmp_path: Path) -> None:
    """One with four addresses, of which the last alone answers, has the less time for its answer."""
    addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"]
    hosts = "".join(f"{address} proxy.test\n" for address in addresses)
    command = [*network(tmp_path / "net", hosts), sys.executable, "-c", _SLOW_WAY, *addresses]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, env=environment)
    assert done.returncode == 0, done.stderr
    took_s, detail = done.stdout.strip().split(" ", 1)
    assert "timed out" in detail
    # On its own the mute proxy would have had 1.2 s after the 0.75 s of the way there.
    assert 1.2 <= float(took_s) < 1.8


_SLOW_WAY = """
import contextlib, socket, sys, time
from iot_onboard.core.failures import OnboardError
from iot_onboard.core.proxy import ProxyAddress
from iot_onboard.net.proxy_tunnel import open_tunnel
from support.platform.deaf import deaf

*silent, last = [place[4][0] for place in socket.getaddrinfo("proxy.test", 1, type=socket.SOCK_STREAM)]
assert {*silent, last} == {*sys.argv[1:]}
with socket.create_server((last, 0)) as mute, contextlib.ExitStack() as stack:
    port = mute.getsockname()[1]
    for address in silent:
        stack.enter_context(deaf(address, port))
    began = time.monotonic()
    try:
        open_tunnel("platform.test", 443, ProxyAddress(host="proxy.test", port=port), 1.2)
    except OnboardError as error:
        print(time.monotonic() - began, error.failure.detail)
"""


def test_a_proxy_that_is_not_there() -> None:
    """The system's own reason."""
    with FakeProxy() as proxy:
        pass
    address = ProxyAddress(host="127.0.0.1", port=proxy.port)
    assert failure(lambda: connect_tcp(TlsServer(), proxy=address)) == Transient(
        cause=Cause.PROXY, detail=f"no connection through the proxy 127.0.0.1 port {proxy.port}: Connection refused"
    )


@pytest.mark.realtime
def test_a_mute_proxy_is_given_up() -> None:
    """It takes the connection and says nothing."""
    with FakeProxy(says=b"") as proxy:
        address = ProxyAddress(host="127.0.0.1", port=proxy.port)
        began = time.monotonic()
        caught = failure(lambda: connect_tcp(TlsServer(), timeout_s=0.5, proxy=address))
        assert time.monotonic() - began <= 1.5
    assert caught.cause is Cause.PROXY
    assert caught.detail.endswith(": timed out")


def test_a_proxy_s_name_that_is_unknown() -> None:
    """It is the proxy's name that the line speaks of."""
    assert failure(lambda: connect_tcp(TlsServer(), proxy=ProxyAddress(host="a..b", port=3128))) == Transient(
        cause=Cause.PROXY, detail="no connection through the proxy a..b port 3128: not a host name"
    )


@pytest.mark.realtime
@pytest.mark.parametrize(
    ("first", "again", "gap_s"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n", 0.05),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y", 0.05),
        (b"HTTP/1.1 ", b"2", 0.05),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.1),
        (b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n" * 1000, 0.0),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 9000, 0.0),
        (b"HTTP/1.1 407 ", b"y" * 9000, 0.0),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 0.0),
    ],
    ids=["lines", "line", "status", "1xx", "many-lines", "long-line", "long-status", "many-1xx"],
)
def test_one_time_limit_for_the_whole_tunnel(first: bytes, again: bytes, gap_s: float) -> None:
    """A proxy that drips is given up when the time is over, and one that floods as soon as it is too much."""

    def endless(write: Callable[[bytes], object]) -> None:
        write(first)
        while True:
            write(again)
            time.sleep(gap_s)

    with FakeProxy(says=endless) as proxy:
        began = time.monotonic()
        caught = failure(
            lambda: connect_tcp(TlsServer(), timeout_s=1.0, proxy=ProxyAddress(host="localhost", port=proxy.port))
        )
        assert time.monotonic() - began <= 2.0
    assert caught.cause is Cause.PROXY


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (b"", "it ended the connection"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "it ended the connection"),
        (b"SSH-2.0-x\r\n", "SSH-2.0-x: it answered with something that is not HTTP"),
        (b"\x16\x03\x01\x1b[31m\xe2\x80\xaebad\r\n", "[31mbad: it answered with something that is not HTTP"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n", "Tunnel connection failed: 302 Found"),
        (
            b"HTTP/1.1 403 \xe2\x80\xaeForbid\x1b]0;x\x07den\xff\r\n\r\n",
            "Tunnel connection failed: 403 Forbid]0;xden\ufffd",
        ),
    ],
    ids=["closes", "goes-on-and-closes", "ssh", "rubbish", "redirect", "escapes"],
)
def test_what_a_proxy_may_say_instead(says: bytes, words: str) -> None:
    """In words of ours, and of its own what a line may show."""
    with FakeProxy(says=lambda write: write(says)) as proxy:
        caught = failure(lambda: connect_tcp(TlsServer(), proxy=ProxyAddress(host="localhost", port=proxy.port)))
    assert caught == Transient(
        cause=Cause.PROXY, detail=f"no connection through the proxy localhost port {proxy.port}: {words}"
    )
