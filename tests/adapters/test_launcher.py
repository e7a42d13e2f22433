"""The launcher of the package: current code where it loads, and what can stand in for it where it does not."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path
from signal import Signals

import pytest

from iot_onboard import __version__
from support.tree import DAEMON

LAUNCHER = DAEMON / "launcher.py"
OLDER, OLDEST = "0.0.8", "0.0.7"
CURE = "To do: sudo apt-get install --reinstall iot-onboard"
# What a start imports, what a command imports, and what one imports while it runs.
MODULES = ("__init__", "cli", "core/exit_codes", "commands/explain", "events/table/setup")


class Usr:
    """Hold a tree as the package makes it: code that is current, code of before, and code where 0.1.0 had it."""

    def __init__(self, directory: Path, python: Path) -> None:
        self._python = python
        self.launcher = directory / "bin" / "iot-onboard"
        self.share = directory / "share" / "iot-onboard"
        self.current = self.share / "current"
        self.code = self.share / "code" / "0.2.0-0123456789ab"
        self.before = self.share / "code" / "before"
        self.old_layout = directory / "lib" / "python3" / "dist-packages"
        self.launcher.parent.mkdir(parents=True)
        shutil.copy(LAUNCHER, self.launcher)
        self.add(self.code, __version__)
        self.current.write_text(f"{self.code.name}\n")

    def add(self, directory: Path, version: str) -> None:
        shutil.copytree(DAEMON / "iot_onboard", directory / "iot_onboard", ignore=shutil.ignore_patterns("__pycache__"))
        self.module("__init__", directory).write_text(f'__version__ = "{version}"\n')

    def module(self, name: str, directory: Path | None = None) -> Path:
        return (directory or self.code) / "iot_onboard" / f"{name}.py"

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(self._python), "-I", str(self.launcher), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr
        return done

    def runs(self, version: str, cause: str = "") -> None:
        """Expect one version to run, and one line to say why where it is not as it should be."""
        assert self.run("explain", "6289").returncode == 0
        done = self.run("--version")
        assert (done.returncode, done.stdout) == (0, f"iot-onboard {version}\n")
        if cause:
            (line,) = self.run("explain", "6289").stderr.splitlines()
            assert cause in line
            assert line.endswith(CURE)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an interpreter that finds the libraries, and not this tree."""
    directory = tmp_path_factory.mktemp("python")
    venv.create(directory, symlinks=True)
    (libraries,) = directory.glob("lib/python3*/site-packages")
    found = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (libraries / "libraries.pth").write_text("\n".join(found))
    return directory / "bin" / "python"


@pytest.fixture
def usr(tmp_path: Path, python: Path) -> Usr:
    return Usr(tmp_path / "usr", python)


def _put_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] + b"\ndef half("),
    "noise": lambda path: path.write_bytes(b"\xff\x00\x80" * 100),
    "another version": lambda path: path.write_text("from .core.failures import Unheard\n"),
    "wrong type": lambda path: path.write_text("len(5)\n"),
    "wrong attribute": lambda path: path.write_text("import os\nos.unheard()\n"),
    "a directory": _put_directory,
}


def test_current_code_runs(usr: Usr) -> None:
    """Without a word, and with the exit code of the command."""
    usr.add(usr.before, OLDER)
    usr.add(usr.old_layout, OLDEST)
    usr.runs(__version__)
    done = usr.run("explain", "6289")
    assert done.stderr == ""
    assert usr.run("explain", "no-such-name").returncode == 1
    assert usr.run("nonsense").returncode == 2


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_code_gives_way_to_the_code_before(usr: Usr, damage: str, module: str) -> None:
    """Whatever module it is, and however it cannot be loaded: what is damaged is named, and its cure."""
    usr.add(usr.before, OLDER)
    DAMAGES[damage](usr.module(module))
    done = usr.run("explain", "6289")
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("iot-onboard: ")
    assert line.endswith(f"the code of before the last upgrade runs instead. {CURE}")


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("damage", ["missing", "zeros", "cut"])
def test_the_damaged_file_is_named(usr: Usr, damage: str, module: str) -> None:
    """By its path, or the module's name where there is no file."""
    usr.add(usr.before, OLDER)
    path = usr.module(module)
    DAMAGES[damage](path)
    (line,) = usr.run("explain", "6289").stderr.splitlines()
    missing = str(usr.current) if module == "__init__" else f"iot_onboard.{module.replace('/', '.')}"
    assert (missing if damage == "missing" else str(path)) in line


