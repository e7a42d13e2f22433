"""One POST over HTTPS against real servers: every answer, and every way not to get one."""

from __future__ import annotations

import contextlib
import email.utils
import gzip
import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from iot_onboard.core.failures import Cause, OnboardError, Transient
from iot_onboard.core.http import HttpAnswer, Request
from iot_onboard.core.http_reader import MAX_BODY_BYTES
from iot_onboard.core.proxy import ProxyAddress
from iot_onboard.core.secret import Secret
from iot_onboard.net.https import post
from iot_onboard.net.tls import tls_context
from support.platform.deaf import deaf
from support.platform.fakeproxy import FakeProxy
from support.platform.sandbox import wait_for
from support.platform.tlsserver import TlsServer, certificates
from support.process.descriptors import descriptors
from support.process.stopwatch import Stopwatch

FORM = (("productKey", "a1b2c3d4e5f"), ("deviceName", "gw:1@x.y"), ("random", "a+b &=%é"), ("sign", "5160ATURE"))
DATE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Platform(TlsServer):
    """Answer each request with bytes, or by a function, and remember the requests."""

    def __init__(self, answer: bytes | Callable[[ssl.SSLSocket], None], **options: Any) -> None:
        self.requests: list[bytes] = []
        self._answer = answer
        super().__init__(self._serve_http, **options)

    def _serve_http(self, connection: ssl.SSLSocket) -> None:
        request = b""
        while b"\r\n\r\n" not in request or len(request.partition(b"\r\n\r\n")[2]) < _length(request):
            data = connection.recv(65536)
            if not data:
                return
            request += data
        self.requests.append(request)
        if callable(self._answer):
            self._answer(connection)
            return
        connection.sendall(self._answer)
        with contextlib.suppress(OSError):
            connection.unwrap()

    def request(self, host: str = "localhost") -> Request:
        return Request(url=f"https://{host}:{self.port}/auth/register/device", form=FORM)


def _length(request: bytes) -> int:
    headers = request.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
    return next((int(line.split(b":")[1]) for line in headers if line.startswith(b"content-length:")), 0)


def reply(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def ask(
    server: Platform,
    *,
    timeout_s: float = 5.0,
    proxy: ProxyAddress | None = None,
    ca_file: Path | None = None,
    host: str = "localhost",
) -> HttpAnswer:
    context = tls_context(ca_file or server.ca_file, handshake_timeout_s=timeout_s)
    return post(server.request(host), context=context, timeout_s=timeout_s, proxy=proxy)


def failure(act: Callable[[], object]) -> Transient:
    """Return why it failed, and see to it that the exception shows nothing of the request."""
    with pytest.raises(OnboardError) as caught:
        act()
    error = caught.value
    assert isinstance(error.failure, Transient)
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    assert "5160ATURE" not in f"{error.failure} {error!r}"
    return error.failure


def test_what_took_how_long_is_measured() -> None:
    """Name look-up, TCP, TLS and the answer, each for itself; where a proxy leads on, the way to it is one piece."""
    answer = reply(b"{}")
    with Platform(lambda connection: drip(connection, answer[:-3], answer[-3:])) as server, FakeProxy() as proxy:
        direct, led = (tls_context(server.ca_file, handshake_timeout_s=5) for _ in range(2))
        post(server.request(), context=direct, timeout_s=5, proxy=None)
        post(server.request(), context=led, timeout_s=5, proxy=ProxyAddress(host="127.0.0.1", port=proxy.port))
    for took in (direct.timer.timings(), led.timer.timings()):
        assert took.answer_ms is not None
        assert 300 <= took.answer_ms < 2000
        assert took.tcp_ms is not None
        assert took.tls_ms is not None
    assert (direct.timer.timings().dns_ms is None, led.timer.timings().dns_ms is None) == (False, True)


def test_what_is_sent() -> None:
    """One POST with the form escaped, in its order, to a connection that is closed after it; SNI names the host."""
    with Platform(reply(b"{}")) as server:
        assert ask(server) == HttpAnswer(status=200, body=b"{}")
    assert server.names_asked == ["localhost"]
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert first == "POST /auth/register/device HTTP/1.1"
    assert headers["host"] == f"localhost:{server.port}"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert headers["accept-encoding"] == "identity"
    assert headers["connection"] == "close"
    assert "authorization" not in headers
    assert parse_qsl(body.decode(), strict_parsing=True) == list(FORM)


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "404 Not Found", "429 x", "500 x", "503 x"])
def test_an_answer_is_handed_on_whatever_its_status(status: str) -> None:
    """The JSON decides, not the HTTP status; the body never shows itself."""
    with Platform(reply(b'{"code":6600}', status)) as server:
        answer = ask(server)
    assert answer == HttpAnswer(status=int(status[:3]), body=b'{"code":6600}')
    assert "6600" not in repr(answer)


