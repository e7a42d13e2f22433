"""Which program a process is, by what stands in its files; and that it is run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from iot_onboard.config.watch import ConfigWatch
from iot_onboard.core.exit_codes import ExitCode
from iot_onboard.core.identity import Identity
from iot_onboard.events.model import Event
from iot_onboard.service.main import AwaitSetup, Refuse, Run, choose
from support.platform.sandbox import wait_for

NAMES = "product_key: a1b2c3d4e5f\ndevice_name: gw-0001\n"


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "config.yaml"
    path.parent.mkdir()
    return path


def test_with_names_it_runs(config_path: Path) -> None:
    """As the device that they name."""
    config_path.write_text(NAMES)
    program = choose(config_path)
    assert isinstance(program, Run)
    assert program.identity == Identity(product_key="a1b2c3d4e5f", device_name="gw-0001")
    assert not program.register_only


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("log_level: debug\n", "product_key and device_name are missing"),
        ("device_name: gw-0001\n", "product_key is missing"),
        ("product_key: a1b2c3d4e5f\n", "device_name is missing"),
    ],
)
def test_without_names_it_awaits_its_setup(config_path: Path, text: str, detail: str) -> None:
    """With the rest of the configuration, which says where its status goes."""
    config_path.write_text(text + "runtime_dir: /elsewhere\n")
    program = choose(config_path)
    assert isinstance(program, AwaitSetup)
    assert (program.event, program.detail) == (Event.NOT_PROVISIONED, detail)
    assert program.config.runtime_dir == Path("/elsewhere")


def test_a_name_that_the_hardware_does_not_give_is_awaited(config_path: Path) -> None:
    """A network interface may appear later in the boot."""
    config_path.write_text(NAMES.replace("gw-0001", "'gw-{mac:nope0}'"))
    program = choose(config_path)
    assert isinstance(program, AwaitSetup)
    assert (program.event, "{mac:nope0}" in program.detail) == (Event.DEVICE_NAME_UNKNOWN, True)


def test_files_that_cannot_be_read_are_awaited_with_the_defaults(config_path: Path) -> None:
    """Although another one holds a mistake: what the first one says is not known."""
    config_path.mkdir()
    fragment = config_path.parent / "conf.d" / "50.yaml"
    fragment.parent.mkdir()
    fragment.write_text("region: Shang Hai\n")
    program = choose(config_path)
    assert isinstance(program, AwaitSetup)
    assert (program.event, program.config.runtime_dir) == (Event.CONFIG_UNREADABLE, Path("/run/iot-onboard"))
    assert "Is a directory" in program.detail
    assert "region" not in program.detail


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (f"{NAMES}region: Shang Hai\nregon: x\n", 2),
        (NAMES.replace("gw-0001", "'gw 1'"), 1),
        ("mqtt: {port: 0}\n", 1),
    ],
)
def test_a_mistake_is_refused(config_path: Path, text: str, problems: int) -> None:
    """With every problem, and where it is; before a missing name is."""
    config_path.write_text(text)
    program = choose(config_path)
    assert isinstance(program, Refuse)
    assert len(program.problems) == problems
    assert all(problem.startswith(str(config_path)) for problem in program.problems)


def test_no_file_is_a_mistake(config_path: Path) -> None:
    """The package brings one."""
    program = choose(config_path)
    assert isinstance(program, Refuse)
    assert "No such file" in program.problems[0]


def run(config_path: Path, **environment: str) -> subprocess.Popen[str]:
    code = "import sys; from pathlib import Path\n"
    code += "from iot_onboard.service.main import start; sys.exit(start(Path(sys.argv[1])))"
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_DIRECTORY")} | environment
    return subprocess.Popen(
        [sys.executable, "-c", code, str(config_path)], stderr=subprocess.PIPE, text=True, env=environ
    )


def test_a_refusal_tells_each_problem_and_ends_for_good(config_path: Path) -> None:
    """A line a problem, and the exit code that keeps systemd from trying again."""
    config_path.write_text(f"{NAMES}region: Shang Hai\nregon: x\n")
    with run(config_path) as process:
        _, lines = process.communicate(timeout=30)
    assert (process.returncode, lines.count("\n")) == (ExitCode.CONFIGURATION, 2)
    assert "region" in lines
    assert "did you mean region?" in lines


def test_the_directories_of_systemd_are_those_of_every_program(config_path: Path, tmp_path: Path) -> None:
    """One that awaits its setup leaves its status there too, and what it watches is still the files' configuration."""
    config_path.write_text("log_level: info\n")
    status_file = tmp_path / "given" / "status.json"
    with run(config_path, RUNTIME_DIRECTORY=f"{tmp_path}/given:/second") as process:
        wait_for(status_file.exists, "a status")
        assert json.loads(status_file.read_text())["state"] == "not-provisioned"
        process.send_signal(signal.SIGTERM)
        _, lines = process.communicate(timeout=30)
    assert (process.returncode, "Asked to stop." in lines) == (ExitCode.DONE, True)


