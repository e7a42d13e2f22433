"""Make one archive of the parts. Pure."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping


def pack(folder: str, parts: Mapping[str, bytes], made_at: int) -> bytes:
    """Return a tar.gz with the parts in one folder; `made_at` is Unix time in seconds."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=made_at) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for name, data in parts.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime, entry.mode = len(data), made_at, 0o600
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()
