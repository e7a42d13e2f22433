"""Look up whom the service runs as."""

from __future__ import annotations

import os
import pwd

from ...system.accounts import USER
from ..checks.files import Account


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
