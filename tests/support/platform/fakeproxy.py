"""An HTTP CONNECT proxy that may ask for a password, or have a mind of its own."""

from __future__ import annotations

import base64
import select
import socket
import socketserver
from collections.abc import Callable

from .loopback_server import LoopbackServer


class FakeProxy(LoopbackServer):
    """Lead on to where CONNECT says, for whoever knows the password, or answer `says` in place of that.

    `says` may be a function, too, which is given what writes. Remembers where everybody
    wanted to go. All are led to the host `leads_to`, where it is given.
    """

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
        super().__init__(address, _Handler)


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
