"""What a command gives goes where it was meant to, whatever stands there."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from iot_onboard.disk.output import write_output


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_file_is_written_whole_and_closed(tmp_path: Path) -> None:
    """With the mode that is wanted, less what the umask takes; one that stood there is replaced."""
    for data in (b"one", b"two"):
        write_output(tmp_path / "file", data, 0o600)
        assert (tmp_path / "file").read_bytes() == data
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    assert names(tmp_path) == ["file"]


def test_a_link_is_replaced_and_another_name_left_alone(tmp_path: Path) -> None:
    """What a link leads to, there or not, and what has the same bytes under another name, stays what it was."""
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "link").symlink_to("victim")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "twin").hardlink_to(tmp_path / "victim")
    for name in ("link", "dangling", "twin"):
        write_output(tmp_path / name, b"new", 0o600)
        assert (tmp_path / name).read_bytes() == b"new"
        assert not (tmp_path / name).is_symlink()
    assert (tmp_path / "victim").read_text() == "precious"
    assert names(tmp_path) == ["dangling", "link", "twin", "victim"]


def bound(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def into_proc(path: Path) -> None:
    path.symlink_to("/proc/self/fd/2")


def null_device(path: Path) -> None:
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))


# As /dev/null and /dev/stderr are. Not those themselves: a defect would replace them on the machine that tests.
OTHERS = {"pipe": os.mkfifo, "socket": bound, "directory": Path.mkdir, "link into /proc": into_proc}
if os.geteuid() == 0:
    OTHERS["device"] = null_device


@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS.keys())
def test_what_is_no_file_stays(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """It is refused at once, and not opened."""
    make(tmp_path / "file")
    before = (tmp_path / "file").lstat()
    began_at = time.monotonic()
    with pytest.raises(OSError):  # noqa: PT011 - each says it in its own way
        write_output(tmp_path / "file", b"new", 0o600)
    assert time.monotonic() - began_at < 1.0
    assert (tmp_path / "file").lstat().st_ino == before.st_ino
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["missing/file", "file/below", f"{'x' * 256}"])
def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, name: str) -> None:
    """The error says why."""
    (tmp_path / "file").write_text("old")
    with pytest.raises(OSError) as caught:  # noqa: PT011
        write_output(tmp_path / name, b"new", 0o600)
    assert caught.value.strerror
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_standard_output_is_a_place_too(name: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """To the byte, and nothing else."""
    write_output(Path(name), b"\0\xff", 0o600)
    assert capfdbinary.readouterr().out == b"\0\xff"
