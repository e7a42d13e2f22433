"""A box on the way that ends connections on which nothing goes: what a proxy, a NAT or a load balancer does."""

from __future__ import annotations

import enum
import select
import socket
import socketserver
import struct
import time

from .loopback_server import LoopbackServer


class Cut(enum.Enum):
    """Say how a connection is ended: closed at once, reset at once, or forgotten until the next packet and after it."""

    CLOSES = "closes"
    RESETS = "resets"
    FORGETS = "forgets"


class IdleBox(LoopbackServer):
    """Lead every connection on to a port of loopback, and end it after `idle_s` without a byte."""

    def __init__(self, target_port: int, idle_s: float, cut: Cut = Cut.CLOSES) -> None:
        self.target_port = target_port
        self.idle_s = idle_s
        self.cut = cut
        self.connections = 0
        self.cuts = 0
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(socketserver.BaseRequestHandler):
    server: IdleBox
    request: socket.socket

    def handle(self) -> None:
        box = self.server
        box.connections += 1
        with socket.create_connection(("127.0.0.1", box.target_port), 5) as onward:
            last = time.monotonic()
            while not box.closed.is_set():
                ready = select.select([self.request, onward], [], [], 0.05)[0]
                if not ready and time.monotonic() - last >= box.idle_s:
                    box.cuts += 1
                    self._cut(onward)
                    return
                for source in ready:
                    data = source.recv(65536)
                    if not data:
                        return
                    last = time.monotonic()
                    (onward if source is self.request else self.request).sendall(data)

    def _cut(self, onward: socket.socket) -> None:
        if self.server.cut is Cut.FORGETS:
            onward.close()
            # Whatever comes from now on goes nowhere, until the gateway gives up.
            while not self.server.closed.is_set():
                if select.select([self.request], [], [], 0.1)[0] and not self.request.recv(65536):
                    return
        elif self.server.cut is Cut.RESETS:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.request.close()
