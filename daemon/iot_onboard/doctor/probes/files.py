"""Look at files without opening them, and up whom the service runs as."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from ...system.accounts import USER
from ..checks.files import Account, FileFacts


def facts_of(path: Path, *, follow: bool = False) -> FileFacts | None:
    """Return what is known of a file, or `None` where there is none; raise `PermissionError` where that is hidden."""
    try:
        found = path.stat() if follow else path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return FileFacts(path=str(path), mode=found.st_mode, uid=found.st_uid, gid=found.st_gid, size=found.st_size)


def chain_of(path: Path) -> tuple[FileFacts, ...]:
    """Return the facts of a path and of each directory above it, from the top; what is not there is left out."""
    found = (facts_of(above, follow=True) for above in (*reversed(path.parents), path))
    return tuple(facts for facts in found if facts is not None)


def service_account() -> Account | None:
    """Return the user that the package has made, or `None` where there is none."""
    try:
        return account_of(pwd.getpwnam(USER))
    except KeyError:
        return None


def account_of(entry: pwd.struct_passwd) -> Account:
    """Return a user with all its groups."""
    gids = frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return Account(name=entry.pw_name, uid=entry.pw_uid, gids=gids)
