"""The disk that forgets, against what small programs really do."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from support.disk import lostwrites
from support.disk.tracing import why_no_strace

pytestmark = pytest.mark.skipif(why_no_strace() is not None, reason=str(why_no_strace()))
OLD = b"old content"
SECTOR = lostwrites.SECTOR_BYTES


def played(directory: Path, program: str, old: bytes = OLD) -> tuple[lostwrites.Disk, list[lostwrites.Step]]:
    """Run a program of a few lines in which `fd` is the open file `f`, and `d` its directory."""
    directory.mkdir()
    (directory / "f").write_bytes(old)
    disk = lostwrites.Disk(directory)
    head = f"import os; os.chdir('/'); d = {str(directory)!r}; f = d + '/f'; fd = os.open(f, os.O_RDWR)\n"
    return disk, lostwrites.record(disk, partial(exec, head + program))


def left(directory: Path, program: str, old: bytes = OLD) -> set[lostwrites.Tree]:
    """Return every tree that a power cut after the program may leave."""
    disk, steps = played(directory, program, old)
    return {remains.tree for remains in lostwrites.after_power_cut(disk, steps)}


def contents(directory: Path, program: str, old: bytes = OLD) -> set[bytes | None]:
    """Return all that the file may hold after it."""
    return {dict(tree).get("f") for tree in left(directory, program, old)}


NEW = b"new content"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("os.pwrite(fd, b'new', 0)", {OLD, NEW}),
        ("os.pwrite(fd, b'new', 0); os.fsync(fd)", {NEW}),
        ("os.pwrite(fd, b'new', 0); os.fdatasync(fd)", {NEW}),
        ("os.write(fd, b'ne'); os.write(fd, b'w'); os.fsync(fd)", {NEW}),
        ("os.lseek(fd, 4, 0); os.write(fd, b'CON'); os.fsync(fd)", {b"old CONtent"}),
        ("os.read(fd, 4); os.write(fd, b'CON'); os.fsync(fd)", {b"old CONtent"}),
        ("os.pwrite(fd, b'CON', 4); os.fsync(fd)", {b"old CONtent"}),
        ("os.pwrite(fd, b'x', 13); os.fsync(fd)", {OLD + b"\0\0x"}),
        ("os.ftruncate(fd, 3)", {OLD, b"old".ljust(len(OLD), b"\0"), b"old"}),
        ("os.ftruncate(fd, 3); os.fsync(fd)", {b"old"}),
        ("os.truncate(f, 3); os.fsync(fd)", {b"old"}),
        ("os.ftruncate(fd, 13); os.fsync(fd)", {OLD + b"\0\0"}),
        ("os.posix_fallocate(fd, 0, 13); os.fsync(fd)", {OLD + b"\0\0"}),
        ("os.posix_fallocate(fd, 0, 3); os.fsync(fd)", {OLD}),
        ("os.fsync(os.open(f, os.O_WRONLY | os.O_TRUNC))", {b""}),
        ("a = os.open(f, os.O_WRONLY | os.O_APPEND); os.write(a, b'+'); os.fsync(a)", {OLD + b"+"}),
        ("os.fsync(fd); os.pwrite(fd, b'new', 0)", {OLD, NEW}),
        ("os.pwrite(fd, b'old', 0)", {OLD}),
        ("os.pwrite(fd, b'new', 0); os.fsync(os.open(d, os.O_RDONLY))", {OLD, NEW}),
        ("n = os.open('/dev/null', os.O_WRONLY); os.write(n, b'new'); os.fsync(fd)", {OLD}),
        ("os.close(fd); a, b = os.pipe(); os.write(b, b'new'); os.read(a, 3)", {OLD}),
    ],
)
def test_bytes(tmp_path: Path, program: str, expected: set[bytes]) -> None:
    """Durable are those that were written before a sync of the file, by fsync or fdatasync, and no others."""
    assert contents(tmp_path / "d", program) == expected


def test_what_is_added_may_be_missing_half_or_zeros(tmp_path: Path) -> None:
    """As file systems leave it that allocate late."""
    found = contents(tmp_path / "d", "os.pwrite(fd, b'abcd', 0)", b"")
    assert found == {b"", b"ab", b"\0\0", b"abcd", b"\0\0\0\0"}


def test_what_is_written_over_is_old_or_new_by_sectors(tmp_path: Path) -> None:
    """Each by itself, and none is a mixture."""
    found = contents(tmp_path / "d", f"os.pwrite(fd, b'n' * {2 * SECTOR}, 0)", b"o" * 2 * SECTOR)
    assert found == {a * SECTOR + b * SECTOR for a in (b"o", b"n") for b in (b"o", b"n")}


def test_a_truncation_lost_in_the_middle_shows_what_was_before(tmp_path: Path) -> None:
    """Emptied and written anew, without a sync: the old, the new, nothing, and what lies between."""
    found = contents(tmp_path / "d", "os.write(os.open(f, os.O_WRONLY | os.O_TRUNC), b'NEW CONTENT')")
    assert {OLD, b"", b"NEW CONTENT", bytes(11)} <= found


def names(trees: set[lostwrites.Tree]) -> set[tuple[str, ...]]:
    return {tuple(name for name, _ in tree) for tree in trees}


SYNC = "os.fsync(os.open(d, os.O_RDONLY))"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("os.rename(f, d + '/g')", {("f",), ("g",)}),
        (f"os.rename(f, d + '/g'); {SYNC}", {("g",)}),
        ("os.rename(f, d + '/g'); os.fsync(fd)", {("f",), ("g",)}),
        ("os.rename(f, d + '/g'); os.fdatasync(os.open(d, os.O_RDONLY))", {("f",), ("g",)}),
        (f"os.link(f, d + '/g'); {SYNC}", {("f", "g")}),
        (f"os.link(f, d + '/g'); {SYNC}; os.rename(f, d + '/g')", {("f", "g")}),
        ("os.unlink(f)", {("f",), ()}),
        (f"os.unlink(f); {SYNC}", {()}),
        (f"os.mkdir(d + '/g'); {SYNC}", {("f", "g")}),
        ("os.mkdir(d + '/g'); os.unlink(f)", {("f",), (), ("f", "g"), ("g",)}),
        (f"{SYNC}; os.unlink(f)", {("f",), ()}),
        ("os.close(os.open(d + '/g', os.O_WRONLY | os.O_CREAT)); os.fsync(fd)", {("f",), ("f", "g")}),
    ],
)
def test_names(tmp_path: Path, program: str, expected: set[tuple[str, ...]]) -> None:
    """Durable are the changes before an fsync of the directory; later ones may be kept while earlier ones are lost."""
    assert names(left(tmp_path / "d", program)) == expected


def test_what_has_lost_its_name_is_still_there(tmp_path: Path) -> None:
    """Whoever reads the card itself finds it, as far as it was not written over, durably."""
    for program, expected in (
        (f"os.unlink(f); {SYNC}", {(OLD,)}),
        (f"os.pwrite(fd, b'new', 0); os.unlink(f); {SYNC}", {(OLD,), (NEW,)}),
        (f"os.pwrite(fd, b'new', 0); os.fsync(fd); os.unlink(f); {SYNC}", {(NEW,)}),
    ):
        disk, steps = played(tmp_path / str(len(program)), program)
        assert {remains.unnamed for remains in lostwrites.after_power_cut(disk, steps)} == expected, program


def test_a_reader_sees_what_was_not_synced(tmp_path: Path) -> None:
    """While the power is on, after each step."""
    disk, steps = played(tmp_path / "d", "os.pwrite(fd, b'new', 0); os.rename(f, d + '/g')")
    assert [lostwrites.as_seen(disk, steps[:end]) for end in range(3)] == [
        (("f", OLD),),
        (("f", NEW),),
        (("g", NEW),),
    ]


@pytest.mark.parametrize(
    "program",
    [
        "os.open(f, os.O_WRONLY | os.O_SYNC)",
        "os.writev(fd, [b'a', b'b'])",
        "os.dup(fd)",
        "os.copy_file_range(fd, os.open(d + '/g', os.O_WRONLY | os.O_CREAT), 1)",
        "import mmap; mmap.mmap(fd, 1)",
        "os.rmdir(os.mkdir(d + '/g') or d + '/g')",
        "os.symlink('f', d + '/g')",
        "os.sync()",
        "os.unlink('f', dir_fd=os.open(d, os.O_RDONLY))",
    ],
)
def test_what_it_has_no_model_of_is_refused(tmp_path: Path, program: str) -> None:
    """A call that is passed over would make a proof of nothing."""
    with pytest.raises(AssertionError, match="no model of"):
        played(tmp_path / "d", program)


def test_too_much_is_refused(tmp_path: Path) -> None:
    """Rather than tried for days."""
    with pytest.raises(AssertionError, match="too much is not synced"):
        contents(tmp_path / "d", f"os.pwrite(fd, b'n' * {20 * SECTOR}, 0)", b"o" * 20 * SECTOR)


def test_a_tree_is_laid_out_as_it_is(tmp_path: Path) -> None:
    """On a real disk again."""
    tree: lostwrites.Tree = (("a", None), ("a/f", OLD), ("g", b""))
    directory = lostwrites.lay_out(tree, tmp_path / "d")
    disk = lostwrites.Disk(directory)
    assert lostwrites.as_seen(disk, []) == tree


def fails(function: Callable[[], object]) -> bool:
    try:
        function()
    except OSError:
        return True
    return False


def test_a_call_that_failed_did_nothing(tmp_path: Path) -> None:
    """An injected failure is one."""
    (tmp_path / "f").write_bytes(OLD)
    disk = lostwrites.Disk(tmp_path)
    steps = lostwrites.record(disk, partial(fails, partial(os.unlink, tmp_path / "f")), ["?unlink,unlinkat:error=EIO"])
    assert steps == []
    assert fails(partial(os.unlink, tmp_path / "none"))
