"""What is known of a file, and what a user may do with it. Pure."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass

from ..model import Finding, fail

READ, WRITE, ENTER = 4, 2, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """Hold what lstat(2) says; `mode` is the whole of `st_mode`."""

    path: str
    mode: int
    uid: int
    gid: int

    @property
    def permissions(self) -> str:
        """Give the permission bits as chmod takes them: `0640`."""
        return f"{stat.S_IMODE(self.mode):04o}"

    @property
    def kind(self) -> str:
        """Say what it is, in words."""
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


def may(account: Account, facts: FileFacts, wanted: int) -> bool:
    """Say whether the mode gives the user what is wanted: bits of `READ`, `WRITE`, `ENTER`.

    Access control lists are not looked at; systemd uses them for credentials alone.
    """
    if account.uid == 0:
        return True
    owned, shared = facts.uid == account.uid, facts.gid in account.gids
    granted = facts.mode >> (6 if owned else 3 if shared else 0)
    return granted & wanted == wanted


def impassable_directory(account: Account, chain: Sequence[FileFacts]) -> Finding | None:
    """Name the first directory of a path that the user may not enter."""
    impassable = next((facts for facts in chain if not may(account, facts, ENTER)), None)
    if impassable is None:
        return None
    sentence = f"The service's user {account.name} may not pass {impassable.path} (mode {impassable.permissions})."
    return fail(sentence, f"sudo chmod a+x {impassable.path}", blocks=False)
