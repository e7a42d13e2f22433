"""Send one registration request over HTTPS. Only this module uses `requests`, and only to write the request."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import requests

from ..core.failures import Cause, Failure, OnboardError, Transient
from ..core.http import HttpAnswer, Request
from ..core.http_reader import AnswerCutOff, AnswerReader, InvalidAnswer
from ..core.proxy import ProxyAddress
from ..core.retry_after import retry_after_s
from .dial import dial
from .http_exchange import read_answer
from .tls import BoundedContext, tls_failure

_PORTAL_HINT = "a captive portal or a proxy may answer instead of the platform"
# Whose wish to wait counts, whatever its body is.
_BUSY = frozenset({429, 503})


def post(request: Request, *, context: BoundedContext, timeout_s: float, proxy: ProxyAddress | None) -> HttpAnswer:
    """Send the form and return the whole answer, or raise `OnboardError`.

    `timeout_s` bounds the TCP connection, the handshake, and the whole answer, each. Redirects are not followed, and
    proxies of the environment are not used. No library reads the answer: `core.http_reader` does.
    """
    url = urlsplit(request.url)
    where = url.netloc
    context.handshake_timeout_s = timeout_s
    # From here: connect, handshake, request and answer.
    deadline = time.monotonic() + 2 * timeout_s
    try:
        written = _request_bytes(request, where)
        with dial(url.hostname or "", url.port or 443, context=context, proxy=proxy, dial_timeout_s=timeout_s) as sock:
            sock.sendall(written)
            answer = receive(sock, where, deadline)
            context.timer.finish("answer")
            return answer
    except OnboardError as error:
        failure = error.failure
    except (AnswerCutOff, OSError) as error:
        failure = _failure(error, where)
    # Not chained: an exception of requests may hold the request, and with it the signature.
    raise OnboardError(failure)


def _request_bytes(request: Request, where: str) -> bytes:
    """Have requests write the form; without a session it reads no environment and no answer."""
    headers = {
        "Host": where,
        "User-Agent": requests.utils.default_user_agent(),
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    prepared = requests.Request("POST", request.url, data=dict(request.form), headers=headers).prepare()
    lines = [f"{name}: {value}" for name, value in prepared.headers.items()]
    head = "\r\n".join([f"{prepared.method} {prepared.path_url} HTTP/1.1", *lines, "", ""])
    return head.encode("latin-1") + str(prepared.body).encode()


def receive(sock: socket.socket, where: str, deadline: float) -> HttpAnswer:
    """Read a complete answer; of a 429 or 503 a valid Retry-After is enough.

    Raises `OnboardError` for an invalid answer, `AnswerCutOff`, or an `OSError` of the connection.
    """
    reader = AnswerReader()
    problem = ""
    try:
        read_answer(sock, reader, deadline)
    except InvalidAnswer as error:
        problem = str(error)
    wait_s = retry_after_s(reader.header(b"retry-after"), reader.header(b"date"), datetime.now(UTC))
    if not problem and 300 <= reader.status < 400:
        problem = "with a redirect"
    if problem and not (reader.status in _BUSY and wait_s is not None):
        detail = f"{where} answered {problem}; {_PORTAL_HINT}"
        raise OnboardError(Transient(cause=Cause.ANSWER, detail=detail, slow=True))
    return HttpAnswer(status=reader.status, body=reader.body, retry_after_s=wait_s)


def _failure(error: Exception, where: str) -> Failure:
    """Return the failure for an error after the handshake."""
    if isinstance(error, TimeoutError):
        return Transient(cause=Cause.TIMEOUT, detail=f"{where} did not answer within the time limit")
    if isinstance(error, ssl.SSLError):
        return tls_failure(error, where)
    return Transient(cause=Cause.NETWORK, detail=f"the connection to {where} ended before the answer was complete")