@pytest.mark.realtime
def test_a_file_that_is_only_touched_is_no_other_configuration(config_path: Path, tmp_path: Path) -> None:
    """What the loop watches is what stands in the files, though systemd has given it other directories."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    secret = config_path.parent / "device-secret"
    secret.write_text("s3cr3tS3CR3Ts3cr3t\n")
    secret.chmod(0o600)
    text = f"{NAMES}mqtt: {{host: 127.0.0.1, port: {port}}}\ndevice_secret_file: {secret}\n"
    config_path.write_text(text)
    status_file = tmp_path / "given" / "status.json"

    def waits() -> bool:
        return status_file.exists() and json.loads(status_file.read_text())["state"] == "waiting"

    with run(config_path, RUNTIME_DIRECTORY=f"{tmp_path}/given", STATE_DIRECTORY=str(tmp_path)) as process:
        wait_for(waits, "a wait")
        config_path.write_text(text)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(6.0)
        process.send_signal(signal.SIGTERM)
        _, lines = process.communicate(timeout=30)
    assert process.returncode == ExitCode.DONE
    assert "The service restarts" not in lines


def test_a_configuration_that_changes_in_the_choice_is_noticed(config_path: Path) -> None:
    """The watch is older than what was read: nothing falls in between."""
    config_path.write_text("log_level: info\n")
    watch = ConfigWatch(config_path)
    program = choose(config_path)
    assert isinstance(program, AwaitSetup)
    config_path.write_text(NAMES)
    watch.runs_with(program.config)
    assert (watch.look(), watch.look() is not None) == (None, True)


def test_a_library_that_cannot_be_loaded_is_waited_for(config_path: Path, tmp_path: Path) -> None:
    """Named with its cure, and the process stays; mended, it ends so that a new one begins."""
    libraries = tmp_path / "site-packages"
    (libraries / "paho").mkdir(parents=True)
    broken = libraries / "paho" / "__init__.py"
    broken.write_text("def half(\n")
    # `-I` looks at no PYTHONPATH: the try that is to succeed finds the library that is installed.
    config_path.write_text(NAMES + f"state_dir: {tmp_path}/state\nruntime_dir: {tmp_path}/run\n")
    (tmp_path / "state").mkdir()
    command = [sys.executable, "-m", "iot_onboard", "run", "--config", str(config_path)]
    environment = {**os.environ, "PYTHONPATH": f"{libraries}:{os.environ.get('PYTHONPATH', '')}"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert f"{broken} (module paho) cannot be loaded: SyntaxError" in line
        assert "To do: sudo apt-get install --reinstall python3-paho-mqtt. The service checks again every 20 s." in line
        status = tmp_path / "run" / "status.json"
        wait_for(status.exists, "a status", 10)
        assert json.loads(status.read_text())["last_cause"] in {"software-broken", "config-changed"}
        assert process.wait(40) == 0
        assert "The configuration has changed. The service restarts." in process.stderr.read()
