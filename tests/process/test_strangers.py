"""What the tests kill is what they started, also where its number has gone to another process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.tree import TESTS
from torture import hold

needs_hold = pytest.mark.skipif(hold.why_not() is not None, reason=str(hold.why_not()))
# In a process namespace of its own, where the next number can be chosen.
_SCRIPT = """
import os, subprocess, sys
from pathlib import Path

def stranger(number):
    for _ in range(1000):
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(number - 1))
        process = subprocess.Popen(["cat"], stdin=-1, stdout=-1, start_new_session=True)
        if process.pid == number:
            return process
        process.kill()
        process.wait()
    raise AssertionError("the number does not come again")

def answers(process):
    try:
        return process.communicate(b"alive", timeout=20)[0] == b"alive"
    except BrokenPipeError:
        return False

directory = Path(sys.argv[1])
{}
"""
_HELD = """
from torture import hold
held = hold.start(["/bin/true"], {}, directory / "log")
while held.turn(lambda call: None, 0.1):
    pass
other = stranger(held.pid)
held.kill()
held.close()
assert answers(other)
"""
_GATEWAY = """
from support.gateway.gateway import Gateway
gateway = Gateway(directory / "gateway")
gateway.config.write_text("nonsense: 1")
gateway.start()
number = gateway.pid
try:
    gateway.wait_for_state("online")
except AssertionError:
    pass
other = stranger(number)
gateway.kill()
assert answers(other)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="a process namespace needs root")
@pytest.mark.parametrize("script", [pytest.param(_HELD, marks=needs_hold), _GATEWAY], ids=["held", "gateway"])
def test_a_number_that_another_process_has_is_left_alone(script: str, tmp_path: Path) -> None:
    """A program that has ended is killed once more when its number is in use again: the other one lives on."""
    tests = TESTS
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(tests)])}
    command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, "-c"]
    code = _SCRIPT.replace("{}", script, 1)
    done = subprocess.run(
        [*command, code, str(tmp_path)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
