"""What is known about a file, and what a user is permitted to do with it. Pure."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass

from ..model import Finding, fail

READ, WRITE, ENTER = 4, 2, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """Hold the result of lstat(2); `mode` is all of `st_mode`."""

    path: str
    mode: int
    uid: int
    gid: int

    @property
    def permissions(self) -> str:
        """Return the permission bits as chmod takes them: `0640`."""
        return f"{stat.S_IMODE(self.mode):04o}"

    @property
    def kind(self) -> str:
        """Return the kind of file, in words."""
        kinds = {
            stat.S_IFREG: "a file",
            stat.S_IFDIR: "a directory",
            stat.S_IFLNK: "a symbolic link",
            stat.S_IFIFO: "a named pipe",
            stat.S_IFSOCK: "a socket",
        }
        return kinds.get(stat.S_IFMT(self.mode), "a device")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Hold the user that the service runs as."""

    name: str
    uid: int
    gids: frozenset[int]


def is_permitted(account: Account, facts: FileFacts, wanted: int) -> bool:
    """Say whether the mode gives the user all wanted permissions: bits of `READ`, `WRITE`, `ENTER`.

    Access control lists are not read; systemd uses them for credentials only.
    """
    if account.uid == 0:
        return True
    owned, shared = facts.uid == account.uid, facts.gid in account.gids
    granted = facts.mode >> (6 if owned else 3 if shared else 0)
    return granted & wanted == wanted


def impassable_directory(account: Account, chain: Sequence[FileFacts]) -> Finding | None:
    """Return a failure that names the first directory of a path that the user cannot enter."""
    impassable = next((facts for facts in chain if not is_permitted(account, facts, ENTER)), None)
    if impassable is None:
        return None
    sentence = f"The service's user {account.name} cannot enter {impassable.path} (mode {impassable.permissions})."
    return fail(sentence, f"sudo chmod a+x {impassable.path}", blocks=False)