@pytest.mark.parametrize("status", ["301 x", "302 Found", "303 x", "304 x", "307 x", "308 x"])
def test_no_redirect_is_followed(status: str) -> None:
    """It is called what it is, and nobody sees a second request."""
    with Platform(reply(b"{}")) as elsewhere:
        location = f"Location: https://localhost:{elsewhere.port}/auth/register/device"
        with Platform(reply(b"", status, location)) as server:
            caught = failure(lambda: ask(server))
    assert (caught.cause, caught.slow) == (Cause.ANSWER, True)
    assert "redirect" in caught.detail
    assert (len(server.requests), elsewhere.requests) == (1, [])


def test_up_to_64_kb_are_taken() -> None:
    """The limit itself still fits."""
    with Platform(reply(b"x" * MAX_BODY_BYTES)) as server:
        assert len(ask(server).body) == MAX_BODY_BYTES


@pytest.mark.parametrize("kind", ["one-byte", "three-megabytes", "endless"])
def test_more_is_refused_without_reading_it_all(kind: str) -> None:
    """However it is announced, and however long it goes on."""

    def endless(connection: ssl.SSLSocket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    answers: dict[str, bytes | Callable[[ssl.SSLSocket], None]] = {
        "one-byte": reply(b"x" * (MAX_BODY_BYTES + 1)),
        "three-megabytes": reply(b"x" * 3_000_000),
        "endless": endless,
    }
    with Platform(answers[kind]) as server:
        caught = failure(lambda: ask(server))
    assert (caught.cause, caught.slow) == (Cause.ANSWER, True)
    assert "more than 64 kB" in caught.detail


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip, gzip", "br", "deflate", "identity, gzip"])
def test_a_packed_answer_is_refused(encoding: str) -> None:
    """Nobody asked for one: however large it would become, it is not unpacked, and not read either."""
    packed = gzip.compress(b"x" * 3_000_000)
    with Platform(reply(packed, "200 OK", f"Content-Encoding: {encoding}")) as server:
        told = failure(lambda: ask(server))
    assert (told.cause, told.slow) == (Cause.ANSWER, True)
    assert "compressed" in told.detail


@pytest.mark.parametrize("status", ["429 x", "503 x"])
def test_a_busy_server_s_wish_counts_whatever_its_body_is(status: str) -> None:
    """A page of a load balancer, packed, and when to come again."""
    with Platform(reply(gzip.compress(b"x"), status, "Content-Encoding: gzip", "Retry-After: 600")) as server:
        assert ask(server) == HttpAnswer(status=int(status[:3]), body=b"", retry_after_s=600.0)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        reply(b'{"code":200', length=100),
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"co',
    ],
    ids=["nothing", "body-cut", "chunk-cut"],
)
def test_what_is_no_whole_answer(answer: bytes) -> None:
    """Cut off: half an answer is never handed on."""
    with Platform(answer) as server:
        told = failure(lambda: ask(server))
    assert told == Transient(
        cause=Cause.NETWORK, detail=f"the connection to localhost:{server.port} ended before the answer was complete"
    )


_OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"\0\1\2\3 rubbish\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",
        b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80",
        b"<html>a page of HTTP/0.9</html>",
        b"HTTP/2 200\r\n\r\n{}",
        b"HTTP/1.1 2OO OK\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20,
        _OK + b"X-Header: 1\r\n" * 300 + b"\r\n",
        _OK + b"X-Header: " + b"x" * 100_000 + b"\r\n\r\n",
        _OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        _OK + b"Content-Length: -2\r\n\r\n{}",
        _OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        _OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        _OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
    ids=[
        "rubbish", "ssh", "http2-frames", "http0.9", "http2-line", "no-number", "101", "many-1xx", "many-headers",
        "long-header", "two-lengths", "below-zero", "length-and-chunks", "packed-chunks", "no-chunk",
    ],
)  # fmt: skip
def test_what_is_no_answer_of_the_platform_s(answer: bytes) -> None:
    """Somebody answers in its place, which is told as that, and not as a fault of the network."""
    with Platform(answer) as server:
        told = failure(lambda: ask(server))
    assert (told.cause, told.slow) == (Cause.ANSWER, True)
    assert told.detail.startswith(f"localhost:{server.port} answered ")
    assert "instead of the platform" in told.detail


_SECRET = b'{"code":200}'


@pytest.mark.parametrize(
    "header",
    [
        "Retry-After: Mon, 01 Jan 99999999999 00:00:00 GMT",
        "Retry-After: Mon, 01 Jan 2026 00:00:00 +99999999999999",
        "Date: Mon, 31 Feb 2026 25:61:61 GMT\r\nRetry-After: Mon, 02 Nov 2026 10:00:00 GMT x",
        "Location: /caf\u00e9",
        "Location: https://[",
        "Location: https://[::1/x",
        "Location: https://\u2100.example/",
        "Set-Cookie: " + "a=b; " * 2000,
        "Content-Type: \0\r\r x",
        "no colon at all",
        "X-Folded: a\r\n b\r\n\tc",
        ": no name",
    ],
)
def test_no_header_costs_a_secret(header: str) -> None:
    """Whatever stands in what does not matter, the body of the answer is handed on."""
    with Platform(reply(_SECRET, "200 OK", header)) as server:
        found = ask(server)
    assert (found.status, found.body) == (200, _SECRET)
    assert found.retry_after_s is None or found.retry_after_s > 0


@pytest.mark.parametrize(
    "location", ["/caf\u00e9", "https://[", "https://[::1/x", "https://\u2100.example/", "https://[::1%25\0]:99999999/"]
)
def test_no_redirect_is_looked_at(location: str) -> None:
    """Nobody makes an address of it."""
    with Platform(reply(b"", "302 Found", f"Location: {location}")) as server:
        assert "redirect" in failure(lambda: ask(server)).detail


@pytest.mark.parametrize(
    "endless",
    [
        b"HTTP/1.1 302 Found\r\n\r\n|x",
        b"HTTP/1.1 200 OK\r\nX: |x",
        b"HTTP/1.1 200 OK\r\n|X: 1\r\n",
        b"HTTP/1.1 200 OK\r\n|\r\n x",
        b"HTTP/1.1 200 OK\r\n\r\n|x",
        b"HTTP/1.1 |2",
        b"|HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n|0",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=|y",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n|1\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n|X: 1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: |y",
        b"|\0",
    ],
)
def test_nothing_without_an_end_is_read_on(endless: bytes) -> None:
    """Each is given up by its length, long before the time limit."""
    once, _, again = endless.partition(b"|")

    def speak(connection: ssl.SSLSocket) -> None:
        connection.sendall(once)
        while True:
            connection.sendall(again * 4096)

    with Platform(speak) as server:
        watch = Stopwatch()
        assert failure(lambda: ask(server, timeout_s=15)).cause is Cause.ANSWER
        assert watch.duration_s() <= 5.0


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_headers_without_a_body_are_an_empty_answer(answer: bytes) -> None:
    """Where no length was announced nobody can tell that something is missing; JSON will."""
    with Platform(answer) as server:
        assert ask(server) == HttpAnswer(status=200, body=b"")


