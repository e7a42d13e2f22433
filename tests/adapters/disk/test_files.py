"""Reading plain files and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iot_onboard.disk.files import read_plain


def test_the_first_bytes_are_read(tmp_path: Path) -> None:
    """No more than asked for, through a link or, where that is not wanted, not."""
    (tmp_path / "file").write_bytes(b"abcdef")
    (tmp_path / "link").symlink_to("file")
    assert read_plain(tmp_path / "link", 3) == b"abc"
    with pytest.raises(OSError, match="symbolic links"):
        read_plain(tmp_path / "link", 3, follow=False)


def test_anything_else_is_refused_at_once(tmp_path: Path) -> None:
    """A pipe that nobody writes to, one that somebody holds open, a device without an end, a directory."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            read_plain(path, 10)
    held = os.open(pipe, os.O_RDWR)
    with pytest.raises(OSError, match="not a regular file"):
        read_plain(pipe, 10)
    os.close(held)
    with pytest.raises(IsADirectoryError):
        read_plain(tmp_path, 10)
    with pytest.raises(FileNotFoundError):
        read_plain(tmp_path / "none", 10)
