"""Send one registration request over HTTPS. The only module that uses `requests`."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from ..core.failures import Cause, Failure, OnboardError, Transient
from ..core.http import HttpAnswer, Request
from ..core.proxy import ProxyAddress, authorization, destination, proxy_failure
from .dial import reach
from .tls import BoundedContext, tls_failure

# A clock that is not set is told of in words of our own; this one would stand in the journal beside them.
urllib3.disable_warnings(urllib3.exceptions.SystemTimeWarning)

MOST_BYTES = 65_536
_CHUNK_BYTES = 8192


def post(request: Request, *, context: BoundedContext, timeout_s: float, proxy: ProxyAddress | None) -> HttpAnswer:
    """Send the form and return the whole answer, or raise `OnboardError`.

    `timeout_s` bounds the connect, and then the answer as a whole. No redirect is followed, no more than 64 kB read,
    and the environment's proxies are not looked at.
    """
    where = urlsplit(request.url).netloc
    context.timer.start()
    context.host = urlsplit(request.url).hostname
    # From here the answer has its time: connect, handshake, then headers and body together.
    context.handshake_timeout_s = timeout_s
    context.read_until_s = time.monotonic() + 2 * timeout_s
    try:
        with closing(requests.Session()) as session:
            session.trust_env = False
            session.mount("https://", _Adapter(context, authorization(proxy) if proxy is not None else {}))
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
                context.timer.finish("answer")
                retry_after_s = _retry_after_s(answer.headers.get("Retry-After"), answer.headers.get("Date"))
                if answer.is_redirect or 300 <= answer.status_code < 400:
                    detail = f"{where} answered with a redirect; a captive portal may be in the way"
                    raise OnboardError(Transient(cause=Cause.ANSWER, detail=detail, slow=True))
                return HttpAnswer(status=answer.status_code, body=body, retry_after_s=retry_after_s)
    except OnboardError as error:
        failure = error.failure
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        failure = _failure(error, where, proxy, led_on=context.timer.has("tcp"))
    # Not chained: exceptions of requests hold the request, and that the signature.
    raise OnboardError(failure)


class _Connection(HTTPSConnection):
    """Reach the host as the dial does, by the same private method of urllib3 in 1.26 and 2.x."""

    def _new_conn(self) -> socket.socket:
        context, timeout_s = self.ssl_context, self.timeout
        assert isinstance(context, BoundedContext)
        assert isinstance(timeout_s, int | float)
        raw = reach(self.host, self.port, timeout_s, context.timer)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return raw


class _LedConnection(HTTPSConnection):
    """Name an IPv6 address to the proxy in brackets, and to TLS without them, on every Python."""

    def _tunnel(self) -> None:
        assert self._tunnel_host is not None
        self._tunnel_host = destination(self._tunnel_host)
        super()._tunnel()
        self._tunnel_host = self._tunnel_host.strip("[]")


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


class _LedPool(HTTPSConnectionPool):
    ConnectionCls = _LedConnection


class _Adapter(HTTPAdapter):
    """Hand our TLS context to urllib3, for direct connections and for those through a proxy."""

    def __init__(self, context: BoundedContext, authorization: dict[str, str]) -> None:
        self._context = context
        self._authorization = authorization
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = {"https": _Pool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs, ssl_context=self._context)
        manager.pool_classes_by_scheme = {"https": _LedPool}
        return manager

    def proxy_headers(self, proxy: Any) -> dict[str, str]:  # noqa: ARG002 - requests passes it
        # In place of a password in the proxy's address: requests would take Latin-1 alone, and show it in errors.
        return self._authorization

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:  # noqa: ARG002 - the same
        # The context verifies, against the anchors it holds; requests would add a bundle of its own.
        conn.cert_reqs = "CERT_REQUIRED"

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        kept = {name: value for name, value in pool.items() if name not in {"ca_certs", "ca_cert_dir"}}
        return host, {**kept, "ssl_context": self._context}


def _body(answer: requests.Response, where: str) -> bytes:
    # urllib3 2 does so by itself; 1.26 would hand on half an answer.
    answer.raw.enforce_content_length = True
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
    return f"http://{destination(proxy.host)}:{proxy.port}"


def _failure(error: BaseException, where: str, proxy: ProxyAddress | None, *, led_on: bool) -> Failure:
    """Translate by the innermost cause that says something, for urllib3 wraps and wraps again.

    Until the proxy has `led_on`, whatever goes wrong is about the proxy.
    """
    chain = _chain(error)
    told = [inner for inner in chain if isinstance(inner, OSError) and not isinstance(inner, requests.RequestException)]
    for inner in told:
        if isinstance(inner, ssl.SSLError | ssl.CertificateError) and not isinstance(inner, TimeoutError):
            return tls_failure(inner, where)
    if proxy is not None:
        if not led_on:
            return proxy_failure(proxy, _reason(chain))
        where = f"{where} through the proxy {proxy.host} port {proxy.port}"
    for inner in told:
        if inner.strerror and not isinstance(inner, TimeoutError):
            return Transient(cause=Cause.NETWORK, detail=f"no connection to {where}: {inner.strerror}")
    if any(isinstance(inner, TimeoutError | urllib3.exceptions.TimeoutError) for inner in chain):
        return Transient(cause=Cause.TIMEOUT, detail=f"{where} did not answer within the time limit")
    return Transient(cause=Cause.NETWORK, detail=f"the connection to {where} ended before the answer did")


def _reason(chain: Iterable[BaseException]) -> Exception:
    """Return what the proxy, or the way to it, said."""
    for inner in chain:
        if isinstance(inner, OSError | HTTPException | UnicodeError) and not isinstance(
            inner, requests.RequestException
        ):
            return inner
    return OSError()


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 32:
        item = waiting.pop(0)
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            waiting += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
    return found
