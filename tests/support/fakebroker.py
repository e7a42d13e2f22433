"""A raw-packet MQTT server over TLS that answers as a script says."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Self

from iot_sandbox.authority import make_certificates

CONNACK_OK = bytes((0x20, 2, 0, 0))


class FakeBroker:
    """Run each connection by the next word of the script; the last word repeats.

    `connack N`, `mute` (after CONNECT), `mute-handshake`, `close` (after CONNACK 0), `drop` (before CONNACK),
    `rubbish`, `stay` (CONNACK 0, then silence: pings are not answered).
    """

    def __init__(self, directory: Path, *script: str) -> None:
        self.ca_file, chain = make_certificates(directory, ("localhost", "127.0.0.1"))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(chain)
        self._script = list(script)
        self.connects: list[float] = []
        self.packets: list[bytes] = []
        self.closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closed.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self.closed.is_set():
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            word = self._script.pop(0) if len(self._script) > 1 else self._script[0]
            threading.Thread(target=self._serve, args=(raw, word), daemon=True).start()

    def _serve(self, raw: socket.socket, word: str) -> None:
        with raw:
            if word == "mute-handshake":
                self.closed.wait(60)
                return
            try:
                with self._context.wrap_socket(raw, server_side=True) as connection:
                    self._speak(connection, word)
            except OSError:
                return

    def _speak(self, connection: ssl.SSLSocket, word: str) -> None:
        self.packets.append(connection.recv(4096))
        self.connects.append(time.monotonic())
        if word.startswith("connack"):
            connection.sendall(bytes((0x20, 2, 0, int(word.split()[1]))))
        elif word == "mute":
            self.closed.wait(60)
        elif word == "close":
            connection.sendall(CONNACK_OK)
        elif word == "rubbish":
            connection.sendall(CONNACK_OK + b"\xf0\xff\xff\xff\x7f" + bytes(range(256)))
            connection.settimeout(2)
            connection.recv(4096)
        elif word == "stay":
            connection.sendall(CONNACK_OK)
            while data := connection.recv(4096):
                self.packets.append(data)
