"""`iot-onboard register`: get and store the device secret, then stop."""

from __future__ import annotations

import argparse

from ..config.environment import naming_of
from ..config.files import load
from ..config.watch import ConfigWatch
from ..service import main

EPILOG = """\
It tries once. It opens no MQTT session: the device stays inactive, and can be registered again. If a secret is already
stored, it changes nothing and says so. Exit code: 0 stored, 1 failed (the message says why), 78 the configuration or a
secret file is wrong, or the state directory does not survive a reboot.

examples:
  sudo iot-onboard register                  on the production line, before the gateway is packed
  sudo iot-onboard register && echo pack it  continue only if the secret is stored
"""


def run(arguments: argparse.Namespace) -> int:
    """Run the daemon until a secret is stored, with one try, and do not connect."""
    watch = ConfigWatch(arguments.config)
    config = load(arguments.config)
    program = main.Run(config=config, naming=naming_of(config), register_only=True)
    return main.run(program, arguments.config, watch)
