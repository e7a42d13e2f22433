"""A dial ahead of its need against real servers: taken over, waited for, or closed; never heard of."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import pytest

from iot_onboard.core.failures import Cause, OnboardError, Transient
from iot_onboard.net.dial import dial
from iot_onboard.net.early_dial import EarlyDial, Found
from iot_onboard.net.tls import tls_context
from support.platform.sandbox import wait_for
from support.platform.tlsserver import TlsServer
from support.process.descriptors import descriptors


class Host(TlsServer):
    """Shake hands when told to, and note how each connection goes on."""

    def __init__(self, how: str = "listen") -> None:
        super().__init__(self._speak)
        self.how = how
        self.open = threading.Event()
        self.open.set()
        self.accepted: list[int] = []
        self.heard: list[bytes] = []
        self.spoken = threading.Event()

    def welcome(self, raw: socket.socket) -> None:
        self.accepted.append(raw.fileno())
        self.open.wait(10)
        super().welcome(raw)

    def _speak(self, connection: ssl.SSLSocket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.how == "speak":
            connection.sendall(b"220 mail.example ESMTP\r\n")
        self.spoken.set()
        if self.how == "hang up":
            return
        try:
            while data := connection.recv(4096):
                self.heard.append(data)
        except OSError:
            # Closed with our session tickets unread, the connection may end in a reset.
            return

    def dial(self) -> Found:
        context = tls_context(self.ca_file, handshake_timeout_s=5)
        sock = dial("localhost", self.port, context=context, proxy=None, dial_timeout_s=5)
        return sock, context.timer.timings()


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as server:
        yield server


def fail_by(cause: Cause) -> Callable[[], Found]:
    def fail() -> Found:
        raise OnboardError(Transient(cause=cause, detail="x"))

    return fail


@pytest.mark.parametrize("newest", ["TLSv1_2", "TLSv1_3"])
def test_what_stands_is_taken_as_it_is(host: Host, newest: str) -> None:
    """The tickets that a server of TLS 1.3 sends on its own are no sign of death; what it took is told."""
    host.context.maximum_version = ssl.TLSVersion[newest]
    early = EarlyDial(host.dial)
    assert host.spoken.wait(10)
    found = early.take()
    assert found is not None
    sock, timings = found
    assert sock.gettimeout() == 5
    assert timings.tls_ms is not None
    sock.sendall(b"CONNECT")
    wait_for(lambda: host.heard == [b"CONNECT"], "what was sent")
    assert early.take() is None, "it is given once"
    sock.close()
    host.join()
    assert len(host.accepted) == 1


def test_one_that_is_under_way_is_waited_for(host: Host) -> None:
    """The need came before the handshake was over: there is still one connection."""
    host.open.clear()
    early = EarlyDial(host.dial)
    wait_for(lambda: host.accepted, "the TCP connection")
    threading.Timer(0.1, host.open.set).start()
    found = early.take()
    assert found is not None
    found[0].close()
    assert len(host.accepted) == 1


@pytest.mark.parametrize("how", ["hang up", "speak"])
def test_a_connection_that_is_no_good_any_more_is_not_given(host: Host, how: str) -> None:
    """Closed by the server while it waited, or spoken on out of turn: the real dial makes another one."""
    host.how = how
    before = descriptors()
    early = EarlyDial(host.dial)
    assert host.spoken.wait(10)
    if how == "hang up":
        host.join()
    assert early.take() is None
    host.join()
    wait_for(lambda: descriptors() <= before, "no descriptor left behind")


def test_what_nobody_takes_is_closed_after_a_while(host: Host) -> None:
    """The server is not left with a connection that says nothing."""
    before = descriptors()
    early = EarlyDial(host.dial, fresh_s=0.05)
    assert host.spoken.wait(10)
    host.join()
    assert early.take() is None
    assert host.heard == []
    wait_for(lambda: descriptors() <= before, "no descriptor left behind")


@pytest.mark.parametrize("stands", [True, False])
def test_what_is_not_wanted_any_more_is_closed(host: Host, stands: bool) -> None:
    """At once where it stands; else nobody waits for it, and it is closed when it does."""
    before = descriptors()
    if not stands:
        host.open.clear()
    early = EarlyDial(host.dial, fresh_s=60)
    assert host.spoken.wait(10) if stands else wait_for(lambda: host.accepted, "the TCP connection")
    early.drop()
    assert early.take() is None
    host.open.set()
    host.join()
    wait_for(lambda: descriptors() <= before, "no descriptor left behind")


@pytest.mark.parametrize(("cause", "nobody"), [(Cause.NAME_LOOKUP, True), (Cause.NETWORK, False), (Cause.TLS, False)])
def test_a_failure_is_kept(cause: Cause, nobody: bool) -> None:
    """Nothing is given, and whether anybody was spoken to can be asked for."""
    early = EarlyDial(fail_by(cause))
    assert early.take() is None
    assert early.name_unresolved() == nobody


def test_a_defect_is_kept_too(capfd: pytest.CaptureFixture[str]) -> None:
    """No traceback shows what an exception quotes."""

    def crash() -> Found:
        raise ValueError("hunter2")

    early = EarlyDial(crash)
    assert early.take() is None
    wait_for(lambda: all(thread.name != "early-dial" for thread in threading.enumerate()), "the end of the thread")
    assert capfd.readouterr() == ("", "")
