"""The boot partition: FAT on most boards, in the hands of whoever has the card, sometimes read-only or full."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence
from pathlib import Path

from ..disk.files import overwrite, read_plain, remove_durably, write_if_changed
from .boot_file import ERRORS, MAX_BYTES, NAME, NOTE, SECTOR_BYTES, note, wiped

# Where it is mounted: Raspberry Pi OS up to 11, and from 12 on. What is found later wins.
PLACES = (Path("/boot"), Path("/boot/firmware"))


def find(places: Sequence[Path]) -> list[Path]:
    """Return the files that were dropped there, whatever the case of their names, each once, also what is no file."""
    found: dict[tuple[int, int], Path] = {}
    for path in [path for place in places for path in _named(place)]:
        # One that is gone, or cannot be looked at, hides no other.
        with contextlib.suppress(OSError):
            status = path.lstat()
            found.setdefault((status.st_dev, status.st_ino), path)
    return list(found.values())


def _named(place: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(place))  # noqa: PTH208 - names are wanted, not paths
    except OSError:
        # A place that is not there, or cannot be listed, holds nothing for us.
        return []
    return [place / name for name in names if name.lower() == NAME]


def read(path: Path) -> bytes:
    """Return the file's bytes; raise `OSError`, also for a link: what it leads to was not dropped here."""
    data = read_plain(path, MAX_BYTES + 1, follow=False)
    if len(data) > MAX_BYTES:
        raise OSError(errno.EFBIG, "larger than 64 kB")
    return data


def clear(path: Path, size: int) -> None:
    """Overwrite a file that is taken in, leave a note, and remove it; raise `OSError`.

    The first sector says that the file is taken, and is durable before anything else changes: whatever a power cut
    leaves of the rest is known by it. Overwriting is the best that can be done from here; flash memory writes
    elsewhere and may keep the old blocks for a while, and so may a card reader's cache.
    """
    image = wiped(size)
    overwrite(path, (image[:SECTOR_BYTES], image[SECTOR_BYTES:]))
    leave(path.with_name(NOTE), note())
    with contextlib.suppress(OSError):
        path.with_name(ERRORS).unlink(missing_ok=True)
    remove_durably(path)


def leave(path: Path, text: str) -> None:
    """Put a text beside the file, where there is room: a full partition does not keep a secret on it."""
    with contextlib.suppress(OSError):
        write_if_changed(path, text.encode())