def test_a_reset_in_the_middle_is_a_network_fault() -> None:
    """RST in place of an answer."""

    def reset(connection: ssl.SSLSocket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    with Platform(reset) as server:
        assert failure(lambda: ask(server)).cause is Cause.NETWORK


def drip(connection: ssl.SSLSocket, first: bytes, rest: bytes) -> None:
    connection.sendall(first)
    for byte in rest:
        time.sleep(0.1)
        connection.sendall(bytes((byte,)))


@pytest.mark.realtime
@pytest.mark.parametrize("where", ["headers", "body"])
def test_a_dripping_server_is_held_to_one_limit_for_the_whole_answer(where: str) -> None:
    """A byte now and then restarts no clock: the answer has twice the time limit, from the start."""
    whole = reply(b"x" * 60)
    at = whole.index(b"\r\n\r\n") + 4 if where == "body" else 10

    with Platform(lambda connection: drip(connection, whole[:at], whole[at:])) as server:
        watch, began = Stopwatch(), time.monotonic()
        caught = failure(lambda: ask(server, timeout_s=0.5))
        assert time.monotonic() - began >= 0.5
        assert watch.duration_s() <= 1.5
    assert caught == Transient(
        cause=Cause.TIMEOUT, detail=f"localhost:{server.port} did not answer within the time limit"
    )


@pytest.mark.realtime
@pytest.mark.parametrize("where", ["answer", "handshake", "connect"])
def test_a_mute_server_is_given_up(where: str) -> None:
    """Whether it says nothing after the request, in the handshake, or does not even take the connection."""
    silent = socket.create_server(("127.0.0.1", 0))
    with Platform(lambda _: stay_mute(server)) as server, silent, deaf() as port:
        server.port = {"answer": server.port, "handshake": silent.getsockname()[1], "connect": port}[where]
        watch = Stopwatch()
        caught = failure(lambda: ask(server, timeout_s=0.5))
        assert watch.duration_s() <= 1.5
    assert caught.cause is Cause.TIMEOUT


def stay_mute(server: Platform) -> None:
    server.closed.wait(30)


def test_a_refused_port_says_so() -> None:
    """Nobody listens."""
    with Platform(b"") as server:
        pass
    assert failure(lambda: ask(server)) == Transient(
        cause=Cause.NETWORK, detail=f"no connection to localhost port {server.port}: 127.0.0.1 Connection refused"
    )


def test_what_is_no_host_name() -> None:
    """A name that no name server would be asked for, ours and the proxy's."""
    host = f"iot-auth.{'x' * 64}.aliyuncs.com"
    with Platform(b"") as server:
        told = failure(lambda: ask(server, host=host))
        assert told.cause is Cause.NAME_LOOKUP
        assert told.detail.startswith(f"the name {host} does not resolve: not a host name; if this")
        assert "proxy" in failure(lambda: ask(server, proxy=ProxyAddress(host="x" * 64, port=3128))).detail


@pytest.mark.parametrize(
    ("value", "date", "wait_s"),
    [
        ("120", None, 120.0),
        (" 7 ", None, 7.0),
        ("0", None, 0.0),
        (email.utils.format_datetime(DATE + timedelta(seconds=90), usegmt=True), DATE, 90.0),
        (email.utils.format_datetime(DATE - timedelta(seconds=90), usegmt=True), DATE, None),
        ("soon", None, None),
        ("-5", None, None),
        ("1.5", None, None),
        ("9" * 30, None, None),
        ("", None, None),
    ],
)
def test_retry_after(value: str, date: datetime | None, wait_s: float | None) -> None:
    """Seconds, or a date by the server's own clock; what is neither is no wish."""
    headers = [f"Retry-After: {value}"]
    if date is not None:
        headers.append("Date: " + email.utils.format_datetime(date, usegmt=True))
    with Platform(reply(b"{}", "429 Too Many Requests", *headers)) as server:
        assert ask(server) == HttpAnswer(status=429, body=b"{}", retry_after_s=wait_s)


def test_retry_after_by_our_clock_where_the_server_shows_none() -> None:
    """A date without a Date header."""
    value = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)
    with Platform(reply(b"{}", "503 x", f"Retry-After: {value}")) as server:
        wait_s = ask(server).retry_after_s
    assert wait_s is not None
    assert 580 <= wait_s <= 600


