"""`iot-onboard recover-start`: start the service once what keeps systemd from it is gone; a unit runs it."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress

from ..service.start_recovery import main
from ..system.sinks import NonblockingStderr

EPILOG = """\
iot-onboard-recovery.service does this when systemd could not start the service, and looks again every 20 s.

examples:
  sudo iot-onboard recover-start    look once, now, without waiting for the unit
"""


def run(_: argparse.Namespace) -> int:
    """Look at what keeps systemd from starting the service, and have it started where nothing does."""
    with suppress(OSError, ValueError, AttributeError):
        # It has to go on where nobody reads what it says.
        sys.stderr = NonblockingStderr(sys.stderr)
    return main()
