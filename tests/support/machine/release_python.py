"""The Python of a Debian release, with that release's libraries, on a tree of this machine."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .images import build_root, image

# What the package's build needs, and what the package itself needs: one root file system, whose changes lie in memory.
_INSIDE = """
set -e
mount -t tmpfs tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/root"
root=$2/root
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$root"
mount --bind "$3" "$root/mnt"
mount --rbind /dev "$root/dev"
mount -o remount,bind,ro "$root/dev"
mount -t proc proc "$root/proc"
cp /etc/hosts "$root/etc/hosts"
shift 3
exec chroot "$root" env --chdir=/mnt --ignore-environment PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/mnt/daemon:/mnt/sandbox python3 "$@"
"""


@contextmanager
def python_of(release: str, tree: Path) -> Iterator[Sequence[str]]:
    """Give the command that runs Python in a tree: this one, or that of a release, which needs root and its images."""
    if not release:
        yield [sys.executable]
        return
    apart = ["unshare", "--mount", "--propagation", "private"]
    layers = f"{build_root(release)}:{image(release)}"
    with tempfile.TemporaryDirectory(prefix="root-") as empty:
        yield [*apart, "sh", "-c", _INSIDE, "sh", layers, empty, str(tree)]
