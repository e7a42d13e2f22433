"""The boot partition as the product finds it and leaves it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from iot_onboard.provisioning import boot_partition
from iot_onboard.provisioning.boot_file import MAX_BYTES, NAME, TAKEN

NOTE = "iot-onboard-taken.txt"
ERRORS = "iot-onboard-error.txt"
TEXT = b"product_secret: hunter2\n" + b"#" * 700


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(TEXT)
    return path


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_the_firmware_partition_wins(tmp_path: Path) -> None:
    """Of two places the later one counts; one place by two names is one; one that is not there holds nothing."""
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / NAME).touch()
    (tmp_path / "again").symlink_to("a")
    places = [tmp_path / name for name in ("none", "a", "b", "again")]
    assert boot_partition.find(places) == [tmp_path / "a" / NAME, tmp_path / "b" / NAME]


@pytest.mark.parametrize("name", [NAME.upper(), "Iot-Onboard.Yaml"])
def test_fat_writes_names_as_it_likes(tmp_path: Path, name: str) -> None:
    """Upper case and lower case are one."""
    for other in (name, f"{NAME}.bak"):
        (tmp_path / other).touch()
    assert boot_partition.find([tmp_path]) == [tmp_path / name]


def test_what_is_too_large_is_not_read(file: Path) -> None:
    """64 kB are enough, and are all that is held in memory."""
    file.write_bytes(b"#" * MAX_BYTES)
    assert len(boot_partition.read(file)) == MAX_BYTES
    file.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(OSError, match="larger than 64 kB"):
        boot_partition.read(file)


def test_what_is_cleared_is_written_over(file: Path) -> None:
    """Before its name is gone: who reads the card itself finds nothing of it. A note stands there in its place."""
    other = file.with_name("the-same-blocks")
    other.hardlink_to(file)
    file.with_name(ERRORS).touch()
    boot_partition.clear(file, len(TEXT))
    assert other.read_bytes() == TAKEN + b"\n" * (len(TEXT) - len(TAKEN))
    assert names(file.parent) == [NOTE, other.name]
    assert "has imported" in file.with_name(NOTE).read_text()


def test_a_note_that_cannot_be_written_keeps_no_secret_there(file: Path) -> None:
    """A full partition is cleared all the same."""
    file.with_name(NOTE).mkdir()
    boot_partition.clear(file, len(TEXT))
    assert names(file.parent) == [NOTE]


def test_what_is_behind_a_link_is_not_written_over(file: Path, tmp_path: Path) -> None:
    """Whoever made the link may mean another file."""
    link = tmp_path / "link"
    link.symlink_to(file)
    with pytest.raises(OSError, match="symbolic links"):
        boot_partition.clear(link, len(TEXT))
    assert file.read_bytes() == TEXT


def test_the_same_errors_are_not_written_again(file: Path) -> None:
    """A boot a day would wear the card out; others are, for any user to read."""
    errors = file.with_name(ERRORS)
    umask = os.umask(0o022)
    boot_partition.leave(file.with_name(ERRORS), "line 1")
    os.umask(umask)
    assert stat.S_IMODE(errors.stat().st_mode) == 0o644
    before = errors.stat().st_ino
    boot_partition.leave(file.with_name(ERRORS), "line 1")
    assert errors.stat().st_ino == before
    boot_partition.leave(file.with_name(ERRORS), "line 2")
    assert errors.read_text() == "line 2"
    assert names(file.parent) == [ERRORS, NAME]


def test_errors_that_cannot_be_said_are_none(file: Path) -> None:
    """The journal has them too."""
    file.with_name(ERRORS).mkdir()
    boot_partition.leave(file.with_name(ERRORS), "line 1")
    assert names(file.parent) == [ERRORS, NAME]
