"""One job at a time, results through a descriptor, and no job keeps the process."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from iot_onboard.core.failures import Cause, OnboardError, Transient
from iot_onboard.service.loop import Loop, Source
from iot_onboard.service.worker import Result, Worker
from support.process.stopwatch import time_to_end_s


def run_until(loop: Loop, is_over: Callable[[], bool]) -> None:
    """Run a loop until something holds; fail where it does not come to hold."""
    hangs_at = time.monotonic() + 5.0
    loop.add(Source(due_at=lambda: hangs_at, on_due=lambda: pytest.fail("it did not come about")))
    loop.add(Source(due_at=lambda: 0.0 if is_over() else None, on_due=loop.end))
    loop.run()


def results_of(job: Callable[[], object], *more: Callable[[], object]) -> list[Result]:
    """Return how jobs end that one worker does one after the other."""
    loop, found = Loop(), list[Result]()
    worker, left = Worker(loop, "test"), [*more]
    ended = threading.Event()

    def work() -> object:
        try:
            return job()
        finally:
            ended.set()

    def on_result(result: Result) -> None:
        found.append(result)
        if left:
            worker.submit(left.pop(0), on_result)

    worker.submit(work, on_result)
    assert ended.wait(5)
    assert not found, "a result comes by the loop, not by the thread"
    run_until(loop, lambda: len(found) == 1 + len(more))
    return found


def test_values_failures_and_crashes() -> None:
    """A value, a failure, or where a crash was; never what it said. Whoever takes one may submit the next job."""
    failure = Transient(cause=Cause.NETWORK, detail="x")

    def fails() -> None:
        raise OnboardError(failure)

    def crashes() -> None:
        raise ValueError("hunter2")

    value, failed, crashed = results_of(lambda: 42, fails, crashes)
    assert (value, failed) == (Result(value=42), Result(failure=failure))
    assert crashed.crash is not None
    assert crashed.crash.startswith("ValueError at ")
    assert "test_worker" in crashed.crash
    assert "hunter2" not in crashed.crash


def test_one_thing_at_a_time() -> None:
    """A second job is refused until the first one's result was taken, also where that waits already."""
    loop, found = Loop(), list[Result]()
    worker, free = Worker(loop, "test"), threading.Event()
    worker.submit(free.wait, found.append)
    with pytest.raises(RuntimeError, match="one thing"):
        worker.submit(lambda: None, found.append)
    free.set()
    while [thread for thread in threading.enumerate() if thread.name == "test"]:
        time.sleep(0.001)
    with pytest.raises(RuntimeError, match="one thing"):
        worker.submit(lambda: None, found.append)
    run_until(loop, lambda: bool(found))
    assert found == [Result(value=True)]


def test_each_machine_has_its_worker() -> None:
    """One whose job hangs holds up neither the job of another nor its result; a thread says whose it is."""
    loop, found = Loop(), dict[str, list[Result]](slow=[], quick=[])
    slow, quick = Worker(loop, "subdevices"), Worker(loop, "gateway")
    free, names = threading.Event(), list[str]()

    def hang() -> None:
        names.append(threading.current_thread().name)
        free.wait(30)

    def work() -> str:
        names.append(threading.current_thread().name)
        return "done"

    def on_result(result: Result) -> None:
        found["quick"].append(result)
        if len(found["quick"]) < 20:
            quick.submit(work, on_result)

    slow.submit(hang, found["slow"].append)
    quick.submit(work, on_result)
    began = time.monotonic()
    run_until(loop, lambda: len(found["quick"]) == 20)
    assert time.monotonic() - began < 2.0
    assert (found["slow"], found["quick"]) == ([], [Result(value="done")] * 20)
    assert sorted(set(names)) == ["gateway", "subdevices"]
    free.set()


def test_a_job_that_hangs_does_not_keep_the_process() -> None:
    """The interpreter ends within half a second while a job blocks."""
    code = "import socket, sys; from iot_onboard.service.loop import Loop\n"
    code += "from iot_onboard.service.worker import Worker\n"
    code += "a, b = socket.socketpair(); w = Worker(Loop(), 'w'); w.submit(lambda: a.recv(1), print)\n"
    code += "print('up', flush=True)\n"
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

    failure = results_of(job)[0].failure
    assert isinstance(failure, Transient)
    assert failure.cause is Cause.LOCAL


SHORT = """
import resource, sys, threading
from iot_onboard.net.early_dial import EarlyDial
from iot_onboard.service.loop import Loop
from iot_onboard.service.worker import Worker

loop, found = Loop(), []
worker = Worker(loop, "test")
# No stack of a thread fits any more.
threading.stack_size(1 << 30)
resource.setrlimit(resource.RLIMIT_AS, (1 << 29, resource.RLIM_INFINITY))


def put_off(result):
    found.append(result)
    early = EarlyDial(lambda: found.append("dialled"))
    assert early.take() is None
    threading.stack_size(0)
    worker.submit(lambda: 42, lambda result: (found.append(result), loop.end()))


worker.submit(lambda: found.append("begun"), put_off)
loop.run()
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

    def job() -> object:
        import brittle  # type: ignore[import-not-found]

        return brittle.part.VALUE

    for _ in range(2):
        failure = results_of(job)[0].failure
        assert isinstance(failure, Transient)
        assert (failure.cause, failure.soon) == (Cause.LOCAL, True)
        assert str(package / "other.py") in failure.detail
    (package / "part.py").write_text("VALUE = 'another version'\n")
    (package / "other.py").write_text("\n")
    assert results_of(job)[0].value == "another version"
