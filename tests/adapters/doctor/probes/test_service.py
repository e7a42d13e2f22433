"""What the doctor sees of the system: clock, network, names, the service, packages; with programs that stand in."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from iot_onboard import __version__
from iot_onboard.doctor.checks import clock, names, network, package, service
from iot_onboard.doctor.model import Level
from iot_onboard.doctor.probes.clock import CLOCK
from iot_onboard.doctor.probes.names import MQTT_NAME, PROXY_NAME, REGISTRATION_NAME, RESOLVING
from iot_onboard.doctor.probes.network import NETWORK, TOWARDS
from iot_onboard.doctor.probes.package import MODULES, PACKAGE, SIGNING
from iot_onboard.doctor.probes.service import JOURNAL, STATUS, UNIT_PROPERTIES
from iot_onboard.reporting.status_file import start_ticks
from iot_onboard.system.processes import ask
from support.machine.namespace import network as own_network
from support.machine.namespace import why_no_namespace
from support.platform.sandbox import wait_for
from support.process.probing import bring, program
from support.process.unprivileged import unprivileged
from support.tree import DAEMON, TESTS

needs_namespace = pytest.mark.skipif(why_no_namespace() is not None, reason=str(why_no_namespace()))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    write(path, "registration: {url: 'https://127.0.0.1:9/x'}\nmqtt: {host: localhost}\n")
    return path


def write(path: Path, text: str = "") -> None:
    path.write_text(f"product_key: a1b2c3d4e5f\ndevice_name: gw-0001\nruntime_dir: {path.parent}/run\n{text}")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory whose programs come first."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")
    return directory


# Programs


def test_ask(tmp_path: Path) -> None:
    """Output, errors and code; neither colours, pagers nor what the environment of the caller holds."""
    path = program(tmp_path, "tell", 'echo "$LC_ALL $SYSTEMD_COLORS $1 ${HOME:-none}"; echo sorry >&2; exit 3')
    answer = ask([str(path), "a b"], timeout_s=10)
    assert (answer.code, answer.text, answer.errors) == (3, "C 0 a b none\n", b"sorry\n")
    assert ask(["no-such-program-here"], timeout_s=10).trouble == "no-such-program-here is not installed"
    path.chmod(0o644)
    assert ask([str(path)], timeout_s=10).trouble == "tell cannot be run: Permission denied"


def state_of(pid: str) -> str | None:
    """Return the letter of a process's state, `None` where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def test_what_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    """Within the limit, with what was said so far, also where a child keeps the pipe open."""
    path = program(tmp_path, "hang", f"echo begun; sleep 71 & echo $! >{tmp_path}/child; wait")
    began = time.monotonic()
    answer = ask([str(path)], timeout_s=0.5)
    assert time.monotonic() - began < 10
    assert (answer.code, answer.output, answer.trouble) == (None, b"begun\n", "hang did not end within 0 s")
    child = (tmp_path / "child").read_text().strip()
    # Its pipe is closed before it is gone, or a zombie.
    wait_for(lambda: state_of(child) in {None, "Z"}, "the end of the child", 5)


# Clock


def test_the_clock(tmp_path: Path, config: Path) -> None:
    """The flag of timesyncd and what this machine has lived through are read; the kernel is asked."""
    (tmp_path / "root/run/systemd/timesync").mkdir(parents=True)
    flag = tmp_path / "root/run/systemd/timesync/synchronized"
    flag.write_text("")
    facts = bring(CLOCK, config, tmp_path / "root")
    assert clock.synchronised(facts).level is Level.OK
    flag.unlink()
    facts = bring(CLOCK, config, tmp_path / "root")
    assert clock.synchronised(facts).level in {Level.OK, Level.WARN, Level.SKIPPED}
    assert clock.forward(facts).level is Level.SKIPPED
    kept = tmp_path / "root/var/lib/systemd/timesync/clock"
    kept.parent.mkdir(parents=True)
    kept.write_text("")
    assert clock.forward(bring(CLOCK, config, tmp_path / "root")).level is Level.OK


def test_a_clock_of_1970(config: Path, programs: Path) -> None:
    """The date and what the machine has lived through both tell."""
    assert programs.exists()
    code = (
        "from support.process.probing import bring; from pathlib import Path;"
        "from iot_onboard.doctor.checks import clock;"
        "from iot_onboard.doctor.probes.clock import CLOCK;"
        f"facts = bring(CLOCK, Path({str(config)!r}));"
        "print(clock.plausible(facts).sentence, clock.forward(facts).sentence)"
    )
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{DAEMON}:{TESTS}:{':'.join(sys.path)}"}
    command = ["faketime", "-f", "@1970-01-01 00:05:00", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)
    assert "before this program was written" in done.stdout
    assert "The clock went back by" in done.stdout


