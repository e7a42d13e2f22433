"""A terminal with somebody at it: start a program, read what it shows, type an answer."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self


class Terminal:
    """Run a program on a terminal of its own."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self.shown = ""
        self._read_up_to = 0
        self._fd, theirs = os.openpty()
        # A child of its own, not a fork: the test runner has threads.
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command], stdin=theirs, stdout=theirs, stderr=theirs, env=dict(environment)
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        os.close(self._fd)
        self._process.kill()
        self._process.wait()

    def expect(self, words: str, seconds: float = 20.0) -> None:
        """Read on until the words stand there, after those of the time before."""
        deadline = time.monotonic() + seconds
        while (at := self.shown.find(words, self._read_up_to)) < 0:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not self._more(left_s):
                raise AssertionError(f"{words!r} was not shown: {self.shown}")
        self._read_up_to = at + len(words)

    def type(self, line: str) -> None:
        """Type a line and the return key; \\x04 at a line's start is the end of the input."""
        os.write(self._fd, line.encode() + (b"" if line == "\x04" else b"\n"))

    def interrupt(self) -> None:
        """Press ^C."""
        os.write(self._fd, b"\x03")

    def press(self, keys: str) -> None:
        """Press keys, without the return key."""
        os.write(self._fd, keys.encode())

    def answer(self, question: str, line: str) -> None:
        """Wait for a question and answer it."""
        self.expect(question)
        self.type(line)

    def wait(self) -> int:
        """Read to the end, and return the exit code."""
        while self._more(20.0):
            pass
        return self._process.wait(20.0)

    def _more(self, seconds: float) -> bool:
        if not select.select([self._fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._fd, 4096)
        except OSError:
            # The other side has closed (EIO).
            return False
        self.shown += data.decode()
        return bool(data)
