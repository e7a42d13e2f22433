"""`iot-onboard recover-credentials`: start the service without a secret that systemd cannot load; a unit runs it."""

from __future__ import annotations

import argparse

from ..service.credential_recovery import main

EPILOG = """\
iot-onboard-credentials.service does this when the service ended with 243/CREDENTIALS.

examples:
  sudo iot-onboard recover-credentials    now, without waiting for the unit
"""


def run(_: argparse.Namespace) -> int:
    """Look at the credentials, and have systemd start the service without one that it cannot load."""
    return main()
