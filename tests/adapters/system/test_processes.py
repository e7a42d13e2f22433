"""Programs that tell something, and work in a process apart."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from iot_onboard.system.processes import Answer, ask, environment, run_isolated
from support.platform.sandbox import wait_for
from support.process.probing import program

PACKAGE = Path(run_isolated.__code__.co_filename).parent.parent


def test_what_a_program_says(tmp_path: Path) -> None:
    """Output, errors and code; what is no text is shown as far as it can be."""
    path = program(tmp_path, "tell", "printf 'caf\\351 %s' \"$1\"; echo sorry >&2; exit 3")
    answer = ask([str(path), "a b"], timeout_s=10)
    assert answer == Answer(code=3, output=b"caf\xe9 a b", errors=b"sorry\n")
    assert answer.text == "caf\ufffd a b"


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    """It is named without its folder, and nothing is raised."""
    assert ask(["no-such-program-here"], timeout_s=10) == Answer(
        code=None, trouble="no-such-program-here is not installed"
    )
    path = program(tmp_path, "closed", "")
    path.chmod(0o644)
    assert ask([str(path)], timeout_s=10).trouble == "closed cannot be run: Permission denied"


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    """Within the limit, with what was said so far, also where a child keeps the pipe open."""
    path = program(tmp_path, "hang", f"echo begun; sleep 71 & echo $! >{tmp_path}/child; wait")
    answer = ask([str(path)], timeout_s=0.5)
    assert (answer.code, answer.output, answer.trouble) == (None, b"begun\n", "hang did not end within 0 s")
    child = Path("/proc") / (tmp_path / "child").read_text().strip() / "cmdline"
    # It is gone, or a zombie without words.
    wait_for(lambda: not child.exists() or not child.read_bytes(), "the end of the child", 5)


def test_what_another_program_is_told_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search path, with the usual directories behind it; no locale, no pager, no colours, nothing else of ours."""
    monkeypatch.setenv("PATH", "/mine")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("IOT_SECRET", "hunter2")
    logged = environment()
    assert logged["PATH"].split(":")[0] == "/mine"
    assert {"/usr/sbin", "/usr/bin"} <= set(logged["PATH"].split(":"))
    assert (logged["LC_ALL"], logged["SYSTEMD_COLORS"], logged["PAGER"]) == ("C", "0", "cat")
    assert "hunter2" not in logged.values()


def run(work: str) -> subprocess.CompletedProcess[str]:
    """Do some work apart in a program of its own, which counts how often it came back."""
    code = f"""
import os, signal, sys, threading, time
from iot_onboard.system.processes import run_isolated
def work():
    print("begun")
    {work}
try:
    code = run_isolated(work)
except ValueError:
    print("told")
    sys.exit(5)
print("back")
sys.exit(code)
"""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)


def test_its_code_comes_back() -> None:
    """What it printed is there, once, and before the caller goes on."""
    done = run("return 3")
    assert (done.returncode, done.stdout) == (3, "begun\nback\n")


def test_what_it_raises_is_told_once() -> None:
    """The caller tells it in the process apart; in the other one it is the code alone."""
    done = run("raise ValueError")
    assert (done.returncode, done.stdout) == (5, "begun\ntold\nback\n")


@pytest.mark.parametrize("number", ["SIGKILL", "SIGSEGV"])
def test_one_that_is_killed_is_an_internal_error(number: str) -> None:
    """There is no code to give back."""
    assert run(f"os.kill(os.getpid(), signal.{number})").returncode == 70


def test_threads_that_go_on_hold_nothing_up() -> None:
    """Neither the answer nor whoever reads the output waits for them."""
    done = run("threading.Thread(target=time.sleep, args=(600,)).start(); return 0")
    assert (done.returncode, done.stdout) == (0, "begun\nback\n")


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


def test_why_there_is_no_answer() -> None:
    """In one line: its first words of complaint, else why it could not be asked; none where it answered."""
    assert Answer(code=0, errors=b"a warning").complaint == ""
    assert Answer(code=1, errors=b"\nnot booted\nmore\n").complaint == "not booted"
    assert Answer(code=4).complaint == "status 4"
    assert Answer(code=None, errors=b"x", trouble="x is not installed").complaint == "x is not installed"
