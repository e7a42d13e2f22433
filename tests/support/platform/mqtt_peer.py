"""The other end of an MQTT connection, packet by packet, and what a loop does with ours."""

from __future__ import annotations

import contextlib
import queue
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

from iot_onboard.core.secret import Secret
from iot_onboard.mqtt.client import Connection
from iot_onboard.mqtt.model import Connack, ConnectionLost, MqttEvent
from iot_onboard.net.dial import dial
from iot_onboard.net.tls import tls_context
from iot_sandbox import packets

from .tlsserver import TlsServer

CLIENT_ID, USERNAME, PASSWORD = "pk.gw|securemode=2,signmethod=hmacsha256|", "gw&pk", "passw0rd"
CONNACK, PINGREQ, PINGRESP, DISCONNECT = b"\x20\x02\x00\x00", b"\xc0\x00", b"\xd0\x00", b"\xe0\x00"
TOPIC = "/pk/gw/user/x"


class Hands:
    """A clock to be moved."""

    now_s = 1000.0


class Peer(TlsServer):
    """Hand each connection to the test."""

    def __init__(self, **options: Any) -> None:
        self.arrived: queue.Queue[ssl.SSLSocket] = queue.Queue()
        super().__init__(self._hand_over, **options)

    def _hand_over(self, connection: ssl.SSLSocket) -> None:
        connection.settimeout(10)
        self.arrived.put(connection)
        self.closed.wait(60)


def dialled(peer: Peer) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
    """Return both ends of a new connection."""
    context = tls_context(peer.ca_file, handshake_timeout_s=5)
    ours = dial("localhost", peer.port, context=context, proxy=None, dial_timeout_s=5)
    return ours, peer.arrived.get(timeout=5)


def plain_pair(family: str) -> tuple[socket.socket, socket.socket]:
    """Return both ends of a new connection without TLS: `tcp` or `unix`."""
    if family == "unix":
        ours, theirs = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname(), timeout=5)
            theirs, _ = listener.accept()
    theirs.settimeout(10)
    return ours, theirs


def log_in(sock: socket.socket, now: Callable[[], float] = time.monotonic, **options: Any) -> Connection:
    """Send CONNECT; options are those of `Connection`, or other than these."""
    usual = {
        "client_id": CLIENT_ID,
        "username": USERNAME,
        "password": Secret(PASSWORD),
        "keepalive_s": 60,
        "clean_session": False,
    }
    return Connection(sock, now=now, **{**usual, **options})


@contextlib.contextmanager
def connecting(
    peer: Peer, now: Callable[[], float] = time.monotonic, **options: Any
) -> Iterator[tuple[Connection, ssl.SSLSocket]]:
    """Send CONNECT over TLS; give the connection and its other end."""
    ours, theirs = dialled(peer)
    connection = log_in(ours, now, **options)
    try:
        yield connection, theirs
    finally:
        connection.drop()
        theirs.close()


@contextlib.contextmanager
def online(
    peer: Peer, now: Callable[[], float] = time.monotonic, **options: Any
) -> Iterator[tuple[Connection, ssl.SSLSocket]]:
    """Log in over TLS; give the connection and its other end."""
    with connecting(peer, now, **options) as (connection, theirs):
        accept(connection, theirs)
        yield connection, theirs


@contextlib.contextmanager
def online_over(
    link: str, peer: Peer, now: Callable[[], float] = time.monotonic, **options: Any
) -> Iterator[tuple[Connection, socket.socket]]:
    """Log in over `tls`, `tcp` or `unix`; give the connection and its other end."""
    ours, theirs = dialled(peer) if link == "tls" else plain_pair(link)
    connection = log_in(ours, now, **options)
    try:
        accept(connection, theirs)
        yield connection, theirs
    finally:
        connection.drop()
        theirs.close()


def accept(connection: Connection, theirs: socket.socket) -> None:
    """Read CONNECT and answer it with CONNACK 0."""
    assert packet(theirs)[0] == packets.CONNECT << 4
    theirs.sendall(CONNACK)
    assert follow(connection) == [Connack(code=0)]


def packet(theirs: socket.socket) -> bytes:
    """Read one packet of the client's."""
    raw = theirs.recv(1)
    if not raw:
        return b""
    length = None
    while length is None:
        raw += theirs.recv(1)
        length = packets.read_length(raw[1:])
    end = len(raw) + length
    while len(raw) < end:
        raw += theirs.recv(end - len(raw))
    return raw


def follow(connection: Connection, seconds: float = 5.0) -> list[MqttEvent]:
    """Do what the loop does until something happens."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if connection.next_check_at() == float("-inf"):
            if events := connection.tick():
                return events
            continue
        readers = [connection] if connection.want_read() else []
        writers = [connection] if connection.want_write() else []
        readable, writable, _ = select.select(readers, writers, [], 0.1)
        events = (connection.write() if writable else []) + (connection.read() if readable else [])
        if events:
            return events
    return []


def body(raw: bytes) -> bytes:
    """Return what follows the length of a packet."""
    end = next(at for at in range(1, 5) if raw[at] < 0x80)
    return raw[end + 1 :]


def lost(events: list[MqttEvent]) -> ConnectionLost:
    """Return the one event that there is, an end."""
    (event,) = events
    assert isinstance(event, ConnectionLost)
    return event


def reset(theirs: socket.socket) -> None:
    """Close with RST in the place of FIN."""
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()
