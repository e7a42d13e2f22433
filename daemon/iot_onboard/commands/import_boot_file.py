"""`iot-onboard import-boot-file`: take in what was dropped on the boot partition; a unit runs it at each boot."""

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
A unit does this at boot where there is such a file, which is removed then; iot-onboard.yaml(5) says what it may hold.

examples:
  sudo iot-onboard import-boot-file                  now, without a boot
  sudo iot-onboard import-boot-file --boot /mnt/sd   from a card in a reader
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add where the partition is looked for."""
    parser.add_argument(
        "--boot",
        type=Path,
        action="append",
        metavar="DIRECTORY",
        help=f"where the boot partition is mounted (default: {' and '.join(map(str, PLACES))}; what comes later wins)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Take in each file that is there; without one there is nothing to do."""
    files = find(arguments.boot or PLACES)
    return max((BootImport(path, arguments.config, _name_of, announce).run() for path in files), default=ExitCode.DONE)


def _name_of(config: Config) -> str:
    return identity_of(config).device_name
