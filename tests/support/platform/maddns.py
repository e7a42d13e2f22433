"""A name server on 127.0.0.1 that says what a function makes of each query, over UDP and over TCP."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Self

Write = Callable[[bytes], object]


class MadDns:
    """Answer a query over UDP with the datagrams that `udp` returns; over TCP let `tcp` write what it likes."""

    def __init__(self, udp: Callable[[bytes], list[bytes]], *, tcp: Callable[[bytes, Write], object]) -> None:
        self._udp, self._tcp = udp, tcp
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind(("127.0.0.1", 53))
        self._listener = socket.create_server(("127.0.0.1", 53), backlog=128)
        self._threads = [threading.Thread(target=serve, daemon=True) for serve in (self._serve_udp, self._serve_tcp)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # A close alone would not wake the threads.
        for server in (self._datagrams, self._listener):
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
        # Until they have ended, the port is not free.
        for thread in self._threads:
            thread.join(5)

    def _serve_udp(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                query, client = self._datagrams.recvfrom(4096)
                if not query:
                    return
                for answer in self._udp(query):
                    self._datagrams.sendto(answer[:65_000], client)

    def _serve_tcp(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._speak, args=(connection,), daemon=True).start()

    def _speak(self, connection: socket.socket) -> None:
        # A resolver asks for both kinds of address at once; one that waits in vain is left soon.
        connection.settimeout(1.0)
        with connection, connection.makefile("rb") as asked, contextlib.suppress(OSError):
            while length := int.from_bytes(asked.read(2)):
                self._tcp(asked.read(length), connection.sendall)
