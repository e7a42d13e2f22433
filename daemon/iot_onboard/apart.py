"""Do work in a process apart, so that a thread which hangs in the kernel holds up nobody."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from .exit_codes import ExitCode


def apart(work: Callable[[], int]) -> int:
    """Return the exit code of the work as soon as it is done.

    A process ends when its last thread does, and one that waits for a dying disk does not end, not even by SIGKILL. So
    the work has a process of its own, which is left behind then. What the work raises is told there, by the caller of
    this function: it returns, or raises, in both processes.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _end(writer, work())
    os.close(writer)
    with open(reader, "rb") as said:
        code = said.read(1)
    if code:
        return code[0]
    # It ended without a word: it told its own story, or was killed.
    _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    return ended if ended >= 0 else ExitCode.INTERNAL


def _end(writer: int, code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    # A reader of our output must not wait for a process that cannot end.
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.write(writer, bytes((code,)))
    os._exit(code)
