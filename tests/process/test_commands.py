"""The command line, as an operator uses it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.gateway.gateway import Gateway
from support.platform.sandbox import Sandbox


def test_register_stores_and_stops(sandbox: Sandbox, gateway: Gateway) -> None:
    """Once it registers; again it does nothing and says so; the daemon then asks for nothing."""
    gateway.configure(sandbox)
    assert gateway.command("register").returncode == 0
    again = gateway.command("register")
    assert (again.returncode, "No registration is needed" in again.stderr) == (0, True)
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
    """Never deleted, and only after a confirmation; the next start registers again."""
    gateway.configure(sandbox)
    gateway.command("register")
    before = gateway.credentials.read_bytes()
    assert gateway.command("forget").returncode == 1
    assert gateway.credentials.exists()
    forgotten = gateway.command("forget", "--yes")
    assert (forgotten.returncode, "The next start registers again" in forgotten.stdout) == (0, True)
    assert [path.read_bytes() for path in gateway.credentials.parent.glob("*.forgotten-*")] == [before]
    assert "No device secret" in gateway.command("forget", "--yes").stdout
    gateway.online()
    assert gateway.credentials.read_bytes() != before


def test_forget_beside_a_running_daemon_changes_nothing(sandbox: Sandbox, gateway: Gateway) -> None:
    """It would go on with the secret in its memory, and may be about to store one: the way round is told."""
    gateway.configure(sandbox)
    gateway.online()
    before = gateway.credentials.read_bytes()
    for confirmation in ([], ["--yes"]):
        refused = gateway.command("forget", *confirmation)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "nothing was changed: the daemon runs" in refused.stderr
        assert "systemctl stop iot-onboard" in refused.stderr
    assert gateway.credentials.read_bytes() == before
    assert gateway.stop() == 0
    assert gateway.command("forget", "--yes").returncode == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("product_key: [1]\ndevice_name: gw-1\n", "config.yaml:1: product_key: is a list, must be text"),
        ("product_key: abc\ndevice_name: g w-1\n", "config.yaml:2: device_name"),
        ("product_key: abc\ndevice_nam: gw-1\n", "did you mean device_name?"),
        ("product_key: abc\nproduct_key: abc\ndevice_name: gw-1\n", "config.yaml:2: product_key: is set twice"),
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


@pytest.mark.parametrize("command", ["check-config", "register", "forget"])
def test_a_gateway_that_is_not_set_up(gateway: Gateway, command: str) -> None:
    """Whoever asks for more than waiting is told what is missing."""
    gateway.config.write_text("product_key: abc\n")
    answer = gateway.command(command)
    assert (answer.returncode, "config.yaml:1: device_name: is missing" in answer.stderr) == (78, True)


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


def test_a_file_of_certificates_that_holds_none(sandbox: Sandbox, gateway: Gateway, tmp_path: Path) -> None:
    """check-config says the cure; the daemon stays alive, blocked on either leg, and retries."""
    gateway.configure(sandbox)
    good = gateway.config.read_text()
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("rubbish")
    words = f"{rubbish} cannot be used: it holds no complete certificate in PEM format. To do: set tls.ca_file"
    gateway.config.write_text(good.replace(str(sandbox.ca_file), str(rubbish)))
    answer = gateway.command("check-config")
    assert (answer.returncode, words in answer.stderr) == (78, True)
    gateway.start()
    assert "Next try in" in gateway.wait_for_line(words)
    gateway.wait_for_state("blocked")
    gateway.stop()
    gateway.config.write_text(good)
    assert f"also trusted {sandbox.ca_file}" in gateway.command("check-config").stdout
    assert gateway.command("register").returncode == 0
    gateway.config.write_text(good.replace(str(sandbox.ca_file), str(rubbish)))
    gateway.start()
    gateway.wait_for_state("blocked")
    assert gateway.stop() == 0
    assert gateway.lines().count(words) == 2


def test_help_and_usage(gateway: Gateway, tmp_path: Path) -> None:
    """--help is 0, nonsense is 2."""
    assert gateway.command("run", "--help").returncode == 0
    assert gateway.command("run", "--nonsense").returncode == 2
    assert tmp_path.exists()


MODULES_AFTER = "import sys; from iot_onboard.cli import main; main(); print(*sys.modules, file=sys.stderr)"


@pytest.mark.parametrize("name", ["check-config", "status", "forget"])
def test_a_quick_command_pays_for_itself_alone(sandbox: Sandbox, gateway: Gateway, name: str) -> None:
    """It imports nothing of the daemon's loop, no other command, and no library but YAML's."""
    gateway.configure(sandbox)
    command = [sys.executable, "-c", MODULES_AFTER, name, "--config", str(gateway.config)]
    done = subprocess.run(command, capture_output=True, text=True, env=gateway.environment, timeout=30, check=True)
    imported = set(done.stderr.split())
    assert "yaml" in imported
    assert not imported & {"paho", "requests", "systemd", "logging", "iot_onboard.service.supervisor"}
    commands = {module for module in imported if module.startswith("iot_onboard.commands.")}
    assert commands == {f"iot_onboard.commands.{name.replace('-', '_')}"}


def test_a_stored_secret_never_imports_requests(sandbox: Sandbox, gateway: Gateway) -> None:
    """Only the registration pays for it."""
    gateway.configure(sandbox)
    gateway.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    imported = re.compile(r"^import time:.*\| +(requests|paho\.mqtt\.client)$", re.MULTILINE)
    assert "requests" in imported.findall(gateway.command("register").stderr)
    gateway.online()
    assert imported.findall(gateway.lines()) == ["paho.mqtt.client"]
