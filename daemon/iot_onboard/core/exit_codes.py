"""The exit codes of our processes."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """Name the exit codes; the unit has systemd not restart the service on `CONFIGURATION`."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INTERNAL = 70
    CONFIGURATION = 78
