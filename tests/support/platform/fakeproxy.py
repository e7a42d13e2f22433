"""An HTTP CONNECT proxy that may ask for a password, or have a mind of its own."""

from __future__ import annotations

import base64
import select
import socket
import socketserver
import threading
from collections.abc import Callable
from typing import Any, Self


class FakeProxy(socketserver.ThreadingTCPServer):
    """Lead on to where CONNECT says, for whoever knows the password, or answer `says` in place of that.

    `says` may be a function, too, which is given what writes. Remembers where everybody
    wanted to go. All are led to the host `leads_to`, where it is given.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(
        self,
        username: str | None = None,
        password: str = "",
        *,
        says: bytes | Callable[[Callable[[bytes], object]], object] | None = None,
        address: tuple[str, int] = ("127.0.0.1", 0),
        leads_to: str | None = None,
    ) -> None:
        token = base64.b64encode(f"{username}:{password}".encode()).decode()
        self.expected = None if username is None else f"Basic {token}"
        self.says = says
        self.leads_to = leads_to
        self.asked: list[str] = []
        self.closed = threading.Event()
        super().__init__(address, _Handler)
        self.port: int = self.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closed.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class _Handler(socketserver.StreamRequestHandler):
    server: FakeProxy

    def handle(self) -> None:
        target = self.rfile.readline().decode().split()[1]
        headers = dict(line.split(": ", 1) for line in iter(lambda: self.rfile.readline().decode().strip(), ""))
        if self.server.says is not None:
            self.server.asked.append(target)
            if callable(self.server.says):
                self.server.says(self.wfile.write)
                return
            self.wfile.write(self.server.says)
            if not self.server.says:
                self.server.closed.wait(60)
            return
        if headers.get("Proxy-Authorization") != self.server.expected:
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        self.server.asked.append(target)
        host, _, port = target.rpartition(":")
        with socket.create_connection((self.server.leads_to or host.strip("[]"), int(port)), 5) as onward:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            # A proxy that dies takes its tunnels along.
            while not self.server.closed.is_set():
                for source in select.select([self.connection, onward], [], [], 0.1)[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    (onward if source is self.connection else self.connection).sendall(data)
