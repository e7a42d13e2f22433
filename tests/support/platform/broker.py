"""A small MQTT server over TLS: it answers every login with `connack`, acknowledges what is published, and pings."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from typing import Any, BinaryIO

from .fakebroker import CONNACK_OK
from .tlsserver import TlsServer

CONNECT, PUBLISH, PINGREQ, DISCONNECT = 1, 3, 12, 14
_PINGRESP = bytes((0xD0, 0))


class Broker(TlsServer):
    """Remember the kinds of the packets, in their order, and the topics that were published to."""

    def __init__(self, **options: Any) -> None:
        self.kinds: list[int] = []
        self.topics: list[str] = []
        self.connections: list[ssl.SSLSocket] = []
        self.connack = CONNACK_OK
        self.on_login: Callable[[], object] = lambda: None
        super().__init__(self._serve_mqtt, **options)

    def kick(self) -> None:
        """Hang up on whoever logged in last."""
        # In the thread that reads it, it would end with an exception otherwise.
        with contextlib.suppress(OSError):
            self.connections[-1].shutdown(2)

    def _serve_mqtt(self, connection: ssl.SSLSocket) -> None:
        self.connections.append(connection)
        with connection.makefile("rb") as packets:
            while head := packets.read(1):
                body = packets.read(_length(packets))
                kind = head[0] >> 4
                self.kinds.append(kind)
                if kind == CONNECT:
                    self.on_login()
                    connection.sendall(self.connack)
                elif kind == PUBLISH:
                    end = 2 + int.from_bytes(body[:2], "big")
                    self.topics.append(body[2:end].decode())
                    connection.sendall(b"\x40\x02" + body[end : end + 2])
                elif kind == PINGREQ:
                    connection.sendall(_PINGRESP)
                elif kind == DISCONNECT:
                    return


def _length(packets: BinaryIO) -> int:
    """Read the remaining length of a packet (MQTT 3.1.1, 2.2.3)."""
    length = shift = 0
    while True:
        byte = packets.read(1)[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return length
