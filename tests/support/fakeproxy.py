"""An HTTP CONNECT proxy that asks for a password."""

from __future__ import annotations

import base64
import select
import socket
import socketserver
import threading
from typing import Any, Self


class FakeProxy(socketserver.ThreadingTCPServer):
    """Lead on to where CONNECT says, for whoever knows the password; remember where that was."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, username: str, password: str) -> None:
        self.expected = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        self.port: int = self.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class _Handler(socketserver.StreamRequestHandler):
    server: FakeProxy

    def handle(self) -> None:
        target = self.rfile.readline().decode().split()[1]
        headers = dict(line.split(": ", 1) for line in iter(lambda: self.rfile.readline().decode().strip(), ""))
        if headers.get("Proxy-Authorization") != self.server.expected:
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        self.server.asked.append(target)
        host, _, port = target.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), 5) as onward:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            while True:
                for source in select.select([self.connection, onward], [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    (onward if source is self.connection else self.connection).sendall(data)
