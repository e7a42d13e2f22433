"""The user of the service, which the package creates."""

from __future__ import annotations

import os
import pwd

USER = "iot-onboard"


def service_group(user: str = USER) -> int:
    """Return the group of the service's user if this process is root and the user exists; else -1."""
    try:
        return pwd.getpwnam(user).pw_gid if os.geteuid() == 0 else -1
    except KeyError:
        return -1
