"""No test speaks to another machine: the guard of `tests/conftest.py`."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from support.process.loopback import BeyondLoopback, Guard, stays
from support.tree import TESTS

V4, V6, UDP = (
    (socket.AF_INET, socket.SOCK_STREAM),
    (socket.AF_INET6, socket.SOCK_STREAM),
    (socket.AF_INET, socket.SOCK_DGRAM),
)
_CLONE_NEWNET = 0x40000000  # sched.h
SWALLOWED = """
import contextlib, socket
def test_swallowed():
    with contextlib.suppress(Exception), socket.socket() as out:
        out.connect(("192.0.2.1", 9))
"""


def opened(kind: tuple[int, int], call: Callable[[socket.socket], object]) -> Callable[[], object]:
    def run() -> object:
        with socket.socket(*kind) as out:
            out.settimeout(0.01)
            return call(out)

    return run


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (opened(V4, lambda out: out.connect(("192.0.2.1", 443))), "socket.connect 192.0.2.1"),
        (opened(V4, lambda out: out.connect_ex(("10.0.0.1", 443))), "socket.connect 10.0.0.1"),
        (opened(V6, lambda out: out.connect(("2001:db8::1", 443))), "socket.connect 2001:db8::1"),
        (opened(V6, lambda out: out.connect(("::ffff:192.0.2.1", 443))), "socket.connect ::ffff:192.0.2.1"),
        (opened(UDP, lambda out: out.sendto(b"", ("192.0.2.1", 53))), "socket.sendto 192.0.2.1"),
        (opened(UDP, lambda out: out.sendmsg([b""], [], 0, ("192.0.2.1", 53))), "socket.sendmsg 192.0.2.1"),
        (lambda: socket.getaddrinfo("nowhere.test", 443), "socket.getaddrinfo nowhere.test"),
        (lambda: socket.getaddrinfo(b"nowhere.test", 443), "socket.getaddrinfo nowhere.test"),
        (lambda: socket.gethostbyname("nowhere.test"), "socket.gethostbyname nowhere.test"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_leaves_the_machine_is_refused(connect_guard: Guard, attempt: Callable[[], object], words: str) -> None:
    """At once, by whatever call, and with a sentence that names the address."""
    with pytest.raises(BeyondLoopback, match="a test speaks to loopback alone"):
        attempt()
    assert connect_guard.take() == [words]


def test_what_stays_passes(connect_guard: Guard, tmp_path: Path) -> None:
    """Loopback of both kinds, its name, a socket in a directory, and the kernel."""
    for host in ("localhost", "127.0.0.1", "127.9.9.9", "::1"):
        with contextlib.suppress(OSError):
            socket.create_connection((host, 9), 0.01)
    with socket.socket(socket.AF_UNIX) as out, contextlib.suppress(OSError):
        out.connect(str(tmp_path / "none"))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        kernel.sendto(bytes(16), (0, 0))
    assert connect_guard.take() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces")
def test_a_socket_of_another_network_passes_whoever_uses_it(connect_guard: Guard) -> None:
    """A name server of the tests is made in a network of theirs, and answers from a thread that is not in it."""
    made: list[socket.socket] = []

    def make() -> None:
        assert ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) == 0
        made.append(socket.socket(*UDP))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    with made[0] as out, pytest.raises(OSError, match="unreachable"):
        out.sendto(b"", ("192.0.2.1", 53))
    assert connect_guard.take() == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "localhost"])
def test_whose_address_is_this_machines(host: str) -> None:
    """All of 127.0.0.0/8 (RFC 1122), ::1 (RFC 4291), the same as IPv6 writes it, and the one name (RFC 6761)."""
    assert stays(host)


@pytest.mark.parametrize("host", ["128.0.0.1", "0.0.0.0", "::", "::2", "fe80::1%lo", "localhost.example", "", "lo"])
def test_whose_address_is_not(host: str) -> None:
    """Neighbours, what means any address, and names that somebody would have to be asked for."""
    assert not stays(host)


def test_a_refusal_that_the_code_swallows_fails_its_test(tmp_path: Path) -> None:
    """`except Exception` around a dial does not hide it."""
    shutil.copy(TESTS / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(SWALLOWED)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 1, done.stdout
    assert "refused, for it leaves this machine: socket.connect 192.0.2.1" in done.stdout


def test_no_proxy_is_left_for_children() -> None:
    """One of this machine's would be asked for loopback, and answer."""
    assert not [name for name in os.environ if name.lower() in {"http_proxy", "https_proxy", "all_proxy"}]