def test_a_foreign_authority_is_refused() -> None:
    """No request is sent to whom we do not believe."""
    foreign = certificates("foreign")[0]
    with Platform(reply(b"{}")) as server:
        caught = failure(lambda: ask(server, ca_file=foreign))
    assert (caught.cause, server.requests) == (Cause.TLS, [])
    assert caught.detail.startswith(f"the certificate of localhost port {server.port} is not accepted: ")


def test_an_expired_certificate_is_a_matter_of_dates() -> None:
    """The clock may be wrong: that is told apart."""
    with Platform(reply(b"{}"), lasts=timedelta(hours=-1)) as server:
        caught = failure(lambda: ask(server))
    assert (caught.cause, server.requests) == (Cause.TLS_DATE, [])
    assert "certificate has expired" in caught.detail


def test_an_expired_certificate_of_an_address() -> None:
    """The same without a name."""
    with Platform(reply(b"{}"), lasts=timedelta(hours=-1)) as server:
        assert failure(lambda: ask(server, host="127.0.0.1")).cause is Cause.TLS_DATE


@pytest.mark.parametrize("names", [("somebody-else",), ("*.localhost",), ("127.0.0.1",)])
def test_a_certificate_of_another_name_is_refused(names: tuple[str, ...]) -> None:
    """Believed, but not the one that was asked for."""
    with Platform(reply(b"{}"), names=names) as server:
        caught = failure(lambda: ask(server))
    assert (caught.cause, server.requests) == (Cause.TLS, [])
    assert "ostname mismatch" in caught.detail


def test_an_address_in_the_place_of_a_name() -> None:
    """The certificate has to name it."""
    with Platform(reply(b"{}"), names=("127.0.0.1",)) as server:
        assert ask(server, host="127.0.0.1").status == 200
    with Platform(reply(b"{}"), names=("localhost",)) as server:
        assert failure(lambda: ask(server, host="127.0.0.1")).cause is Cause.TLS


def test_an_ipv6_address_in_the_place_of_a_name() -> None:
    """In brackets, as addresses have it."""
    with Platform(reply(b"{}"), names=("::1",), host="::1") as server:
        assert ask(server, host="[::1]").status == 200
    with Platform(reply(b"{}"), names=("::2",), host="::1") as server:
        assert failure(lambda: ask(server, host="[::1]")).cause is Cause.TLS


def test_plain_http_in_the_place_of_tls() -> None:
    """A portal that speaks HTTP on the TLS port is a fault of TLS, and gets no request."""
    heard: list[bytes] = []

    class Plain(Platform):
        def welcome(self, raw: socket.socket) -> None:
            heard.append(raw.recv(65536))
            raw.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n")

    with Plain(b"") as server:
        assert failure(lambda: ask(server)).cause is Cause.TLS
    assert b"5160ATURE" not in b"".join(heard)


@pytest.mark.parametrize("user", [None, "gw"])
def test_through_a_proxy(user: str | None) -> None:
    """With a password and without; TLS is with the server, not with the proxy."""
    password = "p@ss:w0rd/é" if user else ""
    with FakeProxy(user, password) as proxy, Platform(reply(b"{}")) as server:
        address = ProxyAddress(
            host="127.0.0.1", port=proxy.port, username=user, password=Secret(password) if user else None
        )
        assert ask(server, proxy=address).status == 200
        assert proxy.asked == [f"localhost:{server.port}"]
        assert b"proxy-authorization" not in server.requests[0].lower()


_LEADS_NOWHERE = "no connection through the proxy 127.0.0.1 port {proxy}: "
_REFUSED = f"{_LEADS_NOWHERE}Tunnel connection failed: "


def test_an_ipv6_address_through_a_proxy() -> None:
    """CONNECT names it in brackets, whatever Python makes of it, and the certificate is compared without them."""
    with FakeProxy() as proxy, Platform(reply(b"{}"), names=("::1",), host="::1") as server:
        address = ProxyAddress(host="127.0.0.1", port=proxy.port)
        assert ask(server, host="[::1]", proxy=address).status == 200
        assert proxy.asked == [f"[::1]:{server.port}"]
    with FakeProxy() as proxy, Platform(reply(b"{}"), names=("::2",), host="::1") as server:
        address = ProxyAddress(host="127.0.0.1", port=proxy.port)
        assert failure(lambda: ask(server, host="[::1]", proxy=address)).cause is Cause.TLS


