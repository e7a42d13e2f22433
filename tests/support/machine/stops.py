"""Run a program, and stop it after each call by which any of its processes changes names on the disk, or syncs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# The question mark: not every processor knows every name.
_CALLS = (
    "?rename,renameat,?renameat2,?link,linkat,?symlink,symlinkat,?unlink,unlinkat,?rmdir,fsync,fdatasync,syncfs,sync,"
    "sync_file_range"
)
_LINE = re.compile(r"(\d+) +(.*)")
# Calls that are newer than strace are told as well, as `syscall_0x1c4`, and do not stop.
_CALL = re.compile(r"(?!(?:<\.\.\. )?syscall_)(?:(\w+)\((.*)|<\.\.\. (\w+) resumed>(.*)) = (-?\d+)")
# Where another process comes in between, a line has the arguments and a later one the result.
_BEGUN = re.compile(r"\w+\((.*) <unfinished \.\.\.>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The `number`-th call that succeeded, of all processes together, from 1; what made it stands still."""

    number: int
    pid: int
    name: str
    arguments: str

    @property
    def switches(self) -> bool:
        """Say whether a name leads to something else from here on."""
        return self.name.startswith(("rename", "link", "symlink", "unlink", "rmdir"))


def stops(command: Sequence[str], environment: dict[str, str]) -> Generator[Stop, None, None]:
    """Yield at each stop, and go on afterwards; when the generator is closed, what still runs is killed.

    Raise `AssertionError` where the command ends with an error, and where a stop got lost.
    """
    with tempfile.TemporaryDirectory() as directory:
        log, output = Path(directory) / "log", Path(directory) / "output"
        os.mkfifo(log)
        options = ["-f", "-qq", "-s", "300", "-o", str(log), "-e", f"trace={_CALLS}"]
        options += ["-e", f"inject={_CALLS}:signal=SIGSTOP"]
        with output.open("wb") as logged:
            traced = subprocess.Popen(
                ["strace", *options, *command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=logged,
                stderr=logged,
                start_new_session=True,
            )
        with log.open(errors="replace") as lines:
            try:
                yield from _follow(lines)
                assert traced.wait() == 0, output.read_text(errors="replace")
            finally:
                if traced.poll() is None:
                    os.killpg(traced.pid, signal.SIGKILL)
                    traced.wait()


def _follow(lines: Iterator[str]) -> Generator[Stop, None, None]:
    made: dict[int, tuple[str, str]] = {}
    begun: dict[int, str] = {}
    number = 0
    for line in lines:
        parts = _LINE.match(line)
        assert parts is not None, line
        pid, text = int(parts[1]), parts[2]
        if (call := _CALL.match(text)) is not None:
            arguments = call[2] if call[1] else begun.pop(pid, "") + call[4]
            assert pid not in made, f"it did not stop at {made[pid]}"
            if int(call[5]) >= 0:
                made[pid] = (call[1] or call[3], arguments)
        elif (unfinished := _BEGUN.match(text)) is not None:
            begun[pid] = unfinished[1]
        elif text == "--- stopped by SIGSTOP ---":
            if pid in made:
                name, arguments = made.pop(pid)
                number += 1
                yield Stop(number=number, pid=pid, name=name, arguments=arguments)
            os.kill(pid, signal.SIGCONT)
    assert not made, f"it did not stop at {made}"
