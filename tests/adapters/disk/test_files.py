"""Small files, written whole and read with care; what a power cut does to them stands in `test_power_cut`."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from iot_onboard.disk import files
from iot_onboard.disk.files import read_plain
from support.disk import tracing, writers
from support.process.unprivileged import open_directory, unprivileged

needs_strace = pytest.mark.skipif(tracing.why_no_strace() is not None, reason=str(tracing.why_no_strace()))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


Write = Callable[[Path, bytes, int], object]


@pytest.mark.parametrize("write", [files.write_durably, files.write_if_changed, files.write_atomically])
def test_a_file_is_replaced(tmp_path: Path, write: Write) -> None:
    """With the mode that is wanted, whatever the umask; a link in its place is not followed."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path = tmp_path / "file"
    path.symlink_to(victim)
    umask = os.umask(0o077)
    write(path, b"new", 0o644)
    os.umask(umask)
    assert (path.is_symlink(), path.read_bytes(), mode(path)) == (False, b"new", 0o644)
    assert victim.read_text() == "precious"
    write(path, b"newer", 0o600)
    assert (path.read_bytes(), mode(path)) == (b"newer", 0o600)
    assert names(tmp_path) == ["file", "victim"]


@pytest.mark.parametrize("write", [files.write_durably, files.write_if_changed, files.write_atomically])
def test_what_is_written_beside_has_a_name_that_nobody_can_guess(tmp_path: Path, write: Write) -> None:
    """Nothing that somebody put there before, under any name, is written to or in the way."""
    with (
        files.temporary_file(tmp_path / "file", b"new") as temp,
        files.temporary_file(tmp_path / "file", b"x") as other,
    ):
        assert temp != other
        assert re.fullmatch(r"file\.[0-9a-f]{16}\.new", temp.name)
    (tmp_path / "file.new").mkdir()
    write(tmp_path / "file", b"new", 0o644)
    assert (tmp_path / "file").read_bytes() == b"new"


def test_what_a_crash_left_beside_a_file_is_removed(tmp_path: Path) -> None:
    """Of this file alone, and by the name that older versions gave it, too."""
    number = "0123456789abcdef"
    others = ["file", "file.1", "file.new.x", f"file.{number}", f"file.1.{number}.new", f"other.{number}.new", "x.new"]
    for name in (*others, "file.new", f"file.{number}.new"):
        (tmp_path / name).touch()
    (tmp_path / "file.fedcba9876543210.new").symlink_to(tmp_path / "other")
    files.remove_temps(tmp_path, "file")
    assert names(tmp_path) == sorted(others)
    files.remove_temps(tmp_path)
    assert names(tmp_path) == ["file", f"file.{number}", "file.1", "file.new.x"]
    files.remove_temps(tmp_path / "missing", "file")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("name", ["", "sticky", "theirs", "theirs/ours", "open", "open/ours", "group", "link", "gone"])
def test_root_alone_has_a_hand_in_a_directory_or_not(tmp_path: Path, name: str) -> None:
    """Not in one below another user's, not in one that others may change, not behind a link; what is missing is not."""
    modes = {"theirs": 0o755, "open": 0o777, "group": 0o775, "sticky": 0o1777}
    for directory, its_mode in modes.items():
        (tmp_path / directory / "ours").mkdir(parents=True)
        (tmp_path / directory).chmod(its_mode)
    os.chown(tmp_path / "theirs", 12345, 12345)
    (tmp_path / "link").symlink_to(tmp_path / "sticky" / "ours")
    assert files.only_root_can_change(tmp_path / name) == (name == "")
    assert files.only_root_can_change(tmp_path / "sticky" / "ours")


def test_without_a_mode_it_is_the_file_systems(tmp_path: Path) -> None:
    """FAT refuses to change one."""
    umask = os.umask(0o027)
    files.write_durably(tmp_path / "file", b"new")
    os.umask(umask)
    assert mode(tmp_path / "file") == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_is_given_to_a_group(tmp_path: Path) -> None:
    """Before it has its mode: at no moment may somebody else read it."""
    files.write_durably(tmp_path / "file", b"new", 0o640, 12346)
    assert ((tmp_path / "file").stat().st_gid, mode(tmp_path / "file")) == (12346, 0o640)
    files.write_if_changed(tmp_path / "file", b"new", 0o640, 12347)
    assert (tmp_path / "file").stat().st_gid == 12347


