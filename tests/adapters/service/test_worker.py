"""One job at a time, results through a descriptor, and no job keeps the process."""

from __future__ import annotations

import select
import subprocess
import sys

import pytest

from iot_onboard.core.failures import Cause, OnboardError, Transient
from iot_onboard.service.worker import Result, Worker
from support.process.stopwatch import time_to_end_s


def wait(worker: Worker) -> Result:
    assert select.select([worker], [], [], 5)[0]
    return worker.results()[0]


def test_values_failures_and_crashes() -> None:
    """A value, a failure, or where a crash was; never what it said."""
    worker = Worker()
    failure = Transient(cause=Cause.NETWORK, detail="x")

    def fails() -> None:
        raise OnboardError(failure)

    def crashes() -> None:
        raise ValueError("hunter2")

    worker.submit(1, lambda: 42)
    assert wait(worker) == Result(ticket=1, value=42)
    worker.submit(2, fails)
    assert wait(worker) == Result(ticket=2, failure=failure)
    worker.submit(3, crashes)
    crash = wait(worker).crash
    assert crash is not None
    assert crash.startswith("ValueError at test_worker") or "test_worker" in crash
    assert "hunter2" not in crash


def test_one_thing_at_a_time() -> None:
    """A second job is refused until the first one's result was taken."""
    worker = Worker()
    worker.submit(1, lambda: None)
    with pytest.raises(RuntimeError, match="one thing"):
        worker.submit(2, lambda: None)
    wait(worker)
    worker.submit(2, lambda: None)
    assert wait(worker).ticket == 2


def test_a_job_that_hangs_does_not_keep_the_process() -> None:
    """The interpreter ends within half a second while a job blocks."""
    code = "import socket, sys; from iot_onboard.service.worker import Worker\n"
    code += "a, b = socket.socketpair(); w = Worker(); w.submit(1, lambda: a.recv(1)); print('up', flush=True)\n"
    code += "sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        assert time_to_end_s(child, child.stdin.close) <= 0.5
        assert child.wait() == 0
