"""An HTTP proxy, for the registration and for the MQTT connection."""

from __future__ import annotations

import base64

from ..fast_start.fast_dataclasses import dataclass
from .failures import Cause, Transient
from .secret import KnownSecrets, Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyAddress:
    """Hold the address of a proxy, and the user name and password that it asks for."""

    host: str
    port: int
    username: str | None = None
    password: Secret | None = None


def authorization(proxy: ProxyAddress) -> dict[str, str]:
    """Return the headers with the user name and the password for the proxy; UTF-8, as RFC 7617 advises."""
    if proxy.username is None:
        return {}
    password = proxy.password.reveal() if proxy.password is not None else ""
    token = base64.b64encode(f"{proxy.username}:{password}".encode()).decode()
    return {"Proxy-Authorization": f"Basic {token}"}


def destination(host: str) -> str:
    """Return a host as CONNECT writes it (RFC 9110, 9.3.6): an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def connect_request(proxy: ProxyAddress, host: str, port: int) -> bytes:
    """Return the request for a tunnel; raise `UnicodeError` if `host` is not a host name."""
    where = f"{destination(host)}:{port}"
    headers = {"Host": where, **authorization(proxy)}
    lines = [f"CONNECT {where} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("ascii")


def refusal(status: int, reason: bytes) -> str:
    """Say with what answer a proxy refused a tunnel."""
    return f"Tunnel connection failed: {status} {reason.decode('utf-8', 'replace')}".rstrip()


def proxy_failure(proxy: ProxyAddress, error: Exception) -> Transient:
    """Return the failure of a proxy; text that came from it is cut short, and the password is masked in it."""
    # Imported here: only a failure needs them.
    from .http_reader import AnswerCutOff, InvalidAnswer
    from .peer_text import MAX_SHOWN

    match error:
        case ValueError():
            reason = "not a host name"
        case AnswerCutOff():
            reason = "it ended the connection"
        case InvalidAnswer():
            said = error.said.decode("utf-8", "replace")
            reason = f"{said}: it answered {error}" if said else f"it answered {error}"
        case _:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or "no reason given"
    shown = KnownSecrets(proxy.password).shown(reason, MAX_SHOWN)
    detail = f"no connection through the proxy {proxy.host} port {proxy.port}: {shown}"
    return Transient(cause=Cause.PROXY, detail=detail)
