"""Whose a path is, and what of it may be read, whatever others have put on the way."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.core.failures import OnboardError
from iot_onboard.disk.untrusted_path import (
    PathPart,
    create_missing,
    first_non_root_part,
    list_foreign,
    opened_path,
    read_foreign,
)
from support.process.descriptors import descriptors
from support.process.unprivileged import open_directory

OWNER, OTHER = 65534, 12345
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def part(uid: int = 0, mode: int = stat.S_IFDIR | 0o755) -> PathPart:
    return PathPart(name="part", mode=mode, uid=uid, gid=uid)


def link(uid: int = 0) -> PathPart:
    return part(uid, stat.S_IFLNK | 0o777)


OPEN = part(mode=stat.S_IFDIR | 0o777)
GROUP = part(mode=stat.S_IFDIR | 0o775)
STICKY = part(mode=stat.S_IFDIR | stat.S_ISVTX | 0o777)


@pytest.mark.parametrize(
    ("parts", "owner"),
    [
        ([], 0),
        ([part(), part()], 0),
        ([part(), link(), part()], 0),
        ([part(), part(7)], 7),
        ([part(), part(7), part(8), part()], 7),
        ([part(), link(7), part()], 7),
        ([part(), link(), part(7)], 7),
        ([STICKY, part()], 0),
        ([STICKY, part(7), OPEN], 7),
        ([part(7), OPEN], 7),
    ],
)
def test_the_first_who_is_not_root_says_where_a_path_leads(parts: list[PathPart], owner: int) -> None:
    """A link counts as a directory does: whoever owns it can make another one of it."""
    found = first_non_root_part(Path("/x"), parts)
    assert (found.uid if found else 0) == owner


@pytest.mark.parametrize(
    "parts", [[OPEN], [OPEN, part(7)], [part(), GROUP, part()], [part(), STICKY], [GROUP, link(7)]]
)
def test_root_does_nothing_where_anybody_may_change_the_path(parts: list[PathPart]) -> None:
    """It is said which directory that is, and what mends it; a sticky one will do on the way, not at the end."""
    with pytest.raises(OnboardError, match=r"users other than root may change part .* To do: chmod go-w"):
        first_non_root_part(Path("/x"), parts)


def test_a_directory_may_be_made_in_a_sticky_one() -> None:
    """What root makes there nobody else can replace."""
    assert first_non_root_part(Path("/tmp/x"), [part(), STICKY], whole=False) is None


@given(
    st.lists(
        st.builds(
            part,
            st.sampled_from([0, 0, 0, 7, 8]),
            st.sampled_from([OPEN, STICKY, link(), part()]).map(lambda one: one.mode),
        )
    )
)
def test_root_acts_with_its_own_rights_only_where_nobody_else_has_a_hand_in(parts: list[PathPart]) -> None:
    """Whatever the parts are."""
    try:
        owner = first_non_root_part(Path("/x"), parts)
    except OnboardError:
        return
    if owner is None:
        assert all(one.uid == 0 for one in parts)
        assert all(stat.S_ISLNK(one.mode) or not one.mode & 0o002 or one.mode & stat.S_ISVTX for one in parts)


def test_a_path_is_gone_down_through_links(tmp_path: Path) -> None:
    """As the kernel does it: relative and absolute ones, and dots; what is missing is told."""
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "absolute").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "relative").symlink_to("../absolute/./deep")
    with opened_path(tmp_path / "absolute" / "relative" / ".." / "deep" / "missing" / "too") as found:
        here = os.fstat(found.descriptor)
        assert (here.st_dev, here.st_ino) == (
            (tmp_path / "real/deep").stat().st_dev,
            (tmp_path / "real/deep").stat().st_ino,
        )
        assert found.missing == ("missing", "too")
        assert [one.name for one in found.parts if stat.S_ISLNK(one.mode)] == ["absolute", "relative", "absolute"]
    before = descriptors()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="Too many levels"), opened_path(tmp_path / "loop"):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError), opened_path(tmp_path / "file" / "below"):
        pass
    assert descriptors() <= before


def test_what_is_missing_is_made(tmp_path: Path) -> None:
    """The last one with the mode that is wanted; never through a link that came first."""
    with opened_path(tmp_path / "a" / "b") as found:
        os.close(create_missing(found, 0o700))
        assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b")] == [0o755, 0o700]
        with pytest.raises(FileExistsError):
            create_missing(found, 0o700)
    with opened_path(tmp_path / "c") as found:
        (tmp_path / "c").symlink_to(tmp_path / "a")
        with pytest.raises(FileExistsError):
            create_missing(found, 0o700)


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A directory of somebody else's, in one of root's."""
    with open_directory() as directory:
        (directory / "theirs").mkdir()
        os.chown(directory / "theirs", OWNER, OWNER)
        yield directory / "theirs"


