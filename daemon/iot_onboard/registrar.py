"""Send one registration request over HTTPS. The only module that uses `requests`."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from .errors import Cause, Failure, OnboardError, Transient
from .http_wire import HttpAnswer, Request
from .proxy import ProxyAddress
from .trust import BoundedContext, tls_failure

MOST_BYTES = 65_536
_CHUNK_BYTES = 8192


def post(request: Request, *, context: BoundedContext, timeout_s: float, proxy: ProxyAddress | None) -> HttpAnswer:
    """Send the form and return the whole answer, or raise `OnboardError`.

    `timeout_s` bounds the connect, and then the answer as a whole. No redirect is followed, no more than 64 kB read,
    and the environment's proxies are not looked at.
    """
    where = urlsplit(request.url).netloc
    # From here the answer has its time: connect, handshake, then headers and body together.
    context.handshake_timeout_s = timeout_s
    context.read_until_s = time.monotonic() + 2 * timeout_s
    try:
        with closing(requests.Session()) as session:
            session.trust_env = False
            session.mount("https://", _Adapter(context))
            proxies = {"https": _url(proxy)} if proxy is not None else {}
            answer = session.post(
                request.url,
                data=dict(request.form),
                headers={"Accept": "application/json", "Connection": "close"},
                timeout=(timeout_s, timeout_s),
                allow_redirects=False,
                stream=True,
                proxies=proxies,
            )
            with closing(answer):
                body = _body(answer, where)
                retry_after_s = _retry_after_s(answer.headers.get("Retry-After"), answer.headers.get("Date"))
                if answer.is_redirect or 300 <= answer.status_code < 400:
                    detail = f"{where} answered with a redirect; a captive portal may be in the way"
                    raise OnboardError(Transient(cause=Cause.ANSWER, detail=detail, slow=True))
                return HttpAnswer(status=answer.status_code, body=body, retry_after_s=retry_after_s)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        # Not chained: exceptions of requests hold the request, and that the signature.
        raise OnboardError(_failure(error, where)) from None


class _Adapter(HTTPAdapter):
    """Hand our TLS context to urllib3, for direct connections and for those through a proxy."""

    def __init__(self, context: BoundedContext) -> None:
        self._context = context
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return super().proxy_manager_for(*args, **kwargs, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:  # noqa: ARG002
        # The context verifies, against the anchors it holds; requests would add a bundle of its own.
        conn.cert_reqs = "CERT_REQUIRED"

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        kept = {name: value for name, value in pool.items() if name not in {"ca_certs", "ca_cert_dir"}}
        return host, {**kept, "ssl_context": self._context}


def _body(answer: requests.Response, where: str) -> bytes:
    body = b""
    for chunk in answer.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > MOST_BYTES:
            detail = f"{where} answered more than 64 kB"
            raise OnboardError(Transient(cause=Cause.ANSWER, detail=detail, slow=True))
    return body


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


def _url(proxy: ProxyAddress) -> str:
    user = ""
    if proxy.username is not None:
        password = f":{quote(proxy.password.reveal(), safe='')}" if proxy.password is not None else ""
        user = f"{quote(proxy.username, safe='')}{password}@"
    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    return f"http://{user}{host}:{proxy.port}"


def _failure(error: BaseException, where: str) -> Failure:
    """Translate by the innermost cause that says something, for urllib3 wraps and wraps again."""
    chain = _chain(error)
    for inner in chain:
        if isinstance(inner, ssl.SSLError | ssl.CertificateError) and not isinstance(inner, TimeoutError):
            return tls_failure(inner, where)
    for inner in chain:
        if isinstance(inner, socket.gaierror):
            return Transient(cause=Cause.NAME_LOOKUP, detail=f"the name {where} does not resolve: {inner.strerror}")
    kinds = tuple(type(inner) for inner in chain)
    if any(issubclass(kind, requests.exceptions.ProxyError | urllib3.exceptions.ProxyError) for kind in kinds):
        return Transient(cause=Cause.PROXY, detail=f"the proxy did not lead to {where}")
    timeouts = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)
    if any(issubclass(kind, timeouts) for kind in kinds):
        return Transient(cause=Cause.TIMEOUT, detail=f"{where} did not answer within the time limit")
    for inner in chain:
        if isinstance(inner, OSError) and inner.strerror:
            return Transient(cause=Cause.NETWORK, detail=f"no connection to {where}: {inner.strerror}")
    return Transient(cause=Cause.NETWORK, detail=f"the connection to {where} ended before the answer did")


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 32:
        item = waiting.pop(0)
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            waiting += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
    return found
