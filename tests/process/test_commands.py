"""The command line, as an operator uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.gateway import Gateway
from support.sandbox import Sandbox


def test_register_stores_and_stops(sandbox: Sandbox, gateway: Gateway) -> None:
    """Once it registers; again it does nothing and says so; the daemon then asks for nothing."""
    gateway.configure(sandbox)
    assert gateway.command("register").returncode == 0
    again = gateway.command("register")
    assert (again.returncode, "no registration needed" in again.stderr) == (0, True)
    assert sandbox.seen("connect") == []
    gateway.online()
    assert len(sandbox.seen("register")) == 1


def test_register_leaves_a_running_daemon_alone(sandbox: Sandbox, gateway: Gateway) -> None:
    """One registration at a time, across processes."""
    gateway.configure(sandbox)
    gateway.online()
    busy = gateway.command("register")
    assert (busy.returncode, "another iot-onboard process" in busy.stderr) == (1, True)


def test_register_says_what_failed(sandbox: Sandbox, gateway: Gateway) -> None:
    """A refusal ends with 1, a missing product secret with 78; neither speaks of a next try."""
    gateway.configure(sandbox)
    sandbox.command("answer", "code:6288")
    refused = gateway.command("register")
    assert (refused.returncode, "6288" in refused.stderr, "No further try" in refused.stderr) == (1, True, True)
    gateway.product_secret.unlink()
    assert gateway.command("register").returncode == 78


def test_status(sandbox: Sandbox, gateway: Gateway) -> None:
    """2 without a daemon, 0 online, 1 not online; --wait returns when it is online; --json is the record."""
    gateway.configure(sandbox)
    assert gateway.command("status").returncode == 2
    gateway.start()
    assert gateway.command("status", "--wait", "20").returncode == 0
    assert json.loads(gateway.command("status", "--json").stdout)["state"] == "online"
    sandbox.stop()
    gateway.wait_for_state("waiting")
    assert gateway.command("status").returncode == 1
    gateway.kill()
    assert gateway.command("status").returncode == 2


def test_forget_sets_aside(sandbox: Sandbox, gateway: Gateway) -> None:
    """Never deleted, and only after a confirmation."""
    gateway.configure(sandbox)
    gateway.command("register")
    before = gateway.credentials.read_bytes()
    assert gateway.command("forget").returncode == 1
    assert gateway.credentials.exists()
    assert gateway.command("forget", "--yes").returncode == 0
    assert [path.read_bytes() for path in gateway.credentials.parent.glob("*.forgotten-*")] == [before]
    assert "No device secret" in gateway.command("forget", "--yes").stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "product_key: is missing"),
        ("product_key: [1]\ndevice_name: gw-1\n", "config.yaml:1: product_key: is a list, must be text"),
        ("product_key: abc\ndevice_name: g w-1\n", "config.yaml:2: device_name"),
        ("product_key: abc\ndevice_nam: gw-1\n", "did you mean device_name?"),
        ("product_key: abc\nproduct_key: abc\ndevice_name: gw-1\n", "config.yaml:2: product_key: stands here twice"),
        ("product_key: abc\n\tdevice_name: gw-1\n", "config.yaml:2"),
        ("- a\n", "must be a mapping"),
        ("product_key: abc\ndevice_name: abc\n", "3 characters"),
        ("product_key: abc\ndevice_name: gw-1\nregion: Shang Hai\n", "config.yaml:3: region"),
        ("product_key: abc\ndevice_name: gw-1\nproduct_secret: hunter2\n", "never a value here"),
    ],
)
def test_bad_configuration(gateway: Gateway, text: str, words: str) -> None:
    """78, with file and line, for `check-config` and `run` alike; nothing secret is echoed."""
    gateway.config.write_text(text)
    for command in ("check-config", "run"):
        answer = gateway.command(command)
        assert answer.returncode == 78
        assert words in answer.stderr
        assert "hunter2" not in answer.stderr
        assert "Traceback" not in answer.stderr


def test_missing_configuration(gateway: Gateway) -> None:
    """The file that is missing is named."""
    answer = gateway.command("check-config")
    assert (answer.returncode, str(gateway.config) in answer.stderr) == (78, True)


def test_a_secret_readable_by_others_is_refused(sandbox: Sandbox, gateway: Gateway) -> None:
    """check-config says the cure; the daemon stays alive, blocked, and asks nothing of the platform."""
    gateway.configure(sandbox)
    gateway.product_secret.chmod(0o644)
    answer = gateway.command("check-config")
    assert (answer.returncode, f"chmod 600 {gateway.product_secret}" in answer.stderr) == (78, True)
    gateway.start()
    gateway.wait_for_state("blocked")
    assert sandbox.seen("register") == []


def test_help_and_usage(gateway: Gateway, tmp_path: Path) -> None:
    """--help is 0, nonsense is 2."""
    assert gateway.command("run", "--help").returncode == 0
    assert gateway.command("run", "--nonsense").returncode == 2
    assert tmp_path.exists()