def give(path: Path, uid: int = OWNER) -> None:
    os.chown(path, uid, uid, follow_symlinks=False)


def plain(path: Path) -> None:
    path.write_text("text")
    give(path)


def foreign_link(path: Path) -> None:
    path.symlink_to("/etc/shadow")
    give(path)


def hard_link(path: Path) -> None:
    plain(path.parent.parent / "elsewhere")
    path.hardlink_to(path.parent.parent / "elsewhere")


def of_root_alone(path: Path) -> None:
    path.write_text("secret")
    path.chmod(0o600)


def of_a_third(path: Path) -> None:
    path.write_text("theirs")
    give(path, OTHER)


def pipe(path: Path) -> None:
    os.mkfifo(path)
    give(path)


def bound(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    give(path)


def device(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))


@as_root
@pytest.mark.parametrize(
    "make",
    [foreign_link, hard_link, of_root_alone, of_a_third, pipe, bound, device, Path.mkdir],
    ids=lambda make: make.__name__,
)
def test_what_is_not_theirs_is_not_read(theirs: Path, make: Callable[[Path], None]) -> None:
    """Nothing that the directory's owner could not read, and nothing that could hold us up."""
    make(theirs / "file")
    began_at = time.monotonic()
    with pytest.raises(OSError):  # noqa: PT011 - each says it in its own way
        read_foreign(theirs / "file", 100)
    assert time.monotonic() - began_at < 1.0


@as_root
def test_what_is_theirs_is_read_up_to_the_limit(theirs: Path) -> None:
    """Their own, whatever its mode, and what root has left for all."""
    plain(theirs / "file")
    (theirs / "file").chmod(0)
    assert read_foreign(theirs / "file", 3) == b"tex"
    (theirs / "roots").write_text("for all")
    assert read_foreign(theirs / "roots", 100) == b"for all"
    with (theirs / "huge").open("wb") as file:
        file.truncate(1 << 40)
    assert len(read_foreign(theirs / "huge", 1000)) == 1000


@as_root
def test_no_link_of_theirs_is_followed_on_the_way(theirs: Path) -> None:
    """One of root's is: an operator has put the directory elsewhere."""
    (theirs / "real").mkdir()
    give(theirs / "real")
    plain(theirs / "real" / "file")
    (theirs / "link").symlink_to("real")
    assert read_foreign(theirs / "link" / "file", 100) == b"text"
    assert [name for name, _ in list_foreign(theirs / "link", 10)[0]] == ["file"]
    give(theirs / "link")
    for look in (lambda: read_foreign(theirs / "link" / "file", 100), lambda: list_foreign(theirs / "link", 10)):
        with pytest.raises(OSError, match="behind a link that belongs to another user"):
            look()


@as_root
def test_a_lease_of_theirs_does_not_hold_us_up(theirs: Path) -> None:
    """The kernel lets the holder of a lease take 45 s."""
    plain(theirs / "file")
    with (theirs / "file").open("rb+") as file:
        # Not SIGIO, which would end us.
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        began_at = time.monotonic()
        held = os.fork()
        if held == 0:
            try:
                read_foreign(theirs / "file", 10)
            except OSError:
                os._exit(3)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(held, 0)[1]) == 3
        assert time.monotonic() - began_at < 1.0


@as_root
def test_a_list_has_an_end(theirs: Path) -> None:
    """However many files there are; links are not followed, and names are what they are."""
    (theirs / "a\nb").symlink_to("/etc/shadow")
    found, more = list_foreign(theirs, 5)
    assert ([name for name, _ in found], stat.S_ISLNK(found[0][1].st_mode), more) == (["a\nb"], True, False)
    for number in range(5):
        (theirs / f"{number}").touch()
    found, more = list_foreign(theirs, 5)
    assert (len(found), more) == (5, True)
