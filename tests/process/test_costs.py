"""What a gateway pays for us, counted: each figure may fall, and may not grow unnoticed. Times are the bench's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.disk.tracing import why_no_strace
from support.gateway.gateway import Gateway
from support.platform.sandbox import Sandbox, wait_for
from support.process.resting import wakeups
from support.tree import TESTS

# What a warm start needs none of; each of them costs milliseconds, and some more than all of ours together.
SPARED = {
    "dataclasses",
    "inspect",
    "ast",
    "yaml",
    "difflib",
    "requests",
    "urllib3",
    "urllib3.util",
    "getpass",
    "tempfile",
    "urllib.request",
    "http.client",
    "email",
    "encodings.idna",
    "argparse",
    "queue",
    "logging",
    "traceback",
    "platform",
    "uuid",
    # Its own imports are 7 ms and 1.4 MB, and what it writes with waits for the reader.
    "systemd",
    "iot_onboard.net.https",
    "iot_onboard.aliyun.registration",
    "iot_onboard.net.early_dial",
}
MAX_MODULES = 97
# Of the standard library, that Paho has not brought.
MAX_OTHERS = 9
# A file stands in for the journal here: what a gateway is spared, the imports of systemd, this does not see.
MAX_CALLS = 2175
MAX_OPEN_FILES = 11
MAX_TRIPS = 4
ROUND_TRIP_S = 1.0


def plain(gateway: Gateway) -> None:
    """Write the configuration in the form of the shipped one."""
    text = gateway.config.read_text()
    text = re.sub(r"^(\w+): \{(.*)\}$", lambda m: f"{m[1]}:\n  " + m[2].replace(", ", "\n  "), text, flags=re.MULTILINE)
    gateway.config.write_text(text)


def warm(sandbox: Sandbox, gateway: Gateway) -> None:
    """Let a gateway register, and stop it."""
    gateway.configure(sandbox)
    plain(gateway)
    gateway.online().wait_for_line("tags reported")
    assert gateway.stop() == 0
    # What follows is of the second life alone.
    gateway.log.unlink()


def imported(lines: str) -> set[str]:
    return {line.rpartition("|")[2].strip() for line in lines.splitlines() if line.startswith("import time:")}


def imported_by(script: str, gateway: Gateway) -> set[str]:
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=gateway.environment)
    return imported(done.stderr)


def test_a_warm_start_imports_no_more_than_it_needs(sandbox: Sandbox, gateway: Gateway) -> None:
    """Nothing that only a mistake, a first boot or another command needs, and no more modules of our own."""
    warm(sandbox, gateway)
    gateway.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    # What this machine hooks into every start of Python is not ours; what Paho brings by itself is.
    found = imported(gateway.online().lines()) - imported_by("import runpy", gateway)
    assert "paho.mqtt.client" in found
    assert not found & SPARED, found & SPARED
    own = sorted(name for name in found if name.partition(".")[0] == "iot_onboard")
    assert len(own) <= MAX_MODULES, f"{len(own)} modules: {own}"
    others = sorted(found - set(own) - imported_by("import runpy, paho.mqtt.client", gateway))
    assert len(others) <= MAX_OTHERS, f"{len(others)} modules: {others}"


@pytest.mark.skipif(why_no_strace() is not None, reason=str(why_no_strace()))
def test_a_warm_start_makes_no_more_system_calls(sandbox: Sandbox, gateway: Gateway, tmp_path: Path) -> None:
    """Counted once the interpreter has come to our own first module; memory and locks come as they come."""
    warm(sandbox, gateway)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        # No gateway has them; where a machine does, OpenSSL reads its whole bundle.
        gateway.environment.pop(name, None)
    trace = tmp_path / "trace"
    excluded = "!brk,mmap,munmap,mprotect,madvise,futex,rt_sigaction,rt_sigprocmask"
    gateway.start("strace", "-f", "-qq", "-e", f"trace={excluded}", "-o", str(trace))
    gateway.wait_for_line("Online at")
    wait_for(lambda: "Online at" in trace.read_text(), "the trace of it")
    gateway.kill()
    calls = trace.read_text().splitlines()
    first = next(number for number, line in enumerate(calls) if "iot_onboard/cli" in line)
    last = next(number for number, line in enumerate(calls) if "Online at" in line)
    assert last - first <= MAX_CALLS, f"{last - first} system calls"


def counters(pid: int) -> tuple[int, int, int]:
    """Wake-ups of all threads, writes of any kind, and bytes that went towards a disk."""
    io = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return wakeups(pid), int(io["syscw"]), int(io["write_bytes"])


def open_files(pid: int) -> list[str]:
    return sorted(str(path.readlink()).split(":")[0] for path in Path(f"/proc/{pid}/fd").iterdir())


def files(*directories: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for directory in directories for path in directory.rglob("*")}


@pytest.mark.realtime
def test_an_idle_gateway_sleeps(sandbox: Sandbox, gateway: Gateway) -> None:
    """Online, within one keep-alive: no wake-up in 20 s, nothing written, no file touched, and no thread that waits."""
    gateway.configure(sandbox)
    gateway.online().wait_for_line("tags reported")
    wait_for(lambda: settled(gateway.pid), "rest", 20)
    before, there = counters(gateway.pid), files(gateway.state_dir, gateway.runtime_dir)
    time.sleep(20.0)
    after = counters(gateway.pid)
    assert after[0] - before[0] <= 1, f"{after[0] - before[0]} wake-ups in 20 s"
    assert after[1:] == before[1:]
    assert len(list(Path(f"/proc/{gateway.pid}/task").iterdir())) == 1
    assert files(gateway.state_dir, gateway.runtime_dir) == there


def settled(pid: int) -> bool:
    before = counters(pid)
    time.sleep(0.5)
    return counters(pid) == before


def test_open_files_are_few_and_no_connection_leaves_one_behind(sandbox: Sandbox, gateway: Gateway) -> None:
    """The same number after a lost connection and a new one."""
    gateway.configure(sandbox)
    gateway.online().wait_for_line("tags reported")
    wait_for(lambda: settled(gateway.pid), "rest")
    before = open_files(gateway.pid)
    assert len(before) <= MAX_OPEN_FILES, before
    sandbox.command("kick", "a1b2c3d4e5f", gateway.device_name)
    gateway.wait_for_state("waiting")
    gateway.wait_for_state("online", 30)
    wait_for(lambda: settled(gateway.pid), "rest")
    after = open_files(gateway.pid)
    assert after == before


@contextmanager
def far_away(sandbox: Sandbox) -> Iterator[tuple[int, int]]:
    """The sandbox behind a proxy that delays; its ports there."""
    ports = [f"0:{port}" for port in (sandbox.https_port, sandbox.mqtt_port)]
    command = [
        sys.executable,
        "-m",
        "support.platform.delay_proxy",
        "127.0.0.1",
        "127.0.0.1",
        str(ROUND_TRIP_S),
        *ports,
    ]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as proxy:
        assert proxy.stdout is not None
        https, mqtt = proxy.stdout.readline().split()
        try:
            yield int(https), int(mqtt)
        finally:
            proxy.kill()


@pytest.mark.realtime
def test_a_first_boot_takes_no_more_round_trips(sandbox: Sandbox, tmp_path: Path) -> None:
    """TCP, TLS, the registration, the login, for the way to the MQTT host is taken meanwhile: a second for each."""
    # A busy machine adds to a time and takes nothing away: one good one of three is enough.
    assert any(trips_of_a_first_boot(sandbox, tmp_path / f"{number}") <= MAX_TRIPS for number in range(3))


def trips_of_a_first_boot(sandbox: Sandbox, directory: Path) -> int:
    duration_s: list[float] = []
    with far_away(sandbox) as (https, mqtt):
        for name, ports in (("near", None), ("far", (https, mqtt))):
            with Gateway(directory / name, f"gw-{name}-{directory.name}") as gateway:
                gateway.configure(sandbox)
                if ports is not None:
                    text = gateway.config.read_text().replace("timeout_s: 2", "timeout_s: 10")
                    text = text.replace(str(sandbox.https_port), str(ports[0]))
                    gateway.config.write_text(text.replace(str(sandbox.mqtt_port), str(ports[1])))
                began = time.monotonic()
                gateway.start()
                gateway.wait_for_line("Online at", 40)
                duration_s.append(time.monotonic() - began)
    return round((duration_s[1] - duration_s[0]) / ROUND_TRIP_S)
