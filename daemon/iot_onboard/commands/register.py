"""`iot-onboard register`: get and store the device secret, then stop."""

from __future__ import annotations

import argparse

from ..config.environment import naming_of
from ..config.files import load
from ..config.watch import ConfigWatch
from ..service import main

EPILOG = """\
One try. It opens no MQTT session: the device stays inactive, and can be registered again. Where a secret is stored it
does nothing, and says so. Exit code: 0 stored, 1 not now (the line says why), 78 something in the files is
wrong, or the state directory does not outlast a reboot.

examples:
  sudo iot-onboard register                  on the production line, before the gateway is packed
  sudo iot-onboard register && echo packed   and only then
"""


def run(arguments: argparse.Namespace) -> int:
    """Run the daemon up to where it would connect, with one try."""
    watch = ConfigWatch(arguments.config)
    config = load(arguments.config)
    program = main.Run(config=config, naming=naming_of(config), register_only=True)
    return main.run(program, arguments.config, watch)
