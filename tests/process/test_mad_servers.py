"""A server with a good certificate that says anything at all: the daemon stays up, small, and hears SIGTERM."""

from __future__ import annotations

import contextlib
import gzip
import re
import ssl
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.gateway.gateway import PRODUCT_KEY, Gateway
from support.gateway.stored import store
from support.machine.namespace import network, why_no_namespace
from support.platform.fakeproxy import FakeProxy
from support.platform.sandbox import wait_for
from support.platform.tlsserver import TlsServer
from support.tree import TESTS

MAX_MEMORY_MB = 64
MAX_STOP_S = 0.5
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SUCCESS = (
    b'{"code":200,"message":"success","data":{"productKey":"%s","deviceName":"gw-0001","deviceSecret":"s3cr3ts3cr3t"}}'
)

# What is said once, and what without an end.
SAID = {
    "retry-after of the year 99999999999": OK + b"Retry-After: Mon, 01 Jan 99999999999 00:00:00 GMT\r\n\r\n{}",
    "retry-after far in the east": b"HTTP/1.1 503 x\r\nRetry-After: Mon, 01 Jan 2026 00:00:00 +99999999999999\r\n\r\n",
    "retry-after in other digits": "HTTP/1.1 429 x\r\nRetry-After: \u0661\u00b2\r\n\r\n".encode(),
    "location in latin-1": b"HTTP/1.1 302 Found\r\nLocation: /caf\xe9\r\n\r\n",
    "location with a bracket": b"HTTP/1.1 302 Found\r\nLocation: https://[\r\n\r\n",
    "location with half an address": b"HTTP/1.1 307 x\r\nLocation: https://[::1/x\r\n\r\n",
    "location that is normalised": b"HTTP/1.1 308 x\r\nLocation: https://\xe2\x84\x80.example/\r\n\r\n",
    "gzip in gzip in gzip": OK
    + b"Content-Encoding: gzip, gzip, gzip\r\n\r\n"
    + gzip.compress(gzip.compress(bytes(10**7))),
    "deep JSON": OK + b"\r\n" + b"[" * 60_000,
    "long number": OK + b'\r\n{"code":' + b"9" * 60_000 + b"}",
    "ssh": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "http/2": b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80\0\4\0\1\0\0\0\5\0\xff\xff\xff",
}
ENDLESS = {
    "redirect's body": (b"HTTP/1.1 302 Found\r\n\r\n", b"x"),
    "header line": (OK + b"X: ", b"x"),
    "headers": (OK, b"X: 1\r\n"),
    "folded header": (OK + b"X: 1\r\n", b" x\r\n"),
    "body": (OK + b"\r\n", b"x"),
    "status line": (b"HTTP/1.1 200 ", b"x"),
    "1xx": (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "chunk size": (CHUNKED, b"0"),
    "chunk extension": (CHUNKED + b"1;", b"x"),
    "chunks": (CHUNKED, b"1\r\nx\r\n"),
    "trailer": (CHUNKED + b"0\r\nX: ", b"x"),
    "trailers": (CHUNKED + b"0\r\n", b"X: 1\r\n"),
    "nothing": (b"", b"\0"),
}
DRIPPED = {
    "headers": (OK, b"X: 1\r\n"),
    "body": (OK + b"\r\n", b"x"),
    "chunk extension": (CHUNKED + b"1;", b"x"),
}


def peak_memory_mb(gateway: Gateway) -> float:
    status = Path(f"/proc/{gateway.pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


class Answering(TlsServer):
    """A registration that says anything once it has heard the request, and counts the requests."""

    def __init__(self, say: Callable[[ssl.SSLSocket], object]) -> None:
        self.requests: list[bytes] = []
        self._say = say
        super().__init__(self._answer)

    def _answer(self, connection: ssl.SSLSocket) -> None:
        self.requests.append(connection.recv(65_536))
        self._say(connection)
        with contextlib.suppress(OSError):
            connection.unwrap()


def start(gateway: Gateway, server: TlsServer, extra: str = "") -> None:
    gateway.write_config(f"https://localhost:{server.port}/auth/register/device", 1, server.ca_file, extra)
    gateway.product_secret.write_text("0123456789abcdef\n")
    gateway.product_secret.chmod(0o600)
    gateway.start()


def survived(gateway: Gateway, words: str = "Registration failed") -> str:
    """Wait for the line that says what came, and stop the daemon: it is small, and ends at once."""
    line = gateway.wait_for_line(words, 15)
    assert "Next try in" in line
    assert "nternal error" not in gateway.lines()
    assert peak_memory_mb(gateway) <= MAX_MEMORY_MB
    assert gateway.stop_time_s() <= MAX_STOP_S
    return line


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_an_answer_that_nobody_foresaw(gateway: Gateway, said: bytes) -> None:
    """It is a failure like others: told, with the next try, which is the same process's."""
    with Answering(lambda connection: connection.sendall(said)) as server:
        start(gateway, server)
        words = "Registration: HTTP 429" if said.startswith(b"HTTP/1.1 429") else "Registration failed"
        survived(gateway, words)


@pytest.mark.parametrize("header", [b"Retry-After: Mon, 01 Jan 99999999999 00:00:00 GMT", b"Location: https://["])
def test_a_mad_header_costs_no_secret(gateway: Gateway, header: bytes) -> None:
    """What came with it is stored."""
    said = OK + header + b"\r\n\r\n" + SUCCESS % PRODUCT_KEY.encode()
    with Answering(lambda connection: connection.sendall(said)) as server:
        start(gateway, server)
        wait_for(gateway.credentials.exists, "the stored secret")
        assert len(server.requests) == 1
        assert gateway.stop_time_s() <= MAX_STOP_S


@pytest.mark.parametrize(("once", "again"), ENDLESS.values(), ids=ENDLESS)
def test_an_answer_without_an_end(gateway: Gateway, once: bytes, again: bytes) -> None:
    """Given up by its length: little of it is read."""

    def say(connection: ssl.SSLSocket) -> None:
        connection.sendall(once)
        while True:
            connection.sendall(again * (16_384 // len(again)))

    with Answering(say) as server:
        start(gateway, server)
        assert "instead of the platform" in survived(gateway)


@pytest.mark.realtime
@pytest.mark.parametrize(("once", "again"), DRIPPED.values(), ids=DRIPPED)
def test_a_stop_while_an_answer_drips(gateway: Gateway, once: bytes, again: bytes) -> None:
    """SIGTERM is heard in the middle of it; left alone, it ends with the time limit."""
    began = threading.Event()

    def say(connection: ssl.SSLSocket) -> None:
        connection.sendall(once)
        began.set()
        while True:
            connection.sendall(again)
            time.sleep(0.05)

    with Answering(say) as server:
        start(gateway, server)
        assert began.wait(10)
        assert gateway.stop_time_s() <= MAX_STOP_S
        gateway.start()
        assert "time limit" in survived(gateway)


@pytest.mark.realtime
@pytest.mark.parametrize("gap_s", [0.05, 0.0], ids=["dripping", "flooding"])
@pytest.mark.parametrize("leg", ["registration", "login"])
@pytest.mark.parametrize(("once", "again"), [(OK, b"X: 1\r\n"), (OK + b"X: ", b"x"), (b"", b"HTTP/1.1 100 C\r\n\r\n")])
def test_a_proxy_without_an_end(gateway: Gateway, leg: str, once: bytes, again: bytes, gap_s: float) -> None:
    """One limit for the whole tunnel, for the registration as for the login."""

    def say(write: Callable[[bytes], object]) -> None:
        write(once)
        while True:
            write(again if gap_s else again * 1000)
            time.sleep(gap_s)

    with FakeProxy(says=say) as proxy, TlsServer() as server:
        if leg == "login":
            store(gateway)
        start(gateway, server, f"proxy: 'http://gw:p%40ssw0rd@127.0.0.1:{proxy.port}'\n")
        words = {"registration": "Registration failed", "login": "Cannot connect"}[leg]
        assert "the proxy 127.0.0.1" in survived(gateway, words)


def test_a_password_that_is_said_back_is_shown_nowhere(gateway: Gateway) -> None:
    """Not by the log, the status that all may read, `status`, nor `doctor`; and no escape of a terminal is."""
    says = b"HTTP/1.1 407 \x1b[2Jp@ssw0rd p%40ssw0rd cEBzc3cwcmQ= 7040737377307264\r\n\r\n"
    with FakeProxy(says=says) as proxy, TlsServer() as server:
        start(gateway, server, f"proxy: 'http://gw:p%40ssw0rd@127.0.0.1:{proxy.port}'\n")
        gateway.wait_for_line("Tunnel connection failed: 407")
        gateway.wait_for_state("waiting")
        shown = [gateway.lines(), *(path.read_text() for path in gateway.runtime_dir.iterdir())]
        shown += [gateway.command(*words).stdout for words in (("status",), ("status", "--json"), ("doctor", "--json"))]
        assert all("407" in text for text in (shown[0], shown[-1]))
        for text in shown:
            assert not re.search("p@ssw0rd|p%40ssw0rd|cEBzc3cwcm|7040737377", text), text
            assert "\x1b" not in text
            assert "u001b" not in text


_DNS = """
import subprocess, sys, time
from support.platform.maddns import MadDns
def records(query):
    end = query.index(b"\\0", 12) + 5
    kind = query[end - 4 : end - 2]
    count = 4000 if kind == b"\\0\\1" else 2000
    address = b"\\0\\4\\x0a\\x09" if kind == b"\\0\\1" else b"\\0\\x10\\xfd" + bytes(13)
    one = b"\\xc0\\x0c" + kind + b"\\0\\1\\0\\0\\0\\0" + address
    found = b"".join(one + number.to_bytes(2) for number in range(count))
    return query[:2] + b"\\x81\\x80\\0\\1" + count.to_bytes(2) + bytes(4) + query[12:end] + found
def udp(query):
    return [query[:2] + b"\\x83\\x80" + query[4:6] + bytes(6) + query[12:]]
def tcp(query, write):
    data = records(query)[:65535]
    write(len(data).to_bytes(2) + data)
with MadDns(udp, tcp=tcp):
    time.sleep(120)
"""


@pytest.mark.realtime
@pytest.mark.skipif(why_no_namespace() is not None, reason=str(why_no_namespace()))
def test_a_name_with_four_thousand_addresses(gateway: Gateway, tmp_path: Path) -> None:
    """None of them answers: the next try comes in its time, from the same process."""
    gateway.config.write_text(
        f"product_key: {PRODUCT_KEY}\ndevice_name: gw-0001\nlog_level: debug\n"
        f"state_dir: {gateway.state_dir}\nruntime_dir: {gateway.runtime_dir}\n"
    )
    gateway.product_secret.write_text("0123456789abcdef\n")
    gateway.product_secret.chmod(0o600)
    server = tmp_path / "server.py"
    server.write_text(_DNS)
    gateway.environment["PYTHONPATH"] = f"{gateway.environment.get('PYTHONPATH', '')}:{TESTS}"
    # Whoever is asked for behind that device is never heard of.
    script = "ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up"
    script += "; ip addr add 10.9.255.1/16 dev v0"
    script += '; setpriv --pdeathsig KILL "$1" "$2" & shift 2; sleep 0.5; exec "$@"'
    gateway.start(*network(tmp_path / "net"), "sh", "-ec", script, "sh", sys.executable, str(server))
    line = gateway.wait_for_line("Registration failed", 40)
    assert "no connection to iot-auth" in line
    assert peak_memory_mb(gateway) <= MAX_MEMORY_MB
    assert gateway.stop_time_s() <= MAX_STOP_S
