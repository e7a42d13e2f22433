"""The sandbox as a process: what it keeps, how it ends, who may read its files."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import pytest

from support.platform.client import PK, Client, register, secret_of
from support.platform.sandbox import Sandbox, wait_for


def test_it_survives_restarts(tmp_path: Path) -> None:
    """Secrets, activation, CA, ports and unfetched QoS 1 messages outlive a stop, and SIGKILL with its broker."""
    topic = f"/{PK}/gw-0001/user/x"
    with Sandbox(tmp_path / ("deep" * 20) / "sandbox") as sandbox:
        sandbox.add(PK, "gw-0001")
        secret = secret_of(sandbox, "gw-0001")
        ca, ports = sandbox.ca_file.read_bytes(), (sandbox.https_port, sandbox.mqtt_port)
        with Client(sandbox, "gw-0001", secret, clean=False) as client:
            client.online().paho.subscribe(topic, qos=1)
            wait_for(lambda: sandbox.seen("subscribe"), "the subscription")
        for stop in (sandbox.stop, sandbox.kill):
            sandbox.push(topic, "kept")
            stop()
            sandbox.start()
            assert (sandbox.ca_file.read_bytes(), (sandbox.https_port, sandbox.mqtt_port)) == (ca, ports)
            assert register(sandbox, "gw-0001")["code"] == 6289
            with Client(sandbox, "gw-0001", secret, clean=False) as client:
                assert client.online().messages.get(timeout=5).payload == b"kept"


def test_it_ends_at_once_and_leaves_nobody(tmp_path: Path) -> None:
    """SIGTERM with a connection open: gone within a second; SIGKILL takes mosquitto along."""
    with Sandbox(tmp_path / "sandbox") as sandbox:
        sandbox.add(PK, "gw-0001")
        with Client(sandbox, "gw-0001", secret_of(sandbox, "gw-0001")) as client:
            client.online()
            assert sandbox.stop_time_s() < 1.0
            assert client.ended()
        # The shell that asked mosquitto to end looks every 50 ms whether it did.
        wait_for(lambda: brokers(sandbox) == [], "the end of mosquitto and its keeper", 1.0)
        sandbox.start()
        assert brokers(sandbox) != []
        sandbox.kill()
        wait_for(lambda: brokers(sandbox) == [], "mosquitto's end")


def test_killed_while_mosquitto_starts_it_leaves_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until its loop runs mosquitto is deaf to SIGTERM: here for a second, so that no chance is needed."""
    stand_in(tmp_path, monkeypatch, "trap '' TERM; touch deaf; sleep 1; trap - TERM; exec sleep 60")
    sandbox = Sandbox(tmp_path / "sandbox")
    sandbox.begin()
    wait_for((sandbox.directory / "broker" / "deaf").exists, "mosquitto's start")
    sandbox.kill()
    wait_for(lambda: brokers(sandbox) == [], "mosquitto's end", 5.0)


def brokers(sandbox: Sandbox) -> list[str]:
    """Return the processes that work in the directory of the sandbox's broker."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == sandbox.directory / "broker":
                found.append(process.name)
    return found


def test_a_broker_that_fails_has_the_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not 0, no traceback, and what mosquitto said."""
    stand_in(tmp_path, monkeypatch, "echo 'Error: out of luck' >&2\nexit 3")
    done = Sandbox(tmp_path / "sandbox").try_command("serve")
    assert done.returncode == 1
    assert done.stderr == "iot-sandbox: mosquitto ended: Error: out of luck\n"


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a script in the place of mosquitto."""
    program = tmp_path / "bin" / "mosquitto"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)


def test_who_may_read_what(platform: Sandbox) -> None:
    """Keys, secrets and the database are 0600; the CA is public; the ready file tells where to go."""
    for path in ("ca.key", "server.pem", "sandbox.sqlite", f"products/{PK}.secret"):
        assert (platform.directory / path).stat().st_mode & 0o777 == 0o600
    facts = json.loads((platform.directory / "sandbox.json").read_text())
    assert facts == {
        "https_port": platform.https_port,
        "mqtt_port": platform.mqtt_port,
        "ca_file": str(platform.ca_file),
        "pid": platform.pid,
    }