@pytest.mark.parametrize(
    "text", [None, b"", b"\n", bytes(21), b"0.3.0-fedcba987654\n", b"\xff\xfe\n", b"..\n", b"x" * 5000]
)
def test_a_damaged_name_of_what_is_current(usr: Usr, text: bytes | None) -> None:
    """Whatever stands in the file that names the current code, or where it is missing."""
    usr.add(usr.before, OLDER)
    usr.add(usr.old_layout, OLDEST)
    if text is None:
        usr.current.unlink()
    else:
        usr.current.write_bytes(text)
    usr.runs(OLDER, str(usr.current))


def test_an_upgrade_from_the_old_layout_that_has_not_switched(usr: Usr) -> None:
    """The new launcher is there, and nothing else of the new version: the old code runs where it always was."""
    usr.add(usr.old_layout, OLDEST)
    shutil.rmtree(usr.share)
    usr.runs(OLDEST, "version 0.1.0 runs instead")


def test_the_last_resort(usr: Usr) -> None:
    """Where the code of before is damaged too, the old layout's runs; where nothing is left, one line says so."""
    usr.add(usr.before, OLDER)
    usr.add(usr.old_layout, OLDEST)
    for directory in (usr.code, usr.before):
        usr.module("commands/explain", directory).write_bytes(bytes(100))
    done = usr.run("explain", "6289")
    assert done.returncode == 0
    assert "version 0.1.0 runs instead" in done.stderr
    usr.module("cli", usr.old_layout).unlink()
    done = usr.run("explain", "6289")
    assert done.returncode == 70
    assert done.stderr.splitlines()[-1].startswith("iot-onboard: internal error: ")
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize("kept", [17, 40, -3])
@pytest.mark.parametrize("module", MODULES)
def test_a_damaged_compiled_file_costs_a_slow_start(usr: Usr, module: str, kept: int) -> None:
    """The source is there: the same code runs without what was compiled, and that is said."""
    usr.add(usr.before, OLDER)
    assert usr.run("explain", "6289").returncode == 0
    compiled = Path(cache_from_source(str(usr.module(module))))
    size = compiled.stat().st_size
    compiled.write_bytes(compiled.read_bytes()[:kept].ljust(size, b"\xff"))
    done = usr.run("explain", "6289")
    assert done.returncode == 0, done.stderr
    if done.stderr:
        (line,) = done.stderr.splitlines()
        assert line.endswith(f"it runs without its compiled files, and starts slowly. To do: sudo rm {compiled}")
    assert usr.run("--version").stdout == f"iot-onboard {__version__}\n"


def test_a_library_that_is_missing_is_no_damage(usr: Usr) -> None:
    """Older code needs it as well: one line that names it, and the exit code of a failure."""
    usr.add(usr.before, OLDER)
    for module, code in (("cli", 70), ("commands/explain", 1)):
        path = usr.module(module)
        before = path.read_text()
        path.write_text(before.replace("from __future__ import annotations", "import no_such_library"))
        done = usr.run("explain", "6289")
        assert done.returncode == code
        (line,) = done.stderr.splitlines()
        assert "no_such_library cannot be loaded" in line
        path.write_text(before)


@pytest.mark.parametrize(
    ("statement", "code"), [("raise ValueError('hunter2')", 70), ("{}['hunter2']", 70), ("raise MemoryError", 1)]
)
def test_a_mistake_while_it_runs_is_no_damage(usr: Usr, statement: str, code: int) -> None:
    """An internal error stays one, a shortage too: older code is no cure for either."""
    usr.add(usr.before, OLDER)
    path = usr.module("commands/explain")
    path.write_text(path.read_text().replace("-> int:\n", f"-> int:\n    {statement}\n"))
    done = usr.run("explain", "6289")
    assert done.returncode == code
    assert "runs instead" not in done.stderr
    assert "hunter2" not in done.stderr
    if code == 70:
        kind_and_place = (
            r"iot-onboard: internal error: \w+Error at iot_onboard\.commands\.explain:\d+; please report.*\n"
        )
        assert re.fullmatch(kind_and_place, done.stderr)


