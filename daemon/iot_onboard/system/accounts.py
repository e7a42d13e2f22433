"""The service's own user, where the package has made it."""

from __future__ import annotations

import os
import pwd

USER = "iot-onboard"


def service_group(user: str = USER) -> int:
    """Return the group of the service's user, where files can be given to it, by root, once there is one; else -1."""
    try:
        return pwd.getpwnam(user).pw_gid if os.geteuid() == 0 else -1
    except KeyError:
        return -1
