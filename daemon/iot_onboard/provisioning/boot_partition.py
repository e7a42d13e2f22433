"""The boot partition: FAT on most boards, writable for anybody who has the card, sometimes read-only or full."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence
from pathlib import Path

from ..disk.files import overwrite, read_plain, remove_durably, write_if_changed
from .boot_file import ERRORS, MAX_BYTES, NAME, NOTE, SECTOR_BYTES, note, wiped

# Its mount points: Raspberry Pi OS up to 11, and from 12 on. The later one wins.
PLACES = (Path("/boot"), Path("/boot/firmware"))


def find(places: Sequence[Path]) -> list[Path]:
    """Return each boot file there once, in upper or lower case, also if it is not a regular file."""
    found: dict[tuple[int, int], Path] = {}
    for path in [path for place in places for path in _named(place)]:
        # If one is gone or cannot be read, the others still count.
        with contextlib.suppress(OSError):
            status = path.lstat()
            found.setdefault((status.st_dev, status.st_ino), path)
    return list(found.values())


def _named(place: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(place))  # noqa: PTH208 - names are wanted, not paths
    except OSError:
        # A directory that is missing or cannot be listed has no boot file.
        return []
    return [place / name for name in names if name.lower() == NAME]


def read(path: Path) -> bytes:
    """Return the file's bytes; raise `OSError`, also for a link, because its target is not on this partition."""
    data = read_plain(path, MAX_BYTES + 1, follow=False)
    if len(data) > MAX_BYTES:
        raise OSError(errno.EFBIG, "larger than 64 kB")
    return data


def clear(path: Path, size: int) -> None:
    """Overwrite an imported file, leave a note, and remove the file; raise `OSError`.

    The first sector marks the file as imported, and is durable before anything else changes: after a power cut the rest
    is recognised by it. A program can do no more than overwrite; flash memory writes to other blocks and may keep the
    old ones for some time, and so may the cache of a card reader.
    """
    image = wiped(size)
    overwrite(path, (image[:SECTOR_BYTES], image[SECTOR_BYTES:]))
    leave(path.with_name(NOTE), note())
    with contextlib.suppress(OSError):
        path.with_name(ERRORS).unlink(missing_ok=True)
    remove_durably(path)


def leave(path: Path, text: str) -> None:
    """Write a text beside the file, if there is space; without it the secret is still removed."""
    with contextlib.suppress(OSError):
        write_if_changed(path, text.encode())
