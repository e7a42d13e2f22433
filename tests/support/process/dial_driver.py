"""Dial a name within a network of one's own: some of its addresses answer, some are deaf."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import time

from iot_onboard.core.failures import OnboardError, Transient
from iot_onboard.net.dial import dial
from iot_onboard.net.tls import tls_context
from support.platform.deaf import deaf
from support.platform.tlsserver import TlsServer


def main() -> None:
    name, alive, silent = sys.argv[1], *(json.loads(word) for word in sys.argv[2:])
    with contextlib.ExitStack() as stack:
        server = TlsServer(names=(name,), host=alive[0] if alive else "127.0.0.1")
        port = server.port
        if alive:
            stack.enter_context(server)
        for address in silent:
            stack.enter_context(deaf(address, port))
        began = time.monotonic()
        try:
            context = tls_context(server.ca_file, handshake_timeout_s=5)
            with dial(name, port, context=context, proxy=None, dial_timeout_s=0.5) as dialled:
                answer = {"peer": dialled.getpeername()[0], "names": server.names_asked}
        except OnboardError as error:
            cause = error.failure.cause.name if isinstance(error.failure, Transient) else ""
            answer = {"cause": cause, "detail": error.failure.detail}
        duration_s = time.monotonic() - began
    with contextlib.suppress(OSError):
        order = [found[4][0] for found in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]
        answer["order"] = order
    print(json.dumps({**answer, "port": port, "took_s": duration_s}))  # noqa: T201 - its answer


if __name__ == "__main__":
    main()
