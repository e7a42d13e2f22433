"""Parts become one archive."""

from __future__ import annotations

import io
import tarfile

from iot_onboard.bundle.archive import pack


def test_an_archive() -> None:
    """One folder, files of their owner alone, and the same bytes for the same parts."""
    parts = {"MANIFEST.txt": b"first", "a/b.txt": b"\xff\0x"}
    data = pack("bundle", parts, 1_790_000_000)
    assert data == pack("bundle", parts, 1_790_000_000)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == ["bundle/MANIFEST.txt", "bundle/a/b.txt"]
        assert {(entry.mode, entry.uid, entry.mtime) for entry in tar} == {(0o600, 0, 1_790_000_000)}
        inner = tar.extractfile("bundle/a/b.txt")
        assert inner is not None
        assert inner.read() == b"\xff\0x"
