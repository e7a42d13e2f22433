"""Read the facts about files without opening them, and about the user of the service."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from ...system.accounts import USER
from ..checks.files import Account, FileFacts


def facts_of(path: Path, *, follow: bool = False) -> FileFacts | None:
    """Return the facts of a file, or `None` if there is none; raise `PermissionError` if this user cannot see that."""
    try:
        found = path.stat() if follow else path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return FileFacts(path=str(path), mode=found.st_mode, uid=found.st_uid, gid=found.st_gid)


def chain_of(path: Path) -> tuple[FileFacts, ...]:
    """Return the facts of a path and of each directory above it, from the top, without the missing ones."""
    found = (facts_of(above, follow=True) for above in (*reversed(path.parents), path))
    return tuple(facts for facts in found if facts is not None)


def service_account(user: str = USER) -> Account | None:
    """Return the user that the package made, with all its groups, or `None` if there is none."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return None
    return Account(name=user, uid=entry.pw_uid, gids=frozenset(os.getgrouplist(user, entry.pw_gid)))