@pytest.mark.parametrize(
    ("says", "cause", "words"),
    [
        (None, Cause.PROXY, f"{_REFUSED}407 Proxy Authentication Required"),
        (b"HTTP/1.1 403 Forbid\x1b[2Jden\r\n\r\n", Cause.PROXY, f"{_REFUSED}403 Forbid[2Jden"),
        (b"HTTP/1.1 502 " + b"x" * 5000 + b"\r\n\r\n", Cause.PROXY, f"{_REFUSED}502 x"),
        (b"rubbish\r\n\r\n", Cause.PROXY, _LEADS_NOWHERE),
        # It says that it leads on, and does not: from there on the other end is spoken to.
        (b"HTTP/1.1 200 OK\r\n\r\nrubbish", Cause.TLS, "TLS with localhost port {server} failed: "),
        (b"\r\n", Cause.PROXY, _LEADS_NOWHERE),
    ],
    ids=["407", "403", "502", "rubbish", "rubbish-after-200", "empty"],
)
def test_a_proxy_that_does_not_lead_on(says: bytes | None, cause: Cause, words: str) -> None:
    """The proxy is named, with what it said as far as that can be shown; its password is not."""
    with FakeProxy("gw", "right", says=says) as proxy, Platform(reply(b"{}")) as server:
        address = ProxyAddress(host="127.0.0.1", port=proxy.port, username="gw", password=Secret("wr0ng"))
        caught = failure(lambda: ask(server, proxy=address))
        assert caught.cause is cause
        assert caught.detail.startswith(words.format(proxy=proxy.port, server=server.port))
        assert len(caught.detail) < 250
        assert caught.detail.isprintable()
        assert "wr0ng" not in caught.detail
        assert server.requests == []


def test_a_proxy_that_is_not_there() -> None:
    """The system's own reason."""
    with FakeProxy() as proxy, Platform(reply(b"{}")) as server:
        pass
    address = ProxyAddress(host="127.0.0.1", port=proxy.port)
    assert failure(lambda: ask(server, proxy=address)) == Transient(
        cause=Cause.PROXY, detail=f"no connection through the proxy 127.0.0.1 port {proxy.port}: Connection refused"
    )


@pytest.mark.realtime
def test_a_mute_proxy_is_given_up() -> None:
    """It takes the connection and says nothing."""
    with FakeProxy(says=b"") as proxy, Platform(reply(b"{}")) as server:
        watch = Stopwatch()
        caught = failure(lambda: ask(server, timeout_s=0.5, proxy=ProxyAddress(host="127.0.0.1", port=proxy.port)))
        assert watch.duration_s() <= 1.5
    assert caught.cause is Cause.PROXY
    assert "timed out" in caught.detail


def test_a_foreign_server_behind_a_proxy_is_refused() -> None:
    """A proxy is no reason to believe anybody."""
    foreign = certificates("foreign")[0]
    with FakeProxy() as proxy, Platform(reply(b"{}")) as server:
        address = ProxyAddress(host="127.0.0.1", port=proxy.port)
        assert failure(lambda: ask(server, proxy=address, ca_file=foreign)).cause is Cause.TLS
        assert server.requests == []


def test_the_environment_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies, certificate bundles and passwords of the environment are not looked at."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login somebody password something\n")
    with FakeProxy(says=b"HTTP/1.1 403 Forbidden\r\n\r\n") as trap, Platform(reply(b"{}")) as server:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("NETRC", str(netrc))
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.setenv(name, str(tmp_path / "nowhere"))
        assert ask(server).status == 200
        assert trap.asked == []
        assert b"authorization" not in server.requests[0].lower()


@pytest.mark.parametrize("answer", [reply(b"{}"), reply(b"{}", length=9), reply(b"x" * 3_000_000), reply(b"", "302 x")])
def test_no_connection_is_left_behind(answer: bytes) -> None:
    """Whether it got an answer or not."""
    with Platform(answer) as server:
        before = descriptors()
        with contextlib.suppress(OnboardError):
            ask(server)
        wait_for(lambda: descriptors() <= before, "the end of both ends")
