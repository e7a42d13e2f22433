"""Be somebody who may not read everything, also where the tests run as root."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from support.tree import ROOT

_NOBODY = 65534
_BECOME = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--")
_AT_ANOTHER_PLACE = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'


@contextlib.contextmanager
def open_directory() -> Iterator[Path]:
    """Make a directory that everybody can enter; pytest's own are closed. It is ours where we are not root."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Act as nobody; what was made before belongs to somebody else."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def as_nobody(command: Sequence[str], place: Path) -> list[str]:
    """Return the command that runs one of this tree's as nobody; where we are not root, as we are."""
    return readable_by_all(command, place, _BECOME) if os.geteuid() == 0 else list(command)


def readable_by_all(command: Sequence[str], place: Path, become: Sequence[str] = ()) -> list[str]:
    """Return the command that runs one of this tree's, by root, where whoever it becomes can read the tree as well.

    A tree in root's home is closed to others: the program then sees it at `place`, an empty directory open to all.
    """
    if all(parent.stat().st_mode & 0o001 for parent in Path(sys.executable).parents):
        return [*become, *command]
    paths = os.environ.get("PYTHONPATH", "") or f"{ROOT}/daemon"
    moved = [word.replace(str(ROOT), str(place)) for word in (*become, "env", f"PYTHONPATH={paths}", *command)]
    return ["unshare", "--mount", "sh", "-c", _AT_ANOTHER_PLACE, "sh", str(ROOT), str(place), *moved]
