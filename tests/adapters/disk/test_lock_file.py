"""A lock that keeps another process out, and that nobody else can take."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from iot_onboard.disk.lock_file import Held, lock_file
from support.disk import tracing, writers
from support.machine.namespace import UNSHARE, why_no_namespace
from support.platform.sandbox import wait_for
from support.process.unprivileged import open_directory, unprivileged

_HOLD = """
import sys, pathlib
from iot_onboard.disk.lock_file import lock_file
with lock_file(pathlib.Path(sys.argv[1]), 5):
    print("in", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another(path: Path) -> Iterator[int]:
    """Have another process hold the lock; give its number."""
    command = [sys.executable, "-c", _HOLD, str(path), "\x1b[31mred"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"in\n"
        yield holder.pid
        holder.kill()


def test_another_one_is_kept_out_and_told_who_is_in(tmp_path: Path) -> None:
    """By number and command, after the time that was asked for; with the holder the lock ends."""
    path = tmp_path / ".lock"
    with held_by_another(path) as pid:
        began = time.monotonic()
        with pytest.raises(Held) as caught, lock_file(path, 0.3):
            raise AssertionError("two are in")
        assert 0.3 <= time.monotonic() - began < 2
    assert f"process {pid} ({sys.executable} -c " in str(caught.value)
    assert "\x1b" not in str(caught.value)
    with lock_file(path, 2):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


def test_who_may_read_the_directory_cannot_hold_it_up() -> None:
    """`flock` on the directory is nothing to us, and the file cannot be opened by others."""
    with open_directory() as directory:
        path = directory / ".lock"
        with unprivileged():
            other = os.open(directory, os.O_RDONLY)
            fcntl.flock(other, fcntl.LOCK_EX)
        with lock_file(path, 0), unprivileged(), pytest.raises(PermissionError):
            path.open("rb")
        os.close(other)


def test_many_take_turns(tmp_path: Path) -> None:
    """The file goes with each lock, and still no two are in at once."""
    script = f"""
import pathlib, sys
from iot_onboard.disk.lock_file import lock_file
count = pathlib.Path({str(tmp_path / "count")!r})
for _ in range(50):
    with lock_file(pathlib.Path({str(tmp_path / ".lock")!r}), 60):
        count.write_text(str(int(count.read_text()) + 1))
"""
    (tmp_path / "count").write_text("0")
    processes = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    assert (tmp_path / "count").read_text() == "200"
    assert not (tmp_path / ".lock").exists()


def has_open(path: Path) -> bool:
    """Say whether another process has a file open."""
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if descriptor.parts[2] != str(os.getpid()) and descriptor.readlink() == path:
                return True
    return False


@pytest.mark.realtime
@pytest.mark.skipif(tracing.why_no_strace() is not None, reason=str(tracing.why_no_strace()))
def test_a_lock_on_a_file_that_is_gone_is_none(tmp_path: Path) -> None:
    """Whoever has opened the file before its holder removed it, and locks it after that, is not alone with it."""
    path, other = tmp_path / ".lock", tmp_path / "other-is-in"
    work = partial(writers.is_alone_with_lock, path, other)
    locks = [call for call in tracing.run(work, "fcntl").calls if "F_SETLK" in call.arguments]
    between = f"fcntl:delay_enter=1000000:when={locks[0].number}"
    with ThreadPoolExecutor(1) as threads:
        with lock_file(path, 0):
            late = threads.submit(tracing.run, work, "fcntl", [between])
            wait_for(lambda: has_open(path), "a second one with the file open")
        other.touch()
        with lock_file(path, 0):
            # Longer than the second one waits between the open and the lock.
            time.sleep(1.5)
            other.unlink()
        assert late.result().answer is True


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A file elsewhere is neither made nor locked."""
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), lock_file(tmp_path / ".lock", 0):
        raise AssertionError("in by a link")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(why_no_namespace() is not None, reason=str(why_no_namespace()))
def test_a_read_only_file_system_needs_none(tmp_path: Path) -> None:
    """Nobody writes there."""
    script = f"mount -t tmpfs -o ro none {tmp_path} && exec {sys.executable} -c '{_HOLD}' {tmp_path}/.lock"
    done = subprocess.run([*UNSHARE, "sh", "-c", script], input=b"", capture_output=True, check=False, timeout=20)
    assert (done.returncode, done.stdout) == (0, b"in\n"), done.stderr
