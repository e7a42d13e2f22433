"""Other processes: programs of the system that tell something, and work of ours that may hang in the kernel."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ..core.exit_codes import ExitCode
from ..fast_start.fast_dataclasses import dataclass

_PLAIN = {"LC_ALL": "C", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0", "SYSTEMD_URLIFY": "0", "PAGER": "cat"}
# sbin is not on every user's path, and `ip` is there on older systems.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_KEPT = ("PATH", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "TZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Hold what a program said, as bytes, and how it ended: `code` is `None` where it was cut off or is not there."""

    code: int | None
    output: bytes = b""
    errors: bytes = b""
    trouble: str = ""

    @property
    def text(self) -> str:
        """Give the output as text."""
        return self.output.decode("utf-8", "replace")

    @property
    def complaint(self) -> str:
        """Say in one line why there is no answer, empty where there is one."""
        if self.code == 0:
            return ""
        lines = self.errors.decode("utf-8", "replace").strip().splitlines()
        return self.trouble or (lines[0] if lines else f"status {self.code}")


def ask(command: Sequence[str], *, timeout_s: float) -> Answer:
    """Run a program that only tells something, and return what it said; nothing is raised."""
    try:
        process = subprocess.Popen(  # noqa: S603 - a list of words, and none of them from outside
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            # So that what it starts ends with it.
            start_new_session=True,
        )
    except OSError as error:
        trouble = "is not installed" if isinstance(error, FileNotFoundError) else f"cannot be run: {error.strerror}"
        return Answer(code=None, trouble=f"{Path(command[0]).name} {trouble}")
    try:
        output, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        output, errors = _rest(process)
        trouble = f"{Path(command[0]).name} did not end within {timeout_s:.0f} s"
        return Answer(code=None, output=output, errors=errors, trouble=trouble)
    return Answer(code=process.returncode, output=output, errors=errors)


def environment() -> dict[str, str]:
    """Return what another program is told of ours."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    kept["PATH"] = f"{kept.get('PATH', '')}:{_PATH}".lstrip(":")
    return {**kept, **_PLAIN}


def _rest(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    try:
        return process.communicate(timeout=0.5)
    except subprocess.TimeoutExpired as stuck:
        # It hangs in the kernel, or gave its pipe to somebody who lives on: what was said so far has to do.
        return stuck.output or b"", stuck.stderr or b""


def run_isolated(work: Callable[[], int]) -> int:
    """Return the exit code of the work as soon as it is done.

    A process ends when its last thread does, and one that waits for a dying disk does not end, not even by SIGKILL. So
    the work has a process of its own, which is left behind then. What the work raises is told there, by the caller of
    this function: it returns, or raises, in both processes. Where no process is to be had, the work runs in this one.
    """
    try:
        reader, writer = os.pipe()
        child = os.fork()
    except OSError:
        return work()
    if child == 0:
        os.close(reader)
        _report_and_end(writer, work())
    os.close(writer)
    with open(reader, "rb") as said:
        code = said.read(1)
    if code:
        return code[0]
    # It ended without a word: it told its own story, or was killed.
    _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    return ended if ended >= 0 else ExitCode.INTERNAL


def _report_and_end(writer: int, code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    # A reader of our output must not wait for a process that cannot end.
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.write(writer, bytes((code,)))
    os._exit(code)
