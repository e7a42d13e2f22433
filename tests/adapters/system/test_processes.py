"""Work in a process apart: its code comes back, and whatever it does is done once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from iot_onboard.system.processes import run_isolated

PACKAGE = Path(run_isolated.__code__.co_filename).parent.parent


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
