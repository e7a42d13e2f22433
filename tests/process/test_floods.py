"""A server that logs the gateway in and sends without end, of every kind: the daemon stays small and can be stopped."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from support.gateway.gateway import Gateway
from support.gateway.stored import point
from support.platform.flooding import FLOODS, FloodServer
from support.platform.sandbox import wait_for

MAX_MEMORY_KB = 64_000
WATCHDOG_S = 0.5
FLOOD_S = 3.0
# A machine that tests share is slow now and then; a loop that is held is silent for as long as the flood lasts.
MAX_SILENCE_S = 1.5
ENDED = {
    "pingresp": "answers no PINGREQ",
    "pingresp, a record each": "answers no PINGREQ",
    "pingresp, across records": "the reserved type 0",
    "publish, qos 1, small, and nothing read": "does not read their acknowledgements",
    "publish, qos 2": "QoS 2",
    "publish of 256 MB": "268,435,455 bytes",
    "key updates, and a byte now and then": "",
}


class Watchdog:
    """Stand in for the service manager: note when WATCHDOG=1 came."""

    def __init__(self, path: Path) -> None:
        self.fed_at: list[float] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while data := self._socket.recv(4096):
            if b"WATCHDOG=1" in data:
                self.fed_at.append(time.monotonic())

    def longest_silence_s(self, since: float) -> float:
        times = [since, *(at for at in self.fed_at if at > since), time.monotonic()]
        return max(later - earlier for earlier, later in pairwise(times))


@contextmanager
def watched(gateway: Gateway, server: FloodServer, tmp_path: Path) -> Iterator[Watchdog]:
    watchdog = Watchdog(tmp_path / "notify")
    usec = round(WATCHDOG_S * 2_000_000)
    gateway.environment |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": str(usec)}
    point(gateway, server.port, server.ca_file)
    gateway.start()
    wait_for(lambda: server.logins, "a login")
    yield watchdog


def peak_kb(pid: int) -> int:
    found = re.search(r"^VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_holds_nothing_up(gateway: Gateway, tmp_path: Path, name: str) -> None:
    """Memory stays, the watchdog is fed, SIGTERM is heard; what no server sends is told, and retried with back-off."""
    with FloodServer(FLOODS[name]) as server, watched(gateway, server, tmp_path) as watchdog:
        began = time.monotonic()
        time.sleep(FLOOD_S)
        assert watchdog.longest_silence_s(began) < MAX_SILENCE_S
        if name in ENDED:
            # The kernel's own buffers take some ten thousand acknowledgements before ours does.
            line = gateway.wait_for_line("the server does not follow MQTT 3.1.1: ", 60)
            assert ENDED[name] in line
            assert "Next try in" in line
        assert peak_kb(gateway.pid) < MAX_MEMORY_KB
        assert gateway.stop_time_s() <= 0.5
        assert server.logins <= 5
    assert "another device" not in gateway.lines()


UNANSWERED = "did not answer the login within 10 s"
UNTAKEN = "the server does not read the answers of TLS"


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("session tickets", [UNANSWERED]),
        ("key updates", [UNANSWERED]),
        # Nobody reads our new keys: whichever comes first, full buffers or the time limit.
        ("key updates that ask for ours", [UNTAKEN, UNANSWERED]),
    ],
)
def test_a_flood_in_place_of_the_connack(gateway: Gateway, tmp_path: Path, name: str, ends: list[str]) -> None:
    """TLS records without data: the login has its time limit, and meanwhile the daemon hears and is heard."""
    server = FloodServer(FLOODS[name], before_connack=True)
    with server, watched(gateway, server, tmp_path) as watchdog:
        began = time.monotonic()
        wait_for(lambda: any(end in gateway.lines() for end in ends), "the end of the login", 20)
        assert watchdog.longest_silence_s(began) < MAX_SILENCE_S
        wait_for(lambda: server.logins == 2, "the next login", 15)
        assert peak_kb(gateway.pid) < MAX_MEMORY_KB
        assert gateway.stop_time_s() <= 0.5
    assert "another device" not in gateway.lines()