def test_how_far_the_clock_was_set(config: Path, programs: Path) -> None:
    """systemd's two times of the start tell."""
    three_hours_ago = datetime.now(UTC) - timedelta(hours=3)
    now_us = int(time.monotonic() * 1_000_000)
    script = f"""
        echo ActiveState=active
        echo "ActiveEnterTimestamp={three_hours_ago:%a %Y-%m-%d %H:%M:%S} UTC"
        echo ActiveEnterTimestampMonotonic={now_us}
    """
    program(programs, "systemctl", script)
    facts = bring(CLOCK, config)
    assert facts.step_since_start is not None
    assert abs(facts.step_since_start - timedelta(hours=3)) < timedelta(minutes=1)
    program(programs, "systemctl", "echo ActiveState=inactive")
    assert bring(CLOCK, config).step_since_start is None


# Network and names


def test_this_machines_network(config: Path) -> None:
    """Loopback is left out; what is spoken to is loopback here, and has a route."""
    facts = bring(NETWORK, config)
    assert "lo" not in {link.name for link in facts.links}
    assert not any(address.is_loopback for address in facts.addresses)
    near = bring(TOWARDS, config).near
    assert near in {("127.0.0.1",), ("127.0.0.1", "::1")}
    assert network.link(bring(TOWARDS, config)).level is Level.SKIPPED


def test_network_without_a_configuration(tmp_path: Path) -> None:
    """What is wrong with the configuration does not hide what is wrong with the network."""
    assert bring(TOWARDS, tmp_path / "none.yaml").near == ()


