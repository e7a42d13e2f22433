"""Send one registration request over HTTPS. The only module that uses `requests`."""

from __future__ import annotations

import http.client
import ssl
import time
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests

from ..core.failures import Cause, Failure, OnboardError, Transient
from ..core.http import HttpAnswer, Request
from ..core.proxy import ProxyAddress
from .dial import dial
from .tls import BoundedContext, tls_failure

MAX_BODY_BYTES = 65_536


def post(request: Request, *, context: BoundedContext, timeout_s: float, proxy: ProxyAddress | None) -> HttpAnswer:
    """Send the form and return the whole answer, or raise `OnboardError`.

    `timeout_s` bounds the connect, and then the answer as a whole. No redirect is followed, no more than 64 kB read,
    and the environment's proxies are not looked at.
    """
    url = urlsplit(request.url)
    where = url.netloc
    # From here the answer has its time: connect, handshake, then headers and body together.
    context.handshake_timeout_s = timeout_s
    context.read_until_s = time.monotonic() + 2 * timeout_s
    try:
        prepared = _prepare(request, where)
        with dial(url.hostname or "", url.port or 443, context=context, proxy=proxy, dial_timeout_s=timeout_s) as sock:
            _send(prepared, sock)
            answer = _read_answer(sock, where)
            context.timer.finish("answer")
            return answer
    except OnboardError as error:
        failure = error.failure
    except (http.client.HTTPException, OSError) as error:
        failure = _failure(error, where)
    # Not chained: what requests and http.client raise may hold the request, and that the signature.
    raise OnboardError(failure)


def _prepare(request: Request, where: str) -> requests.PreparedRequest:
    """Have requests write the form; without a session of its own it looks at no environment and at no answer."""
    headers = {
        "Host": where,
        "User-Agent": requests.utils.default_user_agent(),
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    return requests.Request("POST", request.url, data=dict(request.form), headers=headers).prepare()


def _send(prepared: requests.PreparedRequest, sock: ssl.SSLSocket) -> None:
    client = http.client.HTTPConnection(prepared.headers["Host"])
    client.sock = sock
    client.request(str(prepared.method), prepared.path_url, prepared.body, prepared.headers)


def _read_answer(sock: ssl.SSLSocket, where: str) -> HttpAnswer:
    """Read an answer, whole or not at all; the context of `sock` bounds the time."""
    with closing(http.client.HTTPResponse(sock, method="POST")) as answer:
        answer.begin()
        body = answer.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            detail = f"{where} answered more than 64 kB"
            raise OnboardError(Transient(cause=Cause.ANSWER, detail=detail, slow=True))
        if answer.length:
            raise http.client.IncompleteRead(b"", answer.length)
        if 300 <= answer.status < 400:
            detail = f"{where} answered with a redirect; a captive portal may be in the way"
            raise OnboardError(Transient(cause=Cause.ANSWER, detail=detail, slow=True))
        retry_after_s = _retry_after_s(answer.getheader("Retry-After"), answer.getheader("Date"))
        return HttpAnswer(status=answer.status, body=body, retry_after_s=retry_after_s)


def _retry_after_s(value: str | None, date: str | None) -> float | None:
    if value is None:
        return None
    if value.strip().isdecimal() and len(value) < 12:
        return float(value)
    try:
        # The server's own clock, where it shows it: ours may not be set yet.
        now = parsedate_to_datetime(date) if date else datetime.now(UTC)
        wait_s = (parsedate_to_datetime(value) - now).total_seconds()
    except (ValueError, TypeError):
        return None
    return wait_s if wait_s > 0 else None


def _failure(error: Exception, where: str) -> Failure:
    """Say what went wrong after the handshake."""
    if isinstance(error, TimeoutError):
        return Transient(cause=Cause.TIMEOUT, detail=f"{where} did not answer within the time limit")
    if isinstance(error, ssl.SSLError):
        return tls_failure(error, where)
    return Transient(cause=Cause.NETWORK, detail=f"the connection to {where} ended before the answer did")
