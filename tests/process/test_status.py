"""`iot-onboard status`, as people and programs use it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from iot_onboard.reporting.status_view import MEANINGS
from support.gateway.gateway import Gateway
from support.platform.sandbox import Sandbox, wait_for
from support.process.terminal import Terminal

STATUS = [sys.executable, "-m", "iot_onboard", "status", "--config"]


def test_the_record_is_the_documented_one(sandbox: Sandbox, gateway: Gateway) -> None:
    """Every name, in any state, with the gateway's own facts."""
    gateway.configure(sandbox)
    names = list(MEANINGS)
    absent = json.loads(gateway.command("status", "--json").stdout)
    assert list(absent) == names
    assert (absent["running"], absent["state"]) == (False, "not-running")
    gateway.online()
    record = json.loads(gateway.command("status", "--json").stdout)
    assert list(record) == names
    assert (record["secret"], record["last_registration"]) == ("on disk", "registered")
    issued, registered = (datetime.fromisoformat(record[at]) for at in ("secret_issued_at", "last_registration_at"))
    assert timedelta(0) <= registered - issued <= timedelta(seconds=5), "answered, then stored"
    assert (record["sessions_24h"], record["reconnects_24h"], record["pid"]) == (1, 0, gateway.pid)
    assert record["since_s"] < 30


def test_sessions_outlive_the_service(sandbox: Sandbox, gateway: Gateway) -> None:
    """Two starts and a kick: three sessions, one of them a reconnect."""
    gateway.configure(sandbox)
    gateway.online().stop()
    gateway.online()
    sandbox.command("kick", "a1b2c3d4e5f", gateway.device_name)
    wait_for(lambda: len(sandbox.seen("connect")) == 3, "a reconnect")
    gateway.wait_for_state("online")
    record = json.loads(gateway.command("status", "--json").stdout)
    assert (record["sessions_24h"], record["reconnects_24h"]) == (3, 1)


def test_a_refusal_is_told_with_its_cure(sandbox: Sandbox, gateway: Gateway) -> None:
    """What, who has to act, what to do, when next."""
    gateway.configure(sandbox)
    sandbox.command("answer", "code:6288")
    gateway.start()
    gateway.wait_for_state("blocked")
    output = gateway.command("status").stdout
    for words in (
        "blocked (next: register)",
        "code 6288: dynamic registration is switched off",
        "you, in the cloud console",
        "switch dynamic registration on",
        "iot-onboard explain 6288",
        "attempt 2",
        "none yet",
    ):
        assert words in output, output


def test_a_watch_in_a_pipe_is_a_line_a_change(sandbox: Sandbox, gateway: Gateway, tmp_path: Path) -> None:
    """From no daemon to online and back; SIGINT ends it with the code of the moment."""
    gateway.configure(sandbox)
    out = tmp_path / "out"

    def logged() -> str:
        return (out.read_text().splitlines() or [""])[-1]

    with out.open("wb") as file:
        watch = subprocess.Popen([*STATUS, str(gateway.config), "--watch"], stdout=file, env=gateway.environment)
    try:
        wait_for(lambda: "not running" in logged(), "a line about no daemon")
        gateway.online()
        wait_for(lambda: logged().endswith(" online"), "a line about being online")
        gateway.stop()
        wait_for(lambda: "not running" in logged(), "a second line about no daemon")
        watch.send_signal(signal.SIGINT)
        assert watch.wait(10) == 2
    finally:
        watch.kill()
        watch.wait()
    lines = out.read_text().splitlines()
    assert "\x1b" not in out.read_text()
    assert all(one.partition(" ")[2] != other.partition(" ")[2] for one, other in pairwise(lines))


def test_a_watch_until_online_is_json_lines(sandbox: Sandbox, gateway: Gateway) -> None:
    """Each a whole record; it ends by itself."""
    gateway.configure(sandbox)
    gateway.start()
    done = gateway.command("status", "--watch", "--json", "--wait", "20")
    states = [json.loads(line)["state"] for line in done.stdout.splitlines()]
    assert (done.returncode, states[-1]) == (0, "online")
    assert "online" not in states[:-1]


def test_a_watch_on_a_terminal_redraws(sandbox: Sandbox, gateway: Gateway) -> None:
    """Over what stood there, in colour, and ^C ends it."""
    gateway.configure(sandbox)
    command = [*STATUS, str(gateway.config), "--watch"]
    with Terminal(command, {**gateway.environment, "TERM": "xterm"}) as terminal:
        terminal.expect("not running")
        gateway.online()
        terminal.expect("\x1b[J")
        terminal.expect("\x1b[32monline")
        terminal.expect("\x1b[J")  # the seconds run
        terminal.interrupt()
        assert terminal.wait() == 0
    assert "Traceback" not in terminal.shown


def test_no_colour_where_none_is_wanted(sandbox: Sandbox, gateway: Gateway) -> None:
    """NO_COLOR, or a terminal that knows none."""
    gateway.configure(sandbox)
    gateway.online()
    for request in ({"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}):
        with Terminal([*STATUS, str(gateway.config)], {**gateway.environment, **request}) as terminal:
            assert terminal.wait() == 0
        assert "\x1b" not in terminal.shown
        assert "online for" in terminal.shown


def test_a_secret_given_by_hand_is_told(sandbox: Sandbox, gateway: Gateway) -> None:
    """No registration, and no date."""
    gateway.configure(sandbox)
    assert gateway.command("register").returncode == 0
    secret = gateway.directory / "device-secret"
    secret.write_text(json.loads(gateway.credentials.read_text())["device_secret"])
    secret.chmod(0o600)
    gateway.config.write_text(gateway.config.read_text() + f"device_secret_file: {secret}\n")
    gateway.online()
    assert "secret        given by hand\n" in gateway.command("status").stdout
