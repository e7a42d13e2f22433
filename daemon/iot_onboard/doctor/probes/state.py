"""Read the facts about the directories that the daemon writes to, without writing."""

from __future__ import annotations

import os
from pathlib import Path

from ...disk.mounts import Mount, holder
from ...disk.storage import read_mounts, storage_of
from ..checks.state import DirectoryFacts, StorageFacts
from ..model import Facts, Probe
from .configuration import CONFIG
from .files import chain_of, service_account
from .secrets import STORAGE, STORE, own_secret


def _directory(facts: Facts, path: Path) -> DirectoryFacts:
    chain = chain_of(path)
    nearest = Path(chain[-1].path) if chain else Path("/")
    room, mount = os.statvfs(nearest), mount_of(facts.root, nearest)
    return DirectoryFacts(
        path=str(path),
        chain=chain,
        link=str(path.readlink()) if path.is_symlink() else "",
        account=service_account(),
        mount=mount,
        errors=_errors(facts.root, mount),
        free_bytes=room.f_bavail * room.f_frsize,
        # Some file systems have no inodes to count (btrfs, vfat).
        free_inodes=room.f_favail if room.f_files else None,
    )


def mount_of(root: Path, path: Path) -> Mount | None:
    """Return the mount that holds a path."""
    return holder(read_mounts(root), os.path.realpath(path))


def _errors(root: Path, mount: Mount | None) -> int | None:
    """Return how many errors ext4 has recorded on a device (its superblock counts all)."""
    if mount is None:
        return None
    try:
        name = Path(mount.source).resolve().name
        return int((root / "sys/fs/ext4" / name / "errors_count").read_text())
    except (OSError, ValueError):
        return None


def _storage(facts: Facts) -> StorageFacts:
    config = facts.get(CONFIG)
    found = storage_of(config.state_dir, facts.root)
    store = facts.get_optional(STORE)
    return StorageFacts(
        path=str(config.state_dir),
        volatile=found.volatile,
        unseen=found.unseen,
        allowed=config.allow_volatile,
        stored=store is not None and store.file(".json") is not None,
        own_secret=own_secret(facts) is not None,
    )


STATE = Probe(
    name="the check of the state directory",
    collect=lambda facts: _directory(facts, facts.get(CONFIG).state_dir),
    needs=(CONFIG,),
    stuck=STORAGE,
)
STATE_STORAGE = Probe(
    name="the check of the state directory's disk", collect=_storage, needs=(CONFIG,), wants=(STORE,), stuck=STORAGE
)
RUNTIME = Probe(
    name="the check of the runtime directory",
    collect=lambda facts: _directory(facts, facts.get(CONFIG).runtime_dir),
    needs=(CONFIG,),
)
