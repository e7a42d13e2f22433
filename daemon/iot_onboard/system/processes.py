"""Other processes: programs of the system that report something, and our own work that may hang in the kernel."""

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
# sbin is not in every user's PATH, and older systems have `ip` there.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_KEPT = ("PATH", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "TZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Hold a program's output, as bytes, and its exit code: `None` if it was killed or is not installed."""

    code: int | None
    output: bytes = b""
    errors: bytes = b""
    trouble: str = ""

    @property
    def text(self) -> str:
        """Return the output as text."""
        return self.output.decode("utf-8", "replace")

    @property
    def complaint(self) -> str:
        """Say in one line why there is no answer; empty if there is one."""
        if self.code == 0:
            return ""
        lines = self.errors.decode("utf-8", "replace").strip().splitlines()
        return self.trouble or (lines[0] if lines else f"status {self.code}")


def ask(command: Sequence[str], *, timeout_s: float) -> Answer:
    """Run a program that only reports something, and return its output; never raises."""
    try:
        process = subprocess.Popen(  # noqa: S603 - a list of words, and none of them from outside
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            # A session of its own, so that its child processes are killed with it.
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
        output, errors = _remaining_output(process)
        trouble = f"{Path(command[0]).name} did not end within {timeout_s:.0f} s"
        return Answer(code=None, output=output, errors=errors, trouble=trouble)
    return Answer(code=process.returncode, output=output, errors=errors)


def environment() -> dict[str, str]:
    """Return the environment for other programs."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    kept["PATH"] = f"{kept.get('PATH', '')}:{_PATH}".lstrip(":")
    return {**kept, **_PLAIN}


def _remaining_output(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    try:
        return process.communicate(timeout=0.5)
    except subprocess.TimeoutExpired as stuck:
        # It hangs in the kernel, or another process still has its pipe: use the output so far.
        return stuck.output or b"", stuck.stderr or b""


def run_isolated(work: Callable[[], int]) -> int:
    """Return the exit code of the work as soon as it is done.

    A process that waits for a failing disk does not end, not even by SIGKILL. So the work runs in a child process,
    which is left behind if it hangs. If the work raises, the exception goes to the caller of this function in the
    child, so this function may return or raise in both processes. If no process can be started, the work runs in this
    one.
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
    with open(reader, "rb") as pipe:
        code = pipe.read(1)
    if code:
        return code[0]
    # It ended without a code: it handled its own error, or was killed.
    _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    return ended if ended >= 0 else ExitCode.INTERNAL


def _report_and_end(writer: int, code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    # The reader of our output must not wait for a process that cannot end.
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.write(writer, bytes((code,)))
    os._exit(code)