def in_own_network(directory: Path, config: Path, code: str, *, nameserver: bool = False) -> list[str]:
    imports = (
        "from support.process.probing import bring; from pathlib import Path;"
        "from iot_onboard.doctor.checks import names, network;"
        "from iot_onboard.doctor.probes.names import *; from iot_onboard.doctor.probes.network import *;"
        f"config = Path({str(config)!r});"
    )
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": f"{DAEMON}:{TESTS}"}
    command = [*own_network(directory, nameserver=nameserver), sys.executable, "-c", imports + code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@needs_namespace
def test_a_machine_without_a_network(tmp_path: Path, config: Path) -> None:
    """No link, no address, no route, and a resolver that does not answer."""
    write(config)
    code = """
facts = bring(TOWARDS, config)
for judge in (network.link, network.address, network.route): print(judge(facts).level.value)
print(names.resolver(bring(RESOLVING, config)).sentence)
print(bring(REGISTRATION_NAME, config).unresolved)
"""
    assert in_own_network(tmp_path / "net", config, code) == [
        "fail",
        "fail",
        "fail",
        "Name servers: 127.0.0.1.",
        "Unresolved.NO_ANSWER",
    ]


@needs_namespace
def test_names_that_there_are_not(tmp_path: Path, config: Path) -> None:
    """A resolver that says so is told from one that does not answer; it makes nothing up."""
    write(config)
    code = """
print(bring(MQTT_NAME, config).unresolved, names.host(bring(MQTT_NAME, config)).sentence)
print(names.honest(bring(INVENTED, config)).level.value)
"""
    lines = in_own_network(tmp_path / "net", config, code, nameserver=True)
    assert lines[0].startswith("Unresolved.UNKNOWN There is no name a1b2c3d4e5f.iot-as-mqtt.cn-shanghai.aliyuncs.com")
    assert lines[1] == "ok"


def test_names_that_are_addresses(config: Path) -> None:
    """An address is looked up nowhere; with a proxy the hosts are its business."""
    assert bring(REGISTRATION_NAME, config).literal
    assert bring(MQTT_NAME, config).addresses
    assert bring(PROXY_NAME, config) is None
    write(config, "proxy: http://127.0.0.1:3128\n")
    assert bring(MQTT_NAME, config).by_proxy
    proxy = bring(PROXY_NAME, config)
    assert proxy is not None
    assert proxy.addresses == ("127.0.0.1",)


def test_the_resolvers_configuration(tmp_path: Path, config: Path) -> None:
    """Its servers, its absence, and who is asked instead."""
    etc = tmp_path / "etc"
    etc.mkdir()
    assert names.resolver(bring(RESOLVING, config, tmp_path)).level is Level.WARN
    (etc / "nsswitch.conf").write_text("passwd: files\nhosts: files resolve [!UNAVAIL=return] dns\n")
    assert "systemd-resolved" in names.resolver(bring(RESOLVING, config, tmp_path)).sentence
    (etc / "resolv.conf").write_text("# nameserver 192.0.2.1\nnameserver 192.0.2.53\n nameserver 2001:db8::53\n")
    assert bring(RESOLVING, config, tmp_path).servers == ("192.0.2.53", "2001:db8::53")


# Service


def test_the_unit(config: Path, programs: Path) -> None:
    """What systemctl says is read; where it cannot, its first words are told."""
    program(programs, "systemctl", "echo LoadState=loaded; echo NRestarts=4; echo 'Result=exit=code'")
    facts = bring(UNIT_PROPERTIES, config)
    assert (facts.of("LoadState"), facts.number("NRestarts"), facts.of("Result")) == ("loaded", 4, "exit=code")
    program(programs, "systemctl", "echo 'System has not been booted.' >&2; echo more >&2; exit 1")
    assert bring(UNIT_PROPERTIES, config).trouble == "System has not been booted."
    program(programs, "systemctl", "exec sleep 60")
    assert service.unit(bring(UNIT_PROPERTIES, config)).sentence.endswith("did not end within 4 s.")


def line(event: str, priority: int, message: str) -> str:
    fields = {
        "__REALTIME_TIMESTAMP": "1790000000000000",
        "IOT_EVENT": event,
        "PRIORITY": str(priority),
        "MESSAGE": message,
    }
    return json.dumps(fields)


def test_the_journal(config: Path, programs: Path) -> None:
    """Our events are read, with the table's remedy; other lines are passed over."""
    lines = [
        json.dumps({"MESSAGE": "Started iot-onboard.service.", "PRIORITY": "6"}),
        line("registration-refused", 3, "Registration refused."),
        line("an-event-of-the-future", 3, "?"),
        "not JSON",
    ]
    program(programs, "journalctl", "cat <<'END'\n" + "\n".join(lines) + "\nEND")
    facts = bring(JOURNAL, config)
    assert [event.event for event in facts.events] == ["registration-refused"]
    finding = service.events(facts)
    assert finding.sentence == "The last event, at 2026-09-21 14:13:20 UTC: Registration refused."
    assert finding.fix.endswith("More: iot-onboard explain registration-refused")


def test_a_journal_that_says_nothing(config: Path, programs: Path) -> None:
    """To an ordinary user that means that it is hidden."""
    program(programs, "journalctl", "exit 0")
    with unprivileged():
        assert bring(JOURNAL, config).hidden
    program(programs, "journalctl", "echo 'No journal files were found.' >&2; exit 1")
    assert "No journal files" in service.events(bring(JOURNAL, config)).sentence


def test_the_status_file(tmp_path: Path, config: Path) -> None:
    """Read as the status command does: a file of a process that is gone is none."""
    assert not bring(STATUS, config).running
    (tmp_path / "run").mkdir()
    pid = subprocess.Popen(["sleep", "60"])
    record = {
        "schema": 1, "state": "waiting", "goal": "connect", "since": "2026-11-02T10:00:00+00:00", "product_key": "p",
        "device_name": "d", "endpoint": "e", "attempt": 3, "next_try_at": None, "online_since": None,
        "last_error": "Cannot connect: x.", "last_event": None, "agent_version": __version__, "pid": pid.pid,
        "pid_start_ticks": start_ticks(pid.pid),
    }  # fmt: skip
    (tmp_path / "run/status.json").write_text(json.dumps(record))
    finding = service.state(bring(STATUS, config))
    pid.kill()
    pid.wait()
    assert "waiting to connect" in finding.sentence
    assert not bring(STATUS, config).running


# What is installed


def test_the_package(config: Path, programs: Path) -> None:
    """Only files that nobody is meant to change count."""
    assert package.files(bring(PACKAGE, config)).level is Level.SKIPPED
    program(programs, "dpkg-query", "printf installed")
    program(programs, "dpkg", "exit 0")
    assert package.files(bring(PACKAGE, config)).level is Level.OK
    verify = """
        echo '??5??????   /usr/bin/iot-onboard'
        echo '??5?????? c /etc/iot-onboard/config.yaml'
        echo 'missing     /usr/share/doc/iot-onboard/changelog.gz'
        exit 1
    """
    program(programs, "dpkg", verify)
    assert bring(PACKAGE, config).changed == ("/usr/bin/iot-onboard",)


def test_the_modules(config: Path) -> None:
    """All four are here, with their versions."""
    facts = bring(MODULES, config)
    assert [module.name for module in facts if module.version] == ["paho.mqtt", "requests", "yaml", "systemd"]
    assert package.modules(facts).level is Level.OK


def test_signing_without_a_configuration(tmp_path: Path, config: Path) -> None:
    """The vectors are computed whatever the configuration says."""
    assert bring(SIGNING, config) is not None
    assert package.signing(bring(SIGNING, tmp_path / "none.yaml")).level is Level.OK
