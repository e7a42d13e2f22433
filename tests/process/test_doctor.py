"""The doctor as a command: what it says, what it leaves alone, and that it always ends."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from iot_onboard.doctor.table import CHECKS
from support.gateway.gateway import Gateway
from support.machine.freezer import frozen, waiting_for_a_pipe, why_no_freezer
from support.machine.namespace import network, why_no_namespace
from support.platform.sandbox import Sandbox, wait_for
from support.process.unprivileged import as_nobody, open_directory

needs_namespace = pytest.mark.skipif(why_no_namespace() is not None, reason=str(why_no_namespace()))
# One hung check takes 5 s, and what waits for it another 5; the rest is a slow machine.
BOUND_S = 25.0


def examined(gateway: Gateway, *arguments: str, code: int | None = None) -> dict[str, dict[str, Any]]:
    began = time.monotonic()
    done = gateway.command("doctor", "--json", *arguments)
    assert time.monotonic() - began < BOUND_S
    if code is not None:
        assert done.returncode == code, done.stdout
    assert done.stderr == ""
    return {check["id"]: check for check in json.loads(done.stdout)["checks"]}


def failed(checks: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, check in checks.items() if check["status"] == "fail"}


def test_a_gateway_that_is_well(sandbox: Sandbox, gateway: Gateway) -> None:
    """Nothing fails; the platform sees neither a registration nor a login, and the daemon is not disturbed."""
    gateway.configure(sandbox)
    gateway.online()
    before, counters = sandbox.seen(), sandbox.listing()["counters"]
    status = gateway.status()
    checks = examined(gateway, code=0)
    assert set(checks) == {check.id for check in CHECKS}
    assert failed(checks) == set()
    for name in (
        "stored-secret",
        "tls-registration",
        "tls-mqtt",
        "http-registration",
        "mqtt-server",
        "service-state",
    ):
        assert checks[name]["status"] == "ok", checks[name]
    assert sandbox.seen() == before
    after = sandbox.listing()["counters"]
    assert {name: after[name] for name in after if name != "connections"} == {
        name: counters[name] for name in counters if name != "connections"
    }
    assert gateway.status() == status


def test_it_says_no_secret(sandbox: Sandbox, gateway: Gateway) -> None:
    """Neither the product secret nor the device's nor the proxy's password, in text or record."""
    gateway.configure(sandbox, "proxy: http://gw:hunter2@127.0.0.1:9\n")
    gateway.credentials.parent.mkdir(mode=0o700)
    gateway.credentials.write_text('{"device_secret": "s3cr3tS3CR3T"}')
    product_secret = gateway.product_secret.read_text().strip()
    for arguments in ((), ("--json",)):
        done = gateway.command("doctor", *arguments)
        for secret in ("hunter2", "s3cr3tS3CR3T", product_secret):
            assert secret not in done.stdout + done.stderr


def test_without_daemon_platform_and_network(sandbox: Sandbox, gateway: Gateway) -> None:
    """The platform is down: its ports fail, what rests on them is skipped, and the rest is judged."""
    gateway.configure(sandbox)
    sandbox.stop()
    checks = examined(gateway, code=1)
    assert failed(checks) == {"tcp-registration", "tcp-mqtt"}
    assert checks["tls-mqtt"]["because"] == "tcp-mqtt"
    assert checks["tls-roots"]["status"] in {"ok", "warn"}


def test_without_a_configuration(gateway: Gateway) -> None:
    """What needs none is judged; the end says what to do first."""
    done = gateway.command("doctor")
    assert done.returncode == 1
    assert f"There is no configuration: {gateway.config} does not exist." in done.stdout
    assert "1. config-valid:" in done.stdout
    checks = examined(gateway)
    assert checks["device-name"]["because"] == "config-valid"
    for name in ("config-permissions", "clock-plausible", "network-connection", "tls-roots", "service-unit"):
        assert checks[name]["status"] != "skipped" or checks[name]["because"] is None


@pytest.mark.parametrize("where", ["config.yaml", "conf.d/10-a.yaml", "product-secret"])
def test_a_named_pipe_in_the_place_of_a_file(sandbox: Sandbox, gateway: Gateway, where: str) -> None:
    """Opening it would wait for ever; the command ends, and names what hangs or what is wrong."""
    gateway.configure(sandbox)
    path = gateway.config.parent / where
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
    checks = examined(gateway, code=1)
    logged = checks["product-secret" if where == "product-secret" else "config-valid"]
    assert logged["status"] == "fail"
    assert "not a regular file" in logged["sentence"] or "did not end within 5 s" in logged["sentence"]
    assert checks["clock-plausible"]["status"] == "ok"


@pytest.mark.skipif(why_no_freezer() is not None, reason=str(why_no_freezer()))
def test_a_thread_that_cannot_be_killed(gateway: Gateway) -> None:
    """One that waits for a dying disk outlives SIGKILL: the command has its answer and ends, and leaves it behind."""
    pipe = gateway.directory / "resolv.conf"
    os.mkfifo(pipe, 0o644)
    script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    doctor_command = [sys.executable, "-m", "iot_onboard", "doctor", "--config", str(gateway.config)]
    command = ["unshare", "--mount", "sh", "-c", script, str(pipe), *doctor_command]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=gateway.environment) as doctor:
        stuck = wait_for(lambda: waiting_for_a_pipe(doctor.pid), "the thread that reads resolv.conf", 10)
        with frozen(*stuck):
            output = doctor.communicate(timeout=BOUND_S)[0]
            assert time.monotonic() - began < BOUND_S
            assert doctor.returncode == 1
            assert "did not end within 5 s" in output
            assert os.path.exists(f"/proc/{stuck[0]}")  # noqa: PTH110 - the kernel's, not a file


MUTE = """
import os, socket, subprocess, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
sys.exit(subprocess.run(sys.argv[1:]).returncode)
"""


@needs_namespace
def test_a_name_server_that_never_answers(gateway: Gateway, tmp_path: Path) -> None:
    """The resolver would wait for half a minute; its checks are cut off, and the command ends."""
    gateway.config.write_text("product_key: a1b2c3d4e5f\ndevice_name: gw-0001\n")
    command = network(tmp_path / "net")
    (tmp_path / "net/resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:30\n")
    doctor = [sys.executable, "-m", "iot_onboard", "doctor", "--json", "--config", str(gateway.config)]
    began = time.monotonic()
    done = subprocess.run(
        [*command, sys.executable, "-c", MUTE, *doctor],
        capture_output=True,
        text=True,
        env=gateway.environment,
        check=False,
    )
    assert time.monotonic() - began < BOUND_S
    checks = {check["id"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["dns-mqtt"]["sentence"] == "The look-up of the MQTT host did not end within 5 s, and was abandoned."
    assert checks["tls-mqtt"]["because"] == "dns-mqtt"
    assert "network-connection" in json.loads(done.stdout)["first"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a program as somebody else")
def test_as_an_ordinary_user() -> None:
    """What that user may not see is skipped, and says so; the rest is judged, and no state directory is touched."""
    with open_directory() as directory, open_directory() as place:
        gateway = Gateway(directory / "gateway")
        gateway.config.write_text(
            f"product_key: a1b2c3d4e5f\ndevice_name: gw-0001\nstate_dir: {gateway.state_dir}\n"
            "registration: {url: 'https://127.0.0.1:9/x'}\nmqtt: {host: 127.0.0.1, port: 9}\n"
        )
        gateway.product_secret.write_text("hunter2hunter2\n")
        gateway.product_secret.chmod(0o600)
        gateway.credentials.parent.mkdir(mode=0o700)
        command = [sys.executable, "-m", "iot_onboard", "doctor", "--json", "--config", str(gateway.config)]
        done = subprocess.run(
            as_nobody(command, place), capture_output=True, text=True, env=gateway.environment, check=False
        )
    report = json.loads(done.stdout)
    assert report["as_root"] is False
    checks = {check["id"]: check for check in report["checks"]}
    assert checks["stored-secret"]["status"] == "skipped"
    assert checks["stored-secret"]["fix"] == "run with sudo"
    assert "its content was not checked" in checks["product-secret"]["sentence"]
    assert checks["state-disk"]["status"] in {"ok", "warn"}


def test_only_some(gateway: Gateway) -> None:
    """Ids and groups; what they rest on is run, and shown where it stands in the way."""
    assert set(examined(gateway, "--only", "package,clock-plausible", code=0)) == {"package-files", "clock-plausible"}
    assert set(examined(gateway, "--only", "stored-secret", code=1)) == {"stored-secret", "config-valid"}
    wrong = gateway.command("doctor", "--only", "package,nonsense")
    assert (wrong.returncode, "nonsense is not a check" in wrong.stderr, wrong.stdout) == (2, True, "")


def test_list(gateway: Gateway) -> None:
    """Every check stands below its group, with what it looks at; nothing is looked at."""
    gateway.config.parent.rmdir()
    done = gateway.command("doctor", "--list")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")] == [c.id for c in CHECKS]


def on_a_terminal(gateway: Gateway, **environment: str) -> str:
    """Run the command with a terminal as its output, and return what it wrote there."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "iot_onboard", "doctor", "--only", "package,stored-secret"]
    subprocess.run(
        [*command, "--config", str(gateway.config)],
        stdout=follower,
        env={**gateway.environment, "TERM": "xterm", "COLUMNS": "70", **environment},
        check=False,
        timeout=BOUND_S,
    )
    os.close(follower)
    written = b""
    try:
        while data := os.read(leader, 65536):
            written += data
    except OSError:
        pass
    finally:
        os.close(leader)
    return written.decode()


def test_colour_is_for_terminals(gateway: Gateway) -> None:
    """On a terminal, unless NO_COLOR says otherwise; lines keep to its width."""
    gateway.environment.pop("NO_COLOR", None)
    coloured = on_a_terminal(gateway)
    assert "\x1b[1;31mFAIL" in coloured
    assert all(len(line) <= 70 for line in re.sub(r"\x1b\[[0-9;]*m", "", coloured).splitlines() if " " in line.strip())
    assert "\x1b" not in on_a_terminal(gateway, NO_COLOR="1")
    assert "\x1b" not in gateway.command("doctor", "--only", "package").stdout


def test_the_reader_may_go_away(gateway: Gateway) -> None:
    """`doctor | head -1` ends without a word of complaint."""
    command = f"'{sys.executable}' -m iot_onboard doctor --list | head -1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=gateway.environment, check=False)
    assert (done.stdout, done.stderr) == ("configuration:\n", "")
