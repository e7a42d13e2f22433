"""What an operator does to the sandbox, and what its devices see of it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from support.platform.client import PK, Client, login, register, secret_of
from support.platform.sandbox import Sandbox


def test_reset_does_not_kick_and_activate_gives_the_secret_away(platform: Sandbox, name: str) -> None:
    """ResetThing leaves a connection; `activate` leaves neither registration nor the old secret."""
    secret = secret_of(platform, name)
    with Client(platform, name, secret) as client:
        client.online()
        platform.command("reset", PK, name)
        sent = client.paho.publish(f"/{PK}/{name}/user/x", "1", qos=1)
        sent.wait_for_publish(2)
        assert sent.is_published()
        assert platform.device(PK, name)["online"]
    platform.command("activate", PK, name)
    assert register(platform, name)["code"] == 6289
    assert login(platform, name, secret) == 4


@pytest.mark.parametrize("command", ["disable", "delete", "kick"])
def test_operator_ends_a_connection(platform: Sandbox, name: str, command: str) -> None:
    """It is ended when the command returns; disabled and deleted devices stay out with CONNACK 5."""
    secret = secret_of(platform, name)
    with Client(platform, name, secret) as client:
        client.online()
        platform.command(command, PK, name)
        assert client.ended(1)
    assert login(platform, name, secret) == (0 if command == "kick" else 5)
    if command == "disable":
        platform.command("enable", PK, name)
        assert login(platform, name, secret) == 0


def test_an_outage_drops_and_refuses(tmp_path: Path) -> None:
    """Connections end, new ones are closed before a handshake, one leg can be out alone, and 0 seconds end it."""
    with Sandbox(tmp_path / "sandbox") as sandbox:
        sandbox.add(PK, "gw-0001")
        secret = secret_of(sandbox, "gw-0001")
        with Client(sandbox, "gw-0001", secret) as client:
            client.online()
            sandbox.command("outage", "--seconds", "60", "--leg", "mqtt")
            assert client.ended(1)
        with socket.create_connection(("127.0.0.1", sandbox.mqtt_port), 2) as raw:
            assert raw.recv(1) == b""
        assert register(sandbox, "gw-0001")["code"] == 6289
        sandbox.command("outage", "--seconds", "60")
        with pytest.raises(OSError, match=r"."):
            register(sandbox, "gw-0001")
        sandbox.command("outage", "--seconds", "0")
        assert register(sandbox, "gw-0001")["code"] == 6289
        assert login(sandbox, "gw-0001", secret) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("device", "add", PK, "abc"),
        ("device", "add", "unknown", "gw-0001"),
        ("product", "add", "no such key"),
        ("kick", PK, "nobody-here"),
        ("answer", "nonsense"),
        ("serve", "--name", "*.example.org"),
        ("serve",),
    ],
)
def test_mistakes_are_answered_with_a_sentence(platform: Sandbox, arguments: tuple[str, ...]) -> None:
    """Not 0, no traceback; nor does a second server share a directory."""
    done = platform.try_command(*arguments)
    assert done.returncode in {1, 2}
    assert "iot-sandbox" in done.stderr
    assert "Traceback" not in done.stderr
