"""A threaded TCP server on loopback, for the time of a `with`."""

from __future__ import annotations

import socketserver
import threading
from typing import Any, Self


class LoopbackServer(socketserver.ThreadingTCPServer):
    """Serve from the beginning of a `with` to its end; `closed` tells the handlers that still run."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler]) -> None:
        self.closed = threading.Event()
        super().__init__(address, handler)
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
