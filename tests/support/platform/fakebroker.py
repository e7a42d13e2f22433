"""A raw-packet MQTT server over TLS that answers as a script says."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from typing import Any

from .tlsserver import TlsServer

CONNACK_OK = bytes((0x20, 2, 0, 0))
_RUBBISH = b"\xf0\xff\xff\xff\x7f" + bytes(range(256))
# The head of a TLS record with a ServerHello of 122 bytes, of which 4 come.
_HALF_A_HELLO = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76"


class FakeBroker(TlsServer):
    """Run each connection by the next word of the script; the last word repeats.

    `connack N`, `mute` (after CONNECT), `mute-handshake`, `reset-handshake` (in its middle), `close` (after CONNACK 0),
    `close-on-report` (after the packet that follows it), `leave` (a second after it), `drop` (before CONNACK), `noise`
    (in its place), `rubbish` (after it).
    """

    def __init__(self, *script: str, **options: Any) -> None:
        super().__init__(**options)
        self._script = list(script)
        self.accepts: list[float] = []
        self.connects: list[float] = []
        self.packets: list[bytes] = []
        self.resumed: list[bool] = []

    def welcome(self, raw: socket.socket) -> None:
        self.accepts.append(time.monotonic())
        word = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if word == "mute-handshake":
            self.closed.wait(60)
            return
        if word == "reset-handshake":
            raw.recv(4096)
            raw.sendall(_HALF_A_HELLO)
            # Closed like this, a connection ends with RST and not with FIN.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        with self.context.wrap_socket(raw, server_side=True) as connection:
            self._follow(connection, word)

    def _follow(self, connection: ssl.SSLSocket, word: str) -> None:
        self.packets.append(connection.recv(4096))
        self.connects.append(time.monotonic())
        self.resumed.append(bool(connection.session_reused))
        if word.startswith("connack"):
            connection.sendall(bytes((0x20, 2, 0, int(word.split()[1]))))
        elif word == "mute":
            self.closed.wait(60)
        elif word == "close":
            connection.sendall(CONNACK_OK)
        elif word == "close-on-report":
            connection.sendall(CONNACK_OK)
            self.packets.append(connection.recv(4096))
        elif word == "leave":
            connection.sendall(CONNACK_OK)
            self.closed.wait(1)
            # Ended as TLS wants it: a client forgets the session of a connection that was cut off.
            connection.settimeout(1)
            with contextlib.suppress(OSError):
                connection.unwrap()
        elif word in {"rubbish", "noise"}:
            connection.sendall((CONNACK_OK if word == "rubbish" else b"") + _RUBBISH)
            connection.settimeout(2)
            connection.recv(4096)
