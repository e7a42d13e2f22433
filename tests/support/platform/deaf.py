"""A port that takes no connection and refuses none."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def deaf(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Listen with a queue that is full: the kernel drops whoever knocks, as a firewall does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=0) as listener, contextlib.ExitStack() as stack:
        for _ in range(2):
            knocking = stack.enter_context(socket.socket(family))
            knocking.setblocking(False)
            knocking.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
