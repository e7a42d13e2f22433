"""Other servers than the sandbox: a raw-packet fake for hard cases, and mosquitto as an independent broker."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from iot_onboard.aliyun.login import login
from iot_onboard.aliyun.signing import SignMethod
from iot_sandbox.authority import make_certificates
from support.fakebroker import FakeBroker
from support.gateway import Gateway
from support.sandbox import Sandbox
from support.stored import DEVICE, point


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("connack 1", "CONNACK 1"),
        ("connack 2", "CONNACK 2"),
        ("connack 3", "CONNACK 3"),
        ("connack 4", "Login refused, CONNACK 4"),
        ("connack 5", "Login refused, CONNACK 5"),
        ("drop", "closed the connection"),
        ("rubbish", "Connection lost"),
    ],
)
def test_what_a_server_may_answer(gateway: Gateway, tmp_path: Path, word: str, words: str) -> None:
    """Every CONNACK number, a close before it and rubbish after it lead to a wait that says why."""
    with FakeBroker(_made(tmp_path), word) as broker:
        point(gateway, broker.port, broker.ca_file)
        gateway.start()
        gateway.wait_for_line(words)
        gateway.wait_for_state("waiting")
        assert gateway.stop() == 0


@pytest.mark.realtime
@pytest.mark.parametrize(("word", "words"), [("mute", "did not answer the login"), ("mute-handshake", "TLS handshake")])
def test_a_mute_server_is_given_up_after_ten_seconds(gateway: Gateway, tmp_path: Path, word: str, words: str) -> None:
    """Neither a mute handshake nor a missing CONNACK holds the gateway, and SIGTERM is heard meanwhile."""
    with FakeBroker(_made(tmp_path), word) as broker:
        point(gateway, broker.port, broker.ca_file)
        began = time.monotonic()
        gateway.start()
        gateway.wait_for_line(words)
        assert 9.0 <= time.monotonic() - began <= 13.0
        assert gateway.stop_time_s() <= 0.5


@pytest.mark.realtime
def test_a_clone_is_named(gateway: Gateway, tmp_path: Path) -> None:
    """Three sessions that the server ends at once: another device uses this identity."""
    with FakeBroker(_made(tmp_path), "close") as broker:
        point(gateway, broker.port, broker.ca_file)
        gateway.start()
        gateway.wait_for_line("another device uses this identity", 40)
        assert len(broker.connects) == 3


@pytest.mark.realtime
@pytest.mark.timeout(120)
def test_a_dead_link_is_noticed_within_one_and_a_half_keep_alives(gateway: Gateway, tmp_path: Path) -> None:
    """Keep-alive 30: a ping that stays unanswered ends the connection by 45 s."""
    with FakeBroker(_made(tmp_path), "stay") as broker:
        point(gateway, broker.port, broker.ca_file)
        gateway.online()
        online = time.monotonic()
        gateway.wait_for_line("no answer to the ping", 50)
        assert 30.0 < time.monotonic() - online <= 45.0
        assert b"\xc0\x00" in b"".join(broker.packets)


def test_a_server_of_a_foreign_authority_is_refused(gateway: Gateway, tmp_path: Path) -> None:
    """TLS is verified: no CONNECT is sent."""
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    ca_file, _ = make_certificates(foreign, ("localhost",))
    with FakeBroker(_made(tmp_path), "connack 0") as broker:
        point(gateway, broker.port, ca_file)
        gateway.start()
        gateway.wait_for_line("is not accepted")
        assert broker.connects == []


def test_a_wrong_clock_waits_for_the_clock(gateway: Gateway, tmp_path: Path) -> None:
    """In 1970 no certificate is valid yet: the line speaks of the clock."""
    with FakeBroker(_made(tmp_path), "connack 0") as broker:
        point(gateway, broker.port, broker.ca_file)
        gateway.environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
        gateway.start("faketime", "-f", "@1990-01-01 00:00:00")
        gateway.wait_for_line("Waiting for the clock")


def test_mosquitto_takes_the_login(gateway: Gateway, tmp_path: Path) -> None:
    """An independent broker with a password file lets the daemon in: the login is a constant."""
    directory = _made(tmp_path)
    ca_file, chain = make_certificates(directory, ("127.0.0.1",))
    triple = login(DEVICE, SignMethod.HMACSHA256)
    passwords = directory / "passwords"
    command = ["mosquitto_passwd", "-b", "-c", str(passwords), triple.username, triple.password.reveal()]
    subprocess.run(command, check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = directory / "mosquitto.conf"
    user = "user root\n"
    config.write_text(
        f"{user}listener {port} 127.0.0.1\ncertfile {chain}\nkeyfile {chain}\n"
        f"allow_anonymous false\npassword_file {passwords}\n"
    )
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    with subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL) as broker:
        try:
            point(gateway, port, ca_file)
            gateway.online().wait_for_line("tags reported")
        finally:
            broker.terminate()


def test_a_given_secret_needs_no_registration(sandbox: Sandbox, gateway: Gateway, tmp_path: Path) -> None:
    """With device_secret_file nothing is registered or stored."""
    gateway.configure(sandbox)
    gateway.command("register")
    secret = tmp_path / "device-secret"
    secret.write_text(json.loads(gateway.credentials.read_text())["device_secret"] + "\n")
    secret.chmod(0o600)
    gateway.credentials.unlink()
    gateway.config.write_text(gateway.config.read_text() + f"device_secret_file: {secret}\n")
    gateway.online()
    assert not gateway.credentials.exists()
    assert len(sandbox.seen("register")) == 1


def _made(tmp_path: Path) -> Path:
    directory = tmp_path / "broker"
    directory.mkdir(exist_ok=True)
    return directory
