"""Look into the archives that `iot-onboard bundle` writes."""

from __future__ import annotations

import tarfile
from pathlib import Path


def unpacked(path: Path) -> dict[str, bytes]:
    """Return the files of an archive by their names within its folder."""
    with tarfile.open(path) as tar:
        found = {entry.name.partition("/")[2]: tar.extractfile(entry) for entry in tar}
        return {name: file.read() for name, file in found.items() if file is not None}