def test_what_a_job_imports_may_be_damaged(usr: Usr, tmp_path: Path) -> None:
    """The daemon is at work, on its other thread: it begins again with the code of before."""
    usr.add(usr.before, OLDER)
    usr.module("aliyun/registration").write_bytes(bytes(3000))
    config = tmp_path / "config.yaml"
    config.write_text(
        "product_key: a1b2c3d4e5f\ndevice_name: gw0001\n"
        f"state_dir: {tmp_path}/state\nruntime_dir: {tmp_path}/run\nlog_level: info\n"
        f"product_secret_file: {tmp_path}/secret\nregistration: {{url: 'https://127.0.0.1:9/', timeout_s: 2}}\n"
    )
    (tmp_path / "secret").write_text("Kx3vQ8pLm2Rt7WzN\n")
    (tmp_path / "secret").chmod(0o600)
    done = usr.run("register", "--config", str(config))
    assert done.returncode == 1
    assert "the code of before the last upgrade runs instead" in done.stderr
    assert "127.0.0.1" in done.stderr


def test_it_says_so_as_an_error_to_the_journal(usr: Usr, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a service it marks the line by its priority."""
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    usr.add(usr.before, OLDER)
    usr.module("cli").unlink()
    assert usr.run("--version").stderr.startswith("<3>iot-onboard: ")


@pytest.mark.parametrize("kept", [0, 17, 40, -3])
def test_what_was_compiled_of_a_library_may_be_damaged(usr: Usr, kept: int) -> None:
    """It is done without as well; the line names the file, and to remove it is the cure."""
    libraries = next(usr._python.parent.parent.glob("lib/python3*/site-packages"))
    library = libraries / f"library{kept % 100}.py"
    library.write_text("VALUE = {1: 'one', 2: 'two'}\n\n\ndef value(number):\n    return VALUE[number]\n")
    path = usr.module("commands/explain")
    path.write_text(path.read_text().replace("from __future__ import annotations", f"import {library.stem}"))
    assert usr.run("explain", "6289").returncode == 0
    compiled = Path(cache_from_source(str(library)))
    # The header says that it belongs to the source as it is.
    compiled.write_bytes(compiled.read_bytes()[: 16 if kept == 0 else kept].ljust(compiled.stat().st_size, b"\0"))
    done = usr.run("explain", "6289")
    assert done.returncode == 0, done.stderr
    if kept != -3 or done.stderr:
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"iot-onboard: {compiled} cannot be loaded (")
        assert line.endswith(f"To do: sudo rm {compiled}")
    compiled.unlink()
    assert usr.run("explain", "6289").stderr == ""


def test_after_a_crash_it_runs_without_compiled_files(
    usr: Usr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the next start of the daemon, and for that alone; a watchdog's SIGABRT is no crash, nor is a kill."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    # Without names it waits for them.
    (tmp_path / "config.yaml").write_text(f"state_dir: {tmp_path}\nruntime_dir: {tmp_path}\n")
    words = ("run", "--config", str(tmp_path / "config.yaml"))
    assert "SIG" not in subprocess_of(usr, *words, signal="ABRT")
    assert "SIG" not in subprocess_of(usr, *words, signal="SEGV")
    assert usr.run("explain", "6289").stderr == ""
    first, second = (subprocess_of(usr, *words, signal="KILL") for _ in range(2))
    assert "the last process was ended by SIGSEGV" in first
    assert "it runs without its compiled files" in first
    assert "SIG" not in second


def test_what_notes_a_crash_is_no_way_to_another_file(
    usr: Usr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link in its place is not followed: the directory may be another user's."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    (tmp_path / "precious").write_text("Fatal Python error: Segmentation fault")
    (tmp_path / "crashed").symlink_to(tmp_path / "precious")
    assert "SIG" not in subprocess_of(usr, "run", "--config", str(tmp_path / "there-is-none"), signal="KILL")
    assert (tmp_path / "precious").read_text() == "Fatal Python error: Segmentation fault"


def subprocess_of(usr: Usr, *words: str, signal: str) -> str:
    """Return what the daemon says until it waits for something, or ends; then the signal ends it."""
    command = [str(usr._python), "-I", str(usr.launcher), *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        while line := process.stderr.readline():
            said += line
            if "To do: run sudo iot-onboard setup" in line:
                process.send_signal(getattr(Signals, f"SIG{signal}"))
        return said
