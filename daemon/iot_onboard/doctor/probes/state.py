"""Look at the directories that the daemon writes to, without writing."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from ..checks.state import DirectoryFacts, Mount
from ..model import Facts, Probe
from .configuration import CONFIG
from .files import chain_of, service_account
from .secrets import STORAGE

_OCTAL = re.compile(r"\\([0-7]{3})")


def _directory(facts: Facts, path: Path) -> DirectoryFacts:
    chain = chain_of(path)
    nearest = Path(chain[-1].path) if chain else Path("/")
    room = os.statvfs(nearest)
    return DirectoryFacts(
        path=str(path),
        chain=chain,
        account=service_account(),
        mount=mount_of(facts.root, nearest),
        free_bytes=room.f_bavail * room.f_frsize,
        # Some file systems count none (btrfs, vfat).
        free_inodes=room.f_favail if room.f_files else None,
    )


def mount_of(root: Path, path: Path) -> Mount | None:
    """Return what a path is mounted on (proc(5), mountinfo), the innermost and latest mount of it."""
    resolved = path.resolve()
    best: Mount | None = None
    try:
        lines = (root / "proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        left, _, right = line.partition(" - ")
        fields, device = left.split(), right.split()
        if len(fields) < 6 or len(device) < 3:
            continue
        point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4])
        if resolved.is_relative_to(point) and (best is None or len(point) >= len(best.point)):
            read_only = "ro" in (*fields[5].split(","), *device[2].split(","))
            best = Mount(point=point, kind=device[0], source=device[1], read_only=read_only)
    return None if best is None else replace(best, errors=_errors(root, best))


def _errors(root: Path, mount: Mount) -> int | None:
    """Return how many errors ext4 has met on a device, ever (its superblock counts)."""
    try:
        name = Path(mount.source).resolve().name
        return int((root / "sys/fs/ext4" / name / "errors_count").read_text())
    except (OSError, ValueError):
        return None


STATE = Probe(
    name="looking at the state directory",
    look=lambda facts: _directory(facts, facts.get(CONFIG).state_dir),
    needs=(CONFIG,),
    stuck=STORAGE,
)
RUNTIME = Probe(
    name="looking at the runtime directory",
    look=lambda facts: _directory(facts, facts.get(CONFIG).runtime_dir),
    needs=(CONFIG,),
)
