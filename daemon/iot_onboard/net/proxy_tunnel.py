"""Reach a server through an HTTP proxy, by CONNECT."""

from __future__ import annotations

import http.client
import socket

from ..core.failures import OnboardError
from ..core.proxy import ProxyAddress, authorization, destination, proxy_failure


def open_tunnel(host: str, port: int, proxy: ProxyAddress, timeout_s: float) -> socket.socket:
    """Return a connection through a proxy, its tunnel open, or raise `OnboardError`."""
    client = http.client.HTTPConnection(proxy.host, proxy.port, timeout=timeout_s)
    client.set_tunnel(host, port, authorization(proxy))
    # Here, for newer ones take the brackets away before.
    client._tunnel_host = destination(host)  # type: ignore[attr-defined]  # a private name
    try:
        client.connect()
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        client.close()
        raise OnboardError(proxy_failure(proxy, error)) from error
    raw: socket.socket = client.sock
    raw.settimeout(timeout_s)
    return raw
