"""A name server that is asked over TCP and says nothing holds nobody for long."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from iot_onboard.net.stuck_lookup import end
from support.machine.namespace import network, why_no_namespace
from support.process.stopwatch import Stopwatch
from support.tree import DAEMON, TESTS

_SCRIPT = """
import threading, time
from iot_onboard.net.happy_eyeballs import resolve
from support.platform.maddns import MadDns

def look_up(tcp):
    with MadDns(lambda query: [query[:2] + b"\\x83\\x80" + query[4:6] + bytes(6) + query[12:]], tcp=tcp):
        began = time.monotonic()
        try:
            resolve("platform.test", 443, 1.0)
        except OSError as error:
            print(type(error).__name__, round(time.monotonic() - began, 1))
    assert not [thread for thread in threading.enumerate() if thread.name == "name-lookup"]

look_up(lambda query, write: time.sleep(20))
look_up(lambda query, write: [write(b"\\xff\\xff")] + [write(b"x") or time.sleep(0.1) for _ in range(200)])
"""


@pytest.mark.realtime
@pytest.mark.skipif(why_no_namespace() is not None, reason=str(why_no_namespace()))
def test_a_name_server_that_is_mute_over_tcp(tmp_path: Path) -> None:
    """Mute or dripping, its connection is ended soon after the limit, and no thread is left behind."""
    command = [*network(tmp_path / "net"), sys.executable, "-c", _SCRIPT]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": f"{TESTS}:{DAEMON}"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [name for name, _ in lines] == ["TimeoutError", "TimeoutError"]
    assert all(1.0 <= float(duration_s) <= 8.0 for _, duration_s in lines), lines


def test_no_other_connection_is_ended() -> None:
    """What does not lead to a name server's port is left alone; a thread that ends is not waited for."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as ours,
        server.accept()[0] as theirs,
    ):
        thread, watch = threading.Thread(target=lambda: None), Stopwatch()
        thread.start()
        end(thread)
        assert watch.duration_s() <= 2.0
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"
