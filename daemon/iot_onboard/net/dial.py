"""Connect to a server over TCP and TLS, through a proxy if one is configured. Sends no MQTT."""

from __future__ import annotations

import socket
import ssl

from ..core.failures import Cause, OnboardError, Transient, is_temporary, local_fault
from ..fast_start.cheap_calls import host_bytes
from ..fast_start.typing_names import TYPE_CHECKING
from .happy_eyeballs import ConnectAttempts, NoAddressAnswered, Resolved, resolve
from .timing import PhaseTimer
from .tls import BoundedContext, tls_failure

if TYPE_CHECKING:
    from ..core.proxy import ProxyAddress


def dial(
    host: str, port: int, *, context: BoundedContext, proxy: ProxyAddress | None, dial_timeout_s: float
) -> ssl.SSLSocket:
    """Return a connection after its TLS handshake, or raise `OnboardError`; each address has its own time limit."""
    context.timer.start()
    if proxy is None:
        raw = connect_tcp(host, port, dial_timeout_s, context.timer, context.resolved)
    else:
        # Imported here: only a gateway behind a proxy needs it.
        from .proxy_tunnel import open_tunnel

        raw = open_tunnel(host, port, proxy, dial_timeout_s, context.resolved)
    return wrap_tls(raw, host, port, context)


def wrap_tls(raw: socket.socket, host: str, port: int, context: BoundedContext) -> ssl.SSLSocket:
    """Do the TLS handshake on a connection, or close it and raise `OnboardError`."""
    where = f"{host} port {port}"
    try:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context.wrap_socket(raw, server_hostname=host_bytes(host))
    except (OSError, ValueError) as error:
        raw.close()
        if isinstance(error, TimeoutError):
            detail = f"{where} did not finish the TLS handshake within {context.handshake_timeout_s:.0f} s"
            failure = Transient(cause=Cause.TIMEOUT, detail=detail)
        elif isinstance(error, ssl.SSLError):
            failure = tls_failure(error, where)
        elif isinstance(error, ValueError):
            failure = _unresolved(host, error)
        else:
            detail = f"{where} ended the TLS handshake: {error.strerror or 'closed'}"
            failure = Transient(cause=Cause.NETWORK, detail=detail)
        raise OnboardError(failure) from error


def _unresolved(host: str, error: OSError | ValueError) -> Transient:
    """Return the failure of a name without an address; a name that does not exist may be a wrong configuration."""
    reason = error.strerror if isinstance(error, OSError) else "not a host name"
    wrong = isinstance(error, ValueError) or (isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME)
    hint = "; if this lasts, check region, instance_id and hosts in the configuration" if wrong else ""
    return Transient(cause=Cause.NAME_LOOKUP, detail=f"the name {host} does not resolve: {reason}{hint}")


def connect_tcp(
    host: str, port: int, timeout_s: float, timer: PhaseTimer, resolved: Resolved | None = None
) -> socket.socket:
    """Return a TCP connection to the first address of a host that answers, or raise `OnboardError`."""
    try:
        found = resolve(host, port, resolved=resolved)
    except (OSError, ValueError) as error:
        if _is_shortage(error):
            raise local_fault(f"the name {host} cannot be looked up", error) from error
        raise OnboardError(_unresolved(host, error)) from error
    timer.finish("dns")
    try:
        return ConnectAttempts(found, timeout_s).run()
    except NoAddressAnswered as nobody:
        last = nobody.tried[-1][1] if nobody.tried else None
        if last is not None and all(_is_shortage(error) for _, error in nobody.tried):
            raise local_fault(f"no connection to {host} port {port}", last) from last
        tried = [f"{address} {_reason(error)}" for address, error in nobody.tried[:4]]
        cause = Cause.TIMEOUT if isinstance(last, TimeoutError) else Cause.NETWORK
        detail = f"no connection to {host} port {port}: {', '.join(tried) or 'no usable address'}"
        raise OnboardError(Transient(cause=cause, detail=detail)) from last
    except OSError as error:
        # This process has no descriptor left.
        raise local_fault(f"no connection to {host} port {port}", error) from error


def _is_shortage(error: Exception) -> bool:
    """Say whether this gateway lacks a resource; a slow server or network is no shortage."""
    return is_temporary(error) and not isinstance(error, TimeoutError)


def _reason(error: OSError) -> str:
    return "timed out" if isinstance(error, TimeoutError) else error.strerror or "failed"
