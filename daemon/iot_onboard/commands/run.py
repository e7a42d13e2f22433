"""`iot-onboard run`: the daemon, in the foreground."""

from __future__ import annotations

import sys
from contextlib import suppress
from types import SimpleNamespace

from ..fast_start.typing_names import TYPE_CHECKING
from ..service.main import start
from ..system.sinks import NonblockingStderr

if TYPE_CHECKING:
    import argparse

EPILOG = """\
The service does this: systemctl start iot-onboard. It runs until SIGTERM or SIGINT ends it.


examples:
  iot-onboard run --config ./config.yaml    at a desk, with a configuration of one's own
"""


def run(arguments: argparse.Namespace | SimpleNamespace) -> int:
    """Run until asked to stop; where nothing says yet who this gateway is, wait for that."""
    with suppress(OSError, ValueError, AttributeError):
        # Whatever prints there, a library or Python itself, must not wait for a reader. Closed, it stays as it is.
        sys.stderr = NonblockingStderr(sys.stderr)
    return start(arguments.config)
