"""One job at a time, results through a descriptor, and no job keeps the process."""

from __future__ import annotations

import select
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from iot_onboard.core.failures import Cause, OnboardError, Transient
from iot_onboard.service.worker import Result, Worker
from support.process.stopwatch import time_to_end_s


def result_of(worker: Worker, job: Callable[[], object]) -> Result:
    found: list[Result] = []
    worker.submit(job, found.append)
    assert select.select([worker], [], [], 5)[0]
    assert not found, "a result comes by the loop, not by the thread"
    worker.on_ready(1)
    return found[0]


def test_values_failures_and_crashes() -> None:
    """A value, a failure, or where a crash was; never what it said."""
    worker = Worker()
    failure = Transient(cause=Cause.NETWORK, detail="x")

    def fails() -> None:
        raise OnboardError(failure)

    def crashes() -> None:
        raise ValueError("hunter2")

    assert result_of(worker, lambda: 42) == Result(value=42)
    assert result_of(worker, fails) == Result(failure=failure)
    crash = result_of(worker, crashes).crash
    assert crash is not None
    assert crash.startswith("ValueError at ")
    assert "test_worker" in crash
    assert "hunter2" not in crash


def test_one_thing_at_a_time() -> None:
    """A second job is refused until the first one's result was taken; nothing is readable after that."""
    worker = Worker()
    free = threading.Event()
    found: list[Result] = []
    worker.submit(free.wait, found.append)
    with pytest.raises(RuntimeError, match="one thing"):
        worker.submit(lambda: None, found.append)
    free.set()
    assert select.select([worker], [], [], 5)[0]
    with pytest.raises(RuntimeError, match="one thing"):
        worker.submit(lambda: None, found.append)
    worker.on_ready(1)
    assert not select.select([worker], [], [], 0)[0]
    worker.on_ready(1)
    assert (found, result_of(worker, lambda: 7)) == ([Result(value=True)], Result(value=7))


def test_whoever_takes_a_result_may_go_on() -> None:
    """The next job is submitted in the hand-over of the one before, as the state machine does."""
    worker = Worker()
    found: list[Result] = []
    worker.submit(lambda: 1, lambda _: worker.submit(lambda: 2, found.append))
    for _ in range(2):
        assert select.select([worker], [], [], 5)[0]
        worker.on_ready(1)
    assert found == [Result(value=2)]


def test_a_job_that_hangs_does_not_keep_the_process() -> None:
    """The interpreter ends within half a second while a job blocks."""
    code = "import socket, sys; from iot_onboard.service.worker import Worker\n"
    code += "a, b = socket.socketpair(); w = Worker(); w.submit(lambda: a.recv(1), print); print('up', flush=True)\n"
    code += "sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        assert time_to_end_s(child, child.stdin.close) <= 0.5
        assert child.wait() == 0


def test_a_shortage_is_a_failure_and_no_crash() -> None:
    """Memory, descriptors and the like may be there a moment later: the process goes on, and tries again."""

    def job() -> None:
        raise MemoryError

    failure = result_of(Worker(), job).failure
    assert isinstance(failure, Transient)
    assert failure.cause is Cause.LOCAL


SHORT = """
import resource, select, sys, threading
from iot_onboard.net.early_dial import EarlyDial
from iot_onboard.service.worker import Worker

worker, found = Worker(), []
# No stack of a thread fits any more.
threading.stack_size(1 << 30)
resource.setrlimit(resource.RLIMIT_AS, (1 << 29, resource.RLIM_INFINITY))
worker.submit(lambda: found.append("begun"), found.append)
assert select.select([worker], [], [], 5)[0]
worker.on_ready(1)
early = EarlyDial(lambda: found.append("dialled"))
assert early.take() is None
threading.stack_size(0)
worker.submit(lambda: 42, found.append)
assert select.select([worker], [], [], 5)[0]
worker.on_ready(1)
print(found[0].failure.cause.slug, found[1].value, len(found))
"""


def test_without_a_thread_the_job_is_put_off() -> None:
    """Where none is to be had the loop hears so as of any failure, and the next job may have one."""
    done = subprocess.run([sys.executable, "-c", SHORT], capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (0, "local 42 2\n"), done.stderr


def test_a_library_that_breaks_is_loaded_anew_when_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named, with its cure, as a fault of this gateway; the same process goes on with what was repaired."""
    package = tmp_path / "brittle"
    package.mkdir()
    (package / "__init__.py").write_text("from . import part, other\n")
    (package / "part.py").write_text("VALUE = 1\n")
    (package / "other.py").write_text("def half(\n")
    monkeypatch.syspath_prepend(tmp_path)
    worker = Worker()

    def job() -> object:
        import brittle  # type: ignore[import-not-found]

        return brittle.part.VALUE

    for _ in range(2):
        failure = result_of(worker, job).failure
        assert isinstance(failure, Transient)
        assert (failure.cause, failure.soon) == (Cause.LOCAL, True)
        assert str(package / "other.py") in failure.detail
    (package / "part.py").write_text("VALUE = 'another version'\n")
    (package / "other.py").write_text("\n")
    assert result_of(worker, job).value == "another version"
