"""The service's own user, where the package has made it."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from ..disk.files import make_directory, sync_directory

USER = "iot-onboard"


def service_group(user: str = USER) -> int:
    """Return the group of the service's user, where files can be given to it, by root, once there is one; else -1."""
    try:
        return pwd.getpwnam(user).pw_gid if os.geteuid() == 0 else -1
    except KeyError:
        return -1


def make_state_directory(state_dir: Path, user: str = USER) -> None:
    """Make the state directory as systemd would, where root is first and the service has not run yet.

    What is stored in it then belongs to its owner, so the service can read it. Raises `OSError`.
    """
    try:
        owner = pwd.getpwnam(user)
    except KeyError:
        return
    if os.geteuid() != 0:
        return
    make_directory(state_dir, 0o700)
    # Looked at each time: a crash may have come between the making and the giving away.
    if state_dir.stat().st_uid == 0 and not any(state_dir.iterdir()):
        state_dir.chmod(0o700)
        os.chown(state_dir, owner.pw_uid, owner.pw_gid)
        sync_directory(state_dir)
