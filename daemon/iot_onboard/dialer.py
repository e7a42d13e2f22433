"""Reach a server over TCP and TLS, through a proxy where there is one. Sends nothing of MQTT."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl

from .errors import Cause, OnboardError, Transient
from .proxy import ProxyAddress
from .trust import BoundedContext, tls_failure


def dial(
    host: str, port: int, *, context: BoundedContext, proxy: ProxyAddress | None, dial_timeout_s: float
) -> ssl.SSLSocket:
    """Return a connection whose handshake is done, or raise `OnboardError`; each address has its own time limit."""
    where = f"{host} port {port}"
    raw = _tcp(host, port, dial_timeout_s) if proxy is None else _tunnel(host, port, proxy, dial_timeout_s)
    try:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context.wrap_socket(raw, server_hostname=host)
    except TimeoutError as error:
        raw.close()
        detail = f"{where} did not finish the TLS handshake within {context.handshake_timeout_s:.0f} s"
        raise OnboardError(Transient(cause=Cause.TIMEOUT, detail=detail)) from error
    except (ssl.SSLError, ssl.CertificateError) as error:
        raw.close()
        raise OnboardError(tls_failure(error, where)) from error
    except OSError as error:
        raw.close()
        detail = f"{where} ended the TLS handshake: {error.strerror or 'closed'}"
        raise OnboardError(Transient(cause=Cause.NETWORK, detail=detail)) from error


def _tcp(host: str, port: int, timeout_s: float) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not a host name"
        raise OnboardError(
            Transient(cause=Cause.NAME_LOOKUP, detail=f"the name {host} does not resolve: {reason}")
        ) from error
    tried: list[str] = []
    last: OSError | None = None
    for family, kind, protocol, _, address in found:
        try:
            raw = socket.socket(family, kind, protocol)
        except OSError as error:
            last = error
            continue
        raw.settimeout(timeout_s)
        try:
            raw.connect(address)
        except OSError as error:
            raw.close()
            last = error
            tried.append(f"{address[0]} {'timed out' if isinstance(error, TimeoutError) else error.strerror}")
        else:
            return raw
    cause = Cause.TIMEOUT if isinstance(last, TimeoutError) else Cause.NETWORK
    detail = f"no connection to {host} port {port}: {', '.join(tried[:4]) or 'no usable address'}"
    raise OnboardError(Transient(cause=cause, detail=detail)) from last


def _tunnel(host: str, port: int, proxy: ProxyAddress, timeout_s: float) -> socket.socket:
    headers = {}
    if proxy.username is not None:
        password = proxy.password.reveal() if proxy.password is not None else ""
        token = base64.b64encode(f"{proxy.username}:{password}".encode()).decode()
        headers["Proxy-Authorization"] = f"Basic {token}"
    tunnel = http.client.HTTPConnection(proxy.host, proxy.port, timeout=timeout_s)
    tunnel.set_tunnel(host, port, headers)
    where = f"the proxy {proxy.host} port {proxy.port}"
    try:
        tunnel.connect()
    except TimeoutError as error:
        tunnel.close()
        raise OnboardError(Transient(cause=Cause.PROXY, detail=f"{where} did not answer in time")) from error
    except (OSError, http.client.HTTPException) as error:
        tunnel.close()
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or "no reason given"
        raise OnboardError(Transient(cause=Cause.PROXY, detail=f"{where} does not lead on: {reason}")) from error
    raw: socket.socket = tunnel.sock
    raw.settimeout(timeout_s)
    return raw
