"""Connect to a server through an HTTP proxy, with the method CONNECT."""

from __future__ import annotations

import socket
import time

from ..core.failures import OnboardError
from ..core.http_reader import AnswerCutOff, AnswerReader, InvalidAnswer
from ..core.proxy import ProxyAddress, connect_request, proxy_failure, refusal
from .happy_eyeballs import ConnectAttempts, NoAddressAnswered, Resolved, resolve
from .http_exchange import read_answer


def open_tunnel(
    host: str, port: int, proxy: ProxyAddress, timeout_s: float, resolved: Resolved | None = None
) -> socket.socket:
    """Return a connection through the open tunnel of a proxy, or raise `OnboardError`.

    `timeout_s` covers everything from the first packet to the end of the proxy's answer. Bytes that follow the answer
    are dropped: a TLS server waits for the client to begin.
    """
    try:
        raw = _reach(proxy, host, port, timeout_s, resolved)
    except NoAddressAnswered as nobody:
        error: Exception = nobody.tried[-1][1] if nobody.tried else OSError("no usable address")
    except (AnswerCutOff, InvalidAnswer, OSError, ValueError) as caught:
        error = caught
    else:
        raw.settimeout(timeout_s)
        return raw
    raise OnboardError(proxy_failure(proxy, error))


def _reach(proxy: ProxyAddress, host: str, port: int, timeout_s: float, resolved: Resolved | None) -> socket.socket:
    found = resolve(proxy.host, proxy.port, resolved=resolved)
    deadline = time.monotonic() + timeout_s
    raw = ConnectAttempts(found, timeout_s).run()
    try:
        raw.settimeout(max(0.001, deadline - time.monotonic()))
        raw.sendall(connect_request(proxy, host, port))
        reader = read_answer(raw, AnswerReader(head_only=True), deadline)
        if not 200 <= reader.status < 300:
            raise OSError(refusal(reader.status, reader.reason))
    except BaseException:
        raw.close()
        raise
    return raw
