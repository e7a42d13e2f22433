"""Servers that log a gateway in, and then send without end."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable

from .fakebroker import CONNACK_OK
from .tlsrecords import HANDSHAKE, Records, RecordServer, tickets

Flood = Callable[[ssl.SSLSocket, Records], None]
_MESSAGE = b"\x30\x03\x00\x01t"


def length(size: int) -> bytes:
    """Encode a remaining length of three bytes (MQTT 3.1.1, 2.2.3)."""
    return bytes((size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14))


def _large(qos: int, size: int = 299_000) -> bytes:
    head = b"\x00\x01t" + (b"\x00\x07" if qos else b"")
    return bytes((0x30 | qos << 1,)) + length(size) + head + bytes(size - len(head))


def _repeat(data: bytes) -> Flood:
    def flood(_: ssl.SSLSocket, records: Records) -> None:
        while True:
            for at in range(0, len(data), 16_384):
                records.send(data[at : at + 16_384])

    return flood


def _each(data: bytes) -> Flood:
    """Give each its own record, as many of them as one write takes."""

    def flood(_: ssl.SSLSocket, records: Records) -> None:
        while True:
            records.raw.sendall(b"".join(records.seal(data) for _ in range(200)))

    return flood


def _sealed(seal: Callable[[Records], bytes]) -> Flood:
    def flood(_: ssl.SSLSocket, records: Records) -> None:
        while True:
            records.raw.sendall(seal(records))

    return flood


def _announced(_: ssl.SSLSocket, records: Records) -> None:
    records.send(b"\x30\xff\xff\xff\x7f\x00\x01t")
    _repeat(bytes(16_384))(_, records)


FLOODS: dict[str, Flood] = {
    "pingresp": _repeat(b"\xd0\x00" * 8192),
    "pingresp, a record each": _each(b"\xd0\x00"),
    "pingresp, across records": _each(b"\x00\xd0"),
    "publish, qos 0, small": _repeat(_MESSAGE * 3000),
    "publish, qos 0, a record each": _each(_MESSAGE),
    "publish, qos 0, a byte a record": _sealed(
        lambda records: b"".join(records.seal(_MESSAGE[at : at + 1]) for _ in range(50) for at in range(5))
    ),
    "publish, qos 0, large": _repeat(_large(0)),
    "publish, qos 1, small, and nothing read": _repeat(b"\x32\x05\x00\x01t\x00\x08" * 2000),
    "publish, qos 1, large, and nothing read": _repeat(_large(1)),
    "publish, qos 2": _repeat(b"\x34\x05\x00\x01t\x00\x08" * 2000),
    "publish of 256 MB": _announced,
    "session tickets": _sealed(lambda records: records.seal(tickets(), HANDSHAKE)),
    "key updates": _sealed(lambda records: b"".join(records.key_update() for _ in range(100))),
    "key updates that ask for ours": _sealed(
        lambda records: b"".join(records.key_update(asks=True) for _ in range(100))
    ),
    "key updates, and a byte now and then": _sealed(
        lambda records: b"".join(records.key_update() for _ in range(100)) + records.seal(b"\x30")
    ),
}


class FloodServer(RecordServer):
    """Answer CONNECT, before or after the flood begins, and flood whoever came for as long as it stands."""

    def __init__(self, flood: Flood, *, before_connack: bool = False) -> None:
        self._flood = flood
        self._before_connack = before_connack
        self.logins = 0
        super().__init__(self._speak_mqtt)
        # Nothing is read after CONNECT: what the gateway answers is to stand in its own queue soon.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def _speak_mqtt(self, connection: ssl.SSLSocket) -> None:
        connection.recv(4096)
        self.logins += 1
        records = Records(connection, self.keylog)
        with records.raw, contextlib.suppress(OSError):
            if not self._before_connack:
                records.send(CONNACK_OK)
            self._flood(connection, records)
