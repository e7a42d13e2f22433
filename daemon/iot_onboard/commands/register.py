"""`iot-onboard register`: get and store the device secret, then stop."""

from __future__ import annotations

import argparse
import contextlib

from ..config.environment import identity_of
from ..config.files import load
from ..config.schema import RULES
from ..config.watch import ConfigWatch
from ..service import main
from ..system.accounts import make_state_directory

EPILOG = """\
One try. It opens no MQTT session: the device stays inactive, and can be registered again. Where a secret is stored it
does nothing, and says so. Exit code: 0 stored, 1 not now (the line says why), 78 something in the files is wrong.

examples:
  sudo iot-onboard register                  on the production line, before the gateway is packed
  sudo iot-onboard register && echo packed   and only then
"""


def run(arguments: argparse.Namespace) -> int:
    """Run the daemon up to where it would connect, with one try."""
    watch = ConfigWatch(arguments.config)
    config = load(arguments.config)
    if config.state_dir == RULES["state_dir"].default:
        # What cannot be made here is told by the store.
        with contextlib.suppress(OSError):
            make_state_directory(config.state_dir)
    program = main.Run(config=config, identity=identity_of(config), register_only=True)
    return main.run(program, arguments.config, watch)
