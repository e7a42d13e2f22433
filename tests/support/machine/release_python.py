"""The Python of a Debian release, with that release's libraries, on a tree of this machine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from .images import build_root

# Nothing is written to the image: what changes lies in memory, or is the tree itself.
_INSIDE = """
set -e
mount --bind "$2" "$1/mnt"
mount -t tmpfs tmpfs "$1/tmp"
mount -t proc proc "$1/proc"
root=$1
shift 2
exec chroot "$root" env --chdir=/mnt --ignore-environment PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/mnt/daemon:/mnt/sandbox python3 "$@"
"""


def python_of(release: str, tree: Path) -> Sequence[str]:
    """Return the command that runs Python in a tree: this one, or that of a release, which needs root and its image."""
    if not release:
        return [sys.executable]
    apart = ["unshare", "--mount", "--propagation", "private"]
    return [*apart, "sh", "-c", _INSIDE, "sh", str(build_root(release)), str(tree)]