@needs_strace
def test_a_file_is_closed_until_it_is_its_group_s_and_whole(tmp_path: Path) -> None:
    """A secret can be read by nobody else meanwhile: nor by everybody, nor by the group that the directory gives."""
    work = partial(files.write_durably, tmp_path / "file", b"new", 0o640, os.getegid())
    calls = tracing.run(work, "?open,openat,write,fchown,fchmod,?rename,renameat,?renameat2").calls
    made = [call for call in calls if "O_CREAT" in call.arguments or not call.name.startswith(("open", "unlink"))]
    assert [call.name for call in made[:4]] == [made[0].name, "write", "fchown", "fchmod"]
    assert made[0].arguments.endswith(", 0600")
    assert made[3].arguments.endswith(", 0640")
    assert made[4].name.startswith("rename")


def test_what_stands_there_just_so_is_not_written(tmp_path: Path) -> None:
    """Content, mode and group: any other is written, and a link is no file."""
    path = tmp_path / "file"
    group = os.getegid()
    assert files.write_if_changed(path, b"new", 0o640, group)
    before = path.stat().st_ino
    assert not files.write_if_changed(path, b"new", 0o640, group)
    assert not files.write_if_changed(path, b"new")
    assert path.stat().st_ino == before
    assert files.write_if_changed(path, b"ne", 0o640)
    assert files.write_if_changed(path, b"new", 0o640)
    assert files.write_if_changed(path, b"new", 0o600)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to("elsewhere")
    assert files.write_if_changed(path, b"new", 0o600)
    assert not path.is_symlink()


def test_where_it_cannot_be_written_nothing_stays(tmp_path: Path) -> None:
    """What was there is what it was, and what lies in memory is no exception."""
    (tmp_path / "file").mkdir()
    with pytest.raises(IsADirectoryError):
        files.write_durably(tmp_path / "file", b"new", 0o600)
    assert not files.write_atomically(tmp_path / "file", b"new", 0o600)
    assert names(tmp_path) == ["file"]
    with open_directory() as directory:
        directory.chmod(0o555)
        with unprivileged(), pytest.raises(PermissionError):
            files.write_durably(directory / "file", b"new", 0o600)


def test_where_there_is_no_room_the_file_s_own_bytes_are_written_over() -> None:
    """All of them: nothing of a longer one stays. A file that has another name elsewhere is not touched."""
    with open_directory() as directory:
        path, elsewhere = directory / "file", directory / "elsewhere"
        elsewhere.mkdir()
        path.write_bytes(b"older and longer")
        path.chmod(0o666)
        # Nothing can be put beside it.
        directory.chmod(0o555)
        with unprivileged():
            assert files.write_atomically(path, b"new", 0o644)
        assert path.read_bytes() == b"new"
        (elsewhere / "file").hardlink_to(path)
        with unprivileged():
            assert not files.write_atomically(path, b"newer", 0o644)
        assert (elsewhere / "file").read_bytes() == b"new"
        directory.chmod(0o755)


def test_directories_above_are_made_for_what_lies_in_memory(tmp_path: Path) -> None:
    """As systemd makes them."""
    assert files.write_atomically(tmp_path / "a" / "b" / "file", b"new", 0o644)
    assert mode(tmp_path / "a") == 0o755


@needs_strace
def test_the_disk_is_asked_what_it_holds(tmp_path: Path) -> None:
    """After the sync and before the rename the kernel drops its copy, and what is read then is compared."""
    work = partial(files.write_durably, tmp_path / "file", b"new", 0o600)
    calls = tracing.run(work, "write,fsync,fadvise64,pread64,?rename,renameat,?renameat2").calls
    made = [call for call in calls if not call.name.startswith("unlink")]
    assert [call.name for call in made[:4]] == ["write", "fsync", "fadvise64", "pread64"]
    assert made[4].name.startswith("rename")
    assert "POSIX_FADV_DONTNEED" in made[2].arguments


