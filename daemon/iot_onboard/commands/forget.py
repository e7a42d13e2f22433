"""`iot-onboard forget`: set the stored device secret aside; nothing is deleted."""

from __future__ import annotations

import argparse
import os
import sys

from ..config.environment import identity_of, unmade_directories
from ..config.files import load
from ..core.exit_codes import ExitCode
from ..core.identity import Identity
from ..disk.credentials import Store, StoreBusy
from ..system.privileges import become, prepare_directories
from ..system.terminal import complain

_TO_DO = "To do: systemctl stop iot-onboard, then this again, then systemctl start iot-onboard"


EPILOG = """\
The platform issues no second secret to an activated device: reset the device in the cloud console first. Stop the
daemon first too, because it has the secret in memory. Nothing is deleted: the file is renamed.

examples:
  sudo systemctl stop iot-onboard
  sudo iot-onboard forget           asks for the device name first
  sudo systemctl start iot-onboard
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the confirmation."""
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace) -> int:
    """Set the secret aside, after the operator has typed the device name or given `--yes`.

    Never while the daemon runs: it keeps using the secret in memory, and may store a new one at any moment.
    """
    config = load(arguments.config)
    identity = identity_of(config)
    if os.geteuid() == 0:
        owner = prepare_directories(config.state_dir, usual=unmade_directories(config))
        if owner is not None:
            become(owner)
    store = Store(config.state_dir, identity)
    try:
        with store.lock():
            pass
        if not arguments.yes and not _confirmed(identity):
            complain("nothing was changed")
            return ExitCode.FAILED
        with store.lock():
            aside = store.forget()
    except StoreBusy:
        complain(f"nothing was changed: the daemon runs, and would keep using the secret in memory. {_TO_DO}")
        return ExitCode.FAILED
    if aside is None:
        print("No device secret is stored.")
    else:
        print(f"Set aside as {aside}. The next start registers again: systemctl start iot-onboard")
    return ExitCode.DONE


def _confirmed(identity: Identity) -> bool:
    print(f"The device secret of {identity} will be set aside. An activated device then needs a reset in the")
    print("cloud console before it can register again. To continue, type the device name: ", end="", flush=True)
    return sys.stdin.readline().strip() == identity.device_name
