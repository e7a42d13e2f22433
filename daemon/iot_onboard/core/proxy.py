"""An HTTP proxy that both legs go through."""

from __future__ import annotations

import base64

from ..fast_start.fast_dataclasses import dataclass
from .failures import Cause, Transient
from .secret import Secret

_MOST_SHOWN = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyAddress:
    """Name a proxy, and what it asks of us."""

    host: str
    port: int
    username: str | None = None
    password: Secret | None = None


def authorization(proxy: ProxyAddress) -> dict[str, str]:
    """Return the headers that tell the proxy who we are; UTF-8, as RFC 7617 advises."""
    if proxy.username is None:
        return {}
    password = proxy.password.reveal() if proxy.password is not None else ""
    token = base64.b64encode(f"{proxy.username}:{password}".encode()).decode()
    return {"Proxy-Authorization": f"Basic {token}"}


def destination(host: str) -> str:
    """Return a host as CONNECT names it (RFC 9110, 9.3.6): Debian 12's Python leaves the brackets of an address out."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def proxy_failure(proxy: ProxyAddress, error: Exception) -> Transient:
    """Say that the proxy is what is in the way; its own words come from outside, hence short and printable."""
    if isinstance(error, UnicodeError):
        reason = "not a host name"
    else:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or "no reason given"
    shown = "".join(c for c in reason if c.isprintable())[:_MOST_SHOWN]
    detail = f"the proxy {proxy.host} port {proxy.port} does not lead on: {shown}"
    return Transient(cause=Cause.PROXY, detail=detail)
