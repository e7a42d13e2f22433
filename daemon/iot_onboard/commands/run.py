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
The service runs this command: systemctl start iot-onboard. It runs until SIGTERM or SIGINT.

examples:
  iot-onboard run --config ./config.yaml    for a test, with another configuration
"""


def run(arguments: argparse.Namespace | SimpleNamespace) -> int:
    """Run until a signal; if the gateway is not set up yet, wait for that."""
    with suppress(OSError, ValueError, AttributeError):
        # A library or Python itself may print there, and must not wait for a reader. A closed stderr stays as it is.
        sys.stderr = NonblockingStderr(sys.stderr)
    return start(arguments.config)
