"""What the service manager hears, on a real notify socket."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from iot_onboard.system.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A service manager's end, which Notifier finds in the environment."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        name = str(tmp_path / "notify") if request.param == "path" else f"@{secrets.token_hex(8)}"
        # In the environment an abstract socket's name starts with @, for the kernel with a zero byte (sd_notify(3)).
        listening.bind("\0" + name[1:] if name.startswith("@") else name)
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield listening


def heard(manager: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(manager.recv(4096).decode())
        except BlockingIOError:
            return found


def test_each_word_is_one_message(manager: socket.socket) -> None:
    """READY, WATCHDOG and STOPPING as sd_notify(3) spells them."""
    notifier = Notifier()
    notifier.ready()
    notifier.watchdog()
    notifier.watchdog()
    notifier.stopping()
    assert heard(manager) == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


def test_the_status_is_told_when_it_changes(manager: socket.socket) -> None:
    """The same line again costs no message; a line end cannot forge another variable."""
    notifier = Notifier()
    for text in ("waiting", "waiting", "online", "online", "waiting", "a\nREADY=1"):
        notifier.status(text)
    assert heard(manager) == ["STATUS=waiting", "STATUS=online", "STATUS=waiting", "STATUS=a READY=1"]


def test_text_of_any_language(manager: socket.socket) -> None:
    """UTF-8."""
    Notifier().status("gateway größe 网关")
    assert heard(manager) == ["STATUS=gateway größe 网关"]


def test_without_a_socket_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal every word is free."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier = Notifier()
    notifier.ready()
    notifier.status("online")
    notifier.watchdog()
    notifier.stopping()


def test_a_manager_that_is_gone_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may restart: then it hears that we run, and how we are now; each state of before is history."""
    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    notifier = Notifier()
    notifier.ready()
    notifier.status("connecting")
    notifier.status("waiting")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as back:
        back.bind(path)
        back.setblocking(False)
        notifier.watchdog()
        notifier.status("online")
        assert heard(back) == ["WATCHDOG=1", "READY=1\nSTATUS=waiting", "STATUS=online"]
        assert notifier.retry_at() is None


def test_a_manager_that_hangs_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its queue is full: READY, STOPPING and the latest STATUS wait for it, tried once a second."""
    path, now = str(tmp_path / "notify"), 50.0
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hanging:
        hanging.bind(path)
        hanging.setblocking(False)
        notifier = Notifier(monotonic_s=lambda: now)
        for _ in range(1000):
            notifier.watchdog()
        notifier.ready()
        for number in range(100):
            notifier.status(f"attempt {number}")
        notifier.stopping()
        assert notifier.retry_at() == 51.0
        assert set(heard(hanging)) == {"WATCHDOG=1"}
        notifier.flush()
        assert heard(hanging) == ["READY=1\nSTATUS=attempt 99\nSTOPPING=1"]


def test_a_status_leaves_room_for_what_counts(manager: socket.socket) -> None:
    """systemd passes over a message of more than 4096 bytes as a whole, and with it a READY in it."""
    Notifier().status("网" * 5000)
    (message,) = heard(manager)
    assert 2000 < len(message.encode()) < 2100


@pytest.mark.parametrize(
    ("environ", "interval_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": ""}, None),
    ],
)
def test_the_watchdog_s_interval(environ: dict[str, str], interval_s: float | None) -> None:
    """Half of WatchdogSec=, where it is meant for this process; what makes no sense asks for nothing."""
    assert Notifier(environ).watchdog_interval_s == interval_s
