"""`iot-onboard recover-start`: start the service when the cause that prevented its start is gone; a unit runs it."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress

from ..service.start_recovery import main
from ..system.sinks import NonblockingStderr

EPILOG = """\
iot-onboard-recovery.service does this after systemd failed to start the service, and tries again every 20 s.

examples:
  sudo iot-onboard recover-start    try once, now, without waiting for the unit
"""


def run(_: argparse.Namespace) -> int:
    """Check what prevents systemd from starting the service, and start it if nothing does."""
    with suppress(OSError, ValueError, AttributeError):
        # It must continue even if nobody reads stderr.
        sys.stderr = NonblockingStderr(sys.stderr)
    return main()
