"""`iot-onboard import-boot-file`: import the boot file from the boot partition; a unit runs it at each boot."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..config.environment import identity_of
from ..config.schema import Config
from ..core.exit_codes import ExitCode
from ..provisioning.boot_import import BootImport
from ..provisioning.boot_partition import PLACES, find
from ..reporting.announce import announce

EPILOG = """\
A unit does this at boot if there is such a file, and removes the file then. iot-onboard.yaml(5) lists its keys.

examples:
  sudo iot-onboard import-boot-file                  now, without a reboot
  sudo iot-onboard import-boot-file --boot /mnt/sd   from a card in a card reader
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the directories in which the boot partition may be mounted."""
    parser.add_argument(
        "--boot",
        type=Path,
        action="append",
        metavar="DIRECTORY",
        help=f"where the boot partition is mounted (default: {' and '.join(map(str, PLACES))}; the later one wins)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Import each file that exists."""
    files = find(arguments.boot or PLACES)
    return max((BootImport(path, arguments.config, _name_of, announce).run() for path in files), default=ExitCode.DONE)


def _name_of(config: Config) -> str:
    return identity_of(config).device_name
