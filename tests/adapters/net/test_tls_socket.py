"""TLS whose calls end: floods of records that hold no data, records in pieces, peers that do not read."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from iot_onboard.net.dial import dial
from iot_onboard.net.tls import tls_context
from iot_onboard.net.tls_socket import MeteredSocket
from support.platform.tlsrecords import HANDSHAKE, Records, RecordServer, tickets
from support.platform.tlsserver import TlsServer, certificates

# A call takes some 10 ms; the thread of the peer in this process has its turns as well.
MAX_S = 1.0


def connect(server: TlsServer) -> ssl.SSLSocket:
    context = tls_context(server.ca_file, handshake_timeout_s=5)
    sock = dial("localhost", server.port, context=context, proxy=None, dial_timeout_s=5)
    assert isinstance(sock, MeteredSocket)
    return sock


@contextlib.contextmanager
def flooded(flood: Callable[[Records], bytes]) -> Iterator[ssl.SSLSocket]:
    """A connection on which records come for as long as it stands."""

    def speak(connection: ssl.SSLSocket) -> None:
        records = Records(connection, server.keylog)
        with records.raw:
            while True:
                records.raw.sendall(flood(records))

    with RecordServer(speak) as server, connect(server) as sock:
        yield sock
        sock.close()
        server.join()


def test_a_peer_that_takes_no_alert_hides_no_reason() -> None:
    """It shows a certificate that is not believed, and listens no more: the certificate is told, not a broken pipe."""
    ours, theirs = socket.socketpair()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificates("foreign")[1])
    shown = server.wrap_bio(incoming, outgoing, server_side=True)

    def show() -> None:
        incoming.write(theirs.recv(65536))
        with contextlib.suppress(ssl.SSLWantReadError):
            shown.do_handshake()
        theirs.shutdown(socket.SHUT_RD)
        theirs.sendall(outgoing.read())

    thread = threading.Thread(target=show)
    thread.start()
    ours.settimeout(5)
    with theirs, pytest.raises(ssl.SSLCertVerificationError):
        tls_context(certificates("ours")[0], handshake_timeout_s=5).wrap_socket(ours, server_hostname="localhost")
    thread.join()


FLOODS: dict[str, Callable[[Records], bytes]] = {
    "tickets": lambda records: records.seal(tickets(), HANDSHAKE),
    "key updates": lambda records: b"".join(records.key_update() for _ in range(100)),
    "key updates that ask for ours": lambda records: b"".join(records.key_update(asks=True) for _ in range(100)),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_without_data_keeps_no_call(flood: str) -> None:
    """Each read returns, with nothing, long before the flood ends."""
    with flooded(FLOODS[flood]) as sock:
        sock.setblocking(False)
        end_at, calls = time.monotonic() + 1.5, 0
        while time.monotonic() < end_at:
            select.select([sock], [], [], 5)
            began = time.monotonic()
            with contextlib.suppress(ssl.SSLWantReadError):
                assert sock.recv(100) is None
            assert time.monotonic() - began < MAX_S
            calls += 1
        assert calls > 3


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_without_data_ends_at_the_time_limit(flood: str) -> None:
    """Where the socket blocks, as the registration's does."""
    with flooded(FLOODS[flood]) as sock:
        sock.settimeout(0.3)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            sock.recv(100)
        assert time.monotonic() - began < 0.6 + MAX_S


def test_a_peer_that_asks_for_new_keys_and_reads_nothing() -> None:
    """What TLS answers has an end."""

    def speak(connection: ssl.SSLSocket) -> None:
        records = Records(connection, server.keylog)
        records.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        with records.raw, contextlib.suppress(OSError):
            while True:
                records.raw.sendall(b"".join(records.key_update(asks=True) for _ in range(100)))

    with RecordServer(speak) as server, connect(server) as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
        with pytest.raises(OSError, match="does not read the answers"):
            read_for(sock, 30)


def read_for(sock: ssl.SSLSocket, seconds: float) -> None:
    end_at = time.monotonic() + seconds
    while time.monotonic() < end_at:
        select.select([sock], [], [], 5)
        with contextlib.suppress(ssl.SSLWantReadError):
            sock.recv(100)


@pytest.mark.parametrize("blocking", [True, False])
def test_large_data_goes_both_ways(blocking: bool) -> None:
    """More than all buffers hold, in pieces of any size, comes back as it went."""
    sent = bytes(range(256)) * 20_000

    def speak(connection: ssl.SSLSocket) -> None:
        data = bytearray()
        while len(data) < len(sent):
            data += connection.recv(65536)
        connection.sendall(data)

    with TlsServer(speak) as server, connect(server) as sock:
        got = bytearray()
        if blocking:
            sock.settimeout(10)
            sock.sendall(sent)
            while len(got) < len(sent):
                got += sock.recv(70_000)
            assert sock.recv(1) == b""
        else:
            sock.setblocking(False)
            left = memoryview(sent)
            while len(got) < len(sent):
                select.select([sock], [sock] if left else [], [], 5)
                with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    while left:
                        left = left[sock.send(left) :]
                    while data := sock.recv(70_000):
                        got += data
        assert got == sent


def test_what_could_not_go_out_is_sent_once() -> None:
    """`SSLWantWriteError`, and the same data again: the peer gets it in order, whatever the buffers were."""
    go_on = threading.Event()
    heard = bytearray()

    def speak(connection: ssl.SSLSocket) -> None:
        go_on.wait(10)
        while data := connection.recv(65536):
            heard.extend(data)

    sent = b"".join(number.to_bytes(4, "big") for number in range(2_000_000))
    with TlsServer(speak) as server, connect(server) as sock:
        sock.setblocking(False)
        left, refused = memoryview(sent), 0
        while left:
            try:
                left = left[sock.send(left) :]
            except ssl.SSLWantWriteError:
                refused += 1
                go_on.set()
                select.select([], [sock], [], 5)
        sock.settimeout(5)
        sock.unwrap().close()
        server.join()
    assert refused
    assert heard == sent


def test_the_end_is_told_as_ever() -> None:
    """A close with or without a word of TLS, and a reset."""
    with TlsServer() as server, connect(server) as sock:
        assert sock.recv(1) == b""

    def reset(connection: ssl.SSLSocket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    with TlsServer(reset) as server, connect(server) as sock:
        server.join()
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
