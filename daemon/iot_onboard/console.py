"""What the command line says besides its answer."""

from __future__ import annotations

import contextlib
import os
import sys

from .typed import NoReturn


def complain(text: str) -> None:
    """Say a line to whoever called, apart from what the command prints as its answer."""
    sys.stderr.write(f"iot-onboard: {text}\n")


def leave(code: int) -> NoReturn:
    """End the process as it stands.

    A job may still run on the worker thread. Python tears itself down beside it, and when the job comes back from a
    system call in the middle of that, the process dies of SIGSEGV (seen with 3.11, in one stop out of thirty).
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