@needs_strace
def test_one_call_may_write_a_part_only(tmp_path: Path) -> None:
    """The rest is written then. A disk that says so and has not taken it is found out."""
    work = partial(writers.write_durably, tmp_path / "file", b"abcdef")
    traced = tracing.run(work, "write", [f"write:retval=2:when={first_write(work)}"])
    texts = [call.arguments.split('"')[1] for call in traced.calls if call.name == "write"]
    assert texts == ["abcdef", "cdef"]
    assert traced.answer == "the data read back differs from the data written"
    assert names(tmp_path) == ["file"], "of the first try"


def first_write(work: Callable[[], object]) -> int:
    return next(call.number for call in tracing.run(work, "write").calls if call.name == "write")


def test_bytes_are_written_over_in_place(tmp_path: Path) -> None:
    """The file stays the same one, with what is behind the parts; a link is not followed, and nothing is made."""
    path = tmp_path / "file"
    path.write_bytes(b"abcdefgh")
    before = path.stat().st_ino
    files.overwrite(path, (b"AB", b"CDE"))
    assert (path.read_bytes(), path.stat().st_ino) == (b"ABCDEfgh", before)
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(OSError, match="symbolic links"):
        files.overwrite(tmp_path / "link", (b"x",))
    with pytest.raises(FileNotFoundError):
        files.overwrite(tmp_path / "none", (b"x",))


def test_what_is_set_aside_is_never_written_over(tmp_path: Path) -> None:
    """A hundred times; then it stays where it is, which is said."""
    kept = set()
    for number in range(100):
        (tmp_path / "file").write_text(str(number))
        kept.add(files.set_aside(tmp_path / "file", "old").name)
    assert {"file.old", "file.old-1", "file.old-99"} <= kept
    assert {path.read_text() for path in tmp_path.iterdir()} == {str(number) for number in range(100)}
    (tmp_path / "file").write_text("one more")
    with pytest.raises(OSError, match="too many files were set aside") as caught:
        files.set_aside(tmp_path / "file", "old")
    assert caught.value.errno == errno.EEXIST
    assert (tmp_path / "file").read_text() == "one more"


def test_a_link_that_leads_nowhere_takes_a_name_too(tmp_path: Path) -> None:
    """What is set aside goes elsewhere: somebody put the link there."""
    (tmp_path / "file.old").symlink_to("nowhere")
    (tmp_path / "file").touch()
    assert files.set_aside(tmp_path / "file", "old").name == "file.old-1"
    assert (tmp_path / "file.old").is_symlink()


def test_what_is_not_there_is_removed(tmp_path: Path) -> None:
    """Twice is harmless."""
    (tmp_path / "file").touch()
    for _ in range(2):
        files.remove_durably(tmp_path / "file")
    assert names(tmp_path) == []


def test_a_directory_is_closed_and_those_above_are_open(tmp_path: Path) -> None:
    """What is there stays as it is; a file in the way is told."""
    files.make_directory(tmp_path / "a" / "b", 0o700)
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o755, 0o700)
    files.make_directory(tmp_path / "a" / "b")
    assert mode(tmp_path / "a" / "b") == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        files.make_directory(tmp_path / "file")


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


def test_a_lock_keeps_another_one_out(tmp_path: Path) -> None:
    """Whatever that one asks for; it is told so, and comes in once the first is gone."""
    other = os.open(tmp_path, os.O_RDONLY)
    with files.locked(tmp_path):
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        with pytest.raises(BlockingIOError), files.locked(tmp_path):
            raise AssertionError("two at once")
    fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
    os.close(other)
    with pytest.raises(FileNotFoundError), files.locked(tmp_path / "none"):
        raise AssertionError("a lock on nothing")


def test_a_fingerprint_tells_that_something_changed(tmp_path: Path) -> None:
    """Also where the new one has the same size and time, and where its mode alone is another."""
    file, other = tmp_path / "file", tmp_path / "other"
    assert files.fingerprint(file) is None
    for path in (file, other):
        path.write_text("x")
        os.utime(path, (1, 1))
    first = files.fingerprint(file)
    assert files.fingerprint(str(file)) == first
    other.replace(file)
    second = files.fingerprint(file)
    file.chmod(0o600)
    assert len({first, second, files.fingerprint(file)}) == 3
