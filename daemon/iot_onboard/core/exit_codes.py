"""What a process of ours ends with."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """Name the exit codes; systemd is told not to restart on `CONFIGURATION`."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INTERNAL = 70
    CONFIGURATION = 78
