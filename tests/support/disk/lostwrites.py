"""A disk that loses what was not synced: every state that a power cut may leave, made from a trace of system calls.

The rules are harsher than those of any one file system. Of what was written since a file's last sync, each sector is
old or new, and so is the file's length: what was added may be cut in half or be zeros. A change of a directory that was
not synced may be lost while later ones are kept; a rename is one change. A sync of a file says nothing of its name, and
a sync of a directory nothing of what its files hold; fdatasync(2) of a directory promises nothing.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from . import tracing

Inode = bytes | dict[str, int]
Tree = tuple[tuple[str, bytes | None], ...]
SECTOR_BYTES = 512
_MAX_STATES = 4096
_TRACED = "%file,%desc,?sync,?io_uring_enter"
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"(\.\.\.)?')
# What changes neither bytes nor names.
_HARMLESS = {
    "access", "chmod", "chown", "execve", "faccessat", "faccessat2", "fadvise64", "fchmod", "fchmodat", "fchown",
    "fchownat", "fcntl", "flock", "fstat", "fstatfs", "getcwd", "getdents64", "ioctl", "lstat", "newfstatat", "pread64",
    "readlink", "readlinkat", "stat", "statfs", "statx",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Renaming:
    """Entries of one directory that change together: a name and what it leads to, or None."""

    directory: int
    entries: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Writing:
    """What a file holds from then on."""

    file: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Syncing:
    """An fsync of a file or a directory, or an fdatasync of a file."""

    inode: int


Step = Renaming | Writing | Syncing


@dataclass(frozen=True, slots=True)
class Remains:
    """What a power cut leaves: a tree (`None` stands for a directory), and the bytes of files without a name."""

    tree: Tree
    unnamed: tuple[bytes, ...]


class Disk:
    """Hold what is durable: files as bytes, directories as names, each by a number; what nothing names is lost."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[int, bytes] = {}
        self.directories: dict[int, dict[str, int]] = {}
        self._count = 0
        self.top = self._take_in(root)

    def _take_in(self, path: Path) -> int:
        number = self.number()
        if path.is_dir():
            self.directories[number] = {below.name: self._take_in(below) for below in path.iterdir()}
        else:
            self.files[number] = path.read_bytes()
        return number

    def number(self) -> int:
        """Return a new inode's number."""
        self._count += 1
        return self._count

    def new_file(self) -> int:
        """Return the number of a file without bytes."""
        number = self.number()
        self.files[number] = b""
        return number

    def new_directory(self) -> int:
        """Return the number of a directory without entries."""
        number = self.number()
        self.directories[number] = {}
        return number


@dataclass(slots=True)
class _Opened:
    inode: int
    at: int = 0
    appends: bool = False


class _Reader:
    """Follow a process through its system calls: what each name and descriptor leads to at that moment."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._names = {number: dict(entries) for number, entries in disk.directories.items()}
        self._contents = dict(disk.files)
        self._opened: dict[int, _Opened] = {}
        self.steps: list[Step] = []

    def take(self, call: tracing.Call) -> None:
        """Note what a call that succeeded did to the disk; what it did elsewhere is nothing to us."""
        texts = _TEXT.findall(call.arguments)
        assert not any(cut for _, cut in texts), f"too long a text: {call}"
        data = [ast.literal_eval(f'b"{text}"') for text, _ in texts]
        rest = _TEXT.sub('""', call.arguments)
        name = call.name.removesuffix("at2").removesuffix("at")
        if rest.startswith(('"', "AT_FDCWD")):
            paths = [at for at in map(self._at, data) if at is not None]
            if paths:
                self._take_names(name, call, paths, rest)
            elif name == "open":
                # Of another tree, with the number of one of ours that was closed.
                self._opened.pop(call.result, None)
            return
        assert "MAP_SHARED" not in rest or "PROT_WRITE" not in rest, f"no model of {call}"
        number, _, rest = rest.partition(", ")
        opened = self._opened.get(int(number)) if number.isdigit() else None
        if opened is None:
            assert name not in {"sync", "syncfs", "io_uring_enter"}, f"no model of {call}"
            return
        self._take_bytes(name, call, opened, data, [part for part in rest.split(", ") if part])

    def _take_names(self, name: str, call: tracing.Call, paths: list[tuple[int, str]], rest: str) -> None:
        match name:
            case "open":
                assert "SYNC" not in rest, f"no model of {call}"
                assert "O_TMPFILE" not in rest, f"no model of {call}"
                if "O_CREAT" in rest and self._inode(paths[0]) is None:
                    number = self._disk.new_file()
                    self._contents[number] = b""
                    self._change(paths[0][0], (paths[0][1], number))
                inode = self._inode(paths[0]) or self._disk.top
                self._opened[call.result] = _Opened(inode, appends="O_APPEND" in rest)
                if "O_TRUNC" in rest:
                    self._put(inode, b"")
            case "truncate":
                self._resize(self._inode(paths[0]) or self._disk.top, int(rest.rpartition(", ")[2]))
            case "mkdir":
                number = self._disk.new_directory()
                self._names[number] = {}
                self._change(paths[0][0], (paths[0][1], number))
            case "unlink":
                self._change(paths[0][0], (paths[0][1], None))
            case "link":
                self._change(paths[1][0], (paths[1][1], self._inode(paths[0])))
            case "rename":
                (directory, old), (other, new) = paths
                assert directory == other, "not within one directory"
                # rename(2) between two names of one file does nothing.
                if self._inode(paths[0]) != self._inode(paths[1]):
                    self._change(directory, (old, None), (new, self._inode(paths[0])))
            case _:
                assert call.name in _HARMLESS, f"no model of {call}"

    def _take_bytes(
        self, name: str, call: tracing.Call, opened: _Opened, texts: list[bytes], numbers: list[str]
    ) -> None:
        inode = opened.inode
        match name:
            case "read":
                opened.at += call.result
            case "lseek":
                opened.at = call.result
            case "write":
                at = len(self._contents[inode]) if opened.appends else opened.at
                self._overwrite(inode, at, texts[0][: call.result])
                opened.at = at + call.result
            case "pwrite64":
                assert not opened.appends, f"no model of {call}"
                self._overwrite(inode, int(numbers[-1]), texts[0][: call.result])
            case "ftruncate":
                self._resize(inode, int(numbers[-1]))
            case "fallocate":
                assert numbers[0] in {"0", "FALLOC_FL_KEEP_SIZE"}, f"no model of {call}"
                if numbers[0] == "0":
                    self._resize(inode, max(len(self._contents[inode]), int(numbers[1]) + int(numbers[2])))
            case "fsync":
                self.steps.append(Syncing(inode))
            case "fdatasync":
                if inode in self._contents:
                    self.steps.append(Syncing(inode))
            case "close":
                del self._opened[int(call.arguments.partition(",")[0])]
            case _:
                assert call.name in _HARMLESS | {"mmap"}, f"no model of {call}"
                assert not any(number.startswith("F_DUPFD") for number in numbers), f"no model of {call}"

    def _at(self, text: bytes) -> tuple[int, str] | None:
        path = Path(text.decode())
        if not path.is_relative_to(self._disk.root):
            return None
        number = self._disk.top
        *above, name = path.relative_to(self._disk.root).parts or ("",)
        for part in above:
            number = self._names[number][part]
        return number, name

    def _inode(self, at: tuple[int, str]) -> int | None:
        return self._names[at[0]].get(at[1])

    def _change(self, directory: int, *changes: tuple[str, int | None]) -> None:
        self.steps.append(Renaming(directory, changes))
        self._names[directory] = _applied(self._names[directory], [Renaming(directory, changes)])

    def _overwrite(self, inode: int, at: int, data: bytes) -> None:
        before = self._contents[inode].ljust(at, b"\0")
        self._put(inode, before[:at] + data + before[at + len(data) :])

    def _resize(self, inode: int, size: int) -> None:
        self._put(inode, self._contents[inode][:size].ljust(size, b"\0"))

    def _put(self, inode: int, content: bytes) -> None:
        if content != self._contents[inode]:
            self._contents[inode] = content
            self.steps.append(Writing(inode, content))


def record(disk: Disk, function: Callable[[], object], inject: Sequence[str] = ()) -> list[Step]:
    """Let a function work on the disk's tree, and return what it did to it, in order; calls that failed did nothing."""
    traced = tracing.run(function, _TRACED, inject)
    assert traced.ended
    reader = _Reader(disk)
    for call in traced.calls:
        if call.result >= 0:
            reader.take(call)
    return reader.steps


def as_seen(disk: Disk, done: Sequence[Step]) -> Tree:
    """Return the tree that a reader finds after these steps, while the power is on."""
    held: dict[int, Inode] = {key: contents[-1] for key, contents in _contents(disk, done).items()}
    for key, entries in disk.directories.items():
        held[key] = _applied(entries, _changes(key, done))
    return _remains(held, disk.top).tree


def after_power_cut(disk: Disk, done: Sequence[Step]) -> Iterator[Remains]:
    """Give all that a power cut after these steps may leave."""
    choices: dict[int, list[Inode]] = {
        key: list(_torn(held)) for key, held in _contents(disk, done, synced=True).items()
    }
    for key, entries in disk.directories.items():
        synced = max((at + 1 for at, step in enumerate(done) if step == Syncing(key)), default=0)
        durable = _changes(key, done[:synced])
        choices[key] = [_applied(entries, [*durable, *kept]) for kept in _subsets(_changes(key, done[synced:]))]
    assert math.prod(map(len, choices.values())) <= _MAX_STATES, "too much is not synced"
    seen: set[Remains] = set()
    for chosen in product(*choices.values()):
        remains = _remains(dict(zip(choices, chosen, strict=True)), disk.top)
        if remains not in seen:
            seen.add(remains)
            yield remains


def lay_out(tree: Tree, directory: Path) -> Path:
    """Write a tree to a real directory."""
    directory.mkdir()
    for name, data in tree:
        if data is None:
            (directory / name).mkdir(mode=0o700)
        else:
            (directory / name).write_bytes(data)
            (directory / name).chmod(0o600)
    return directory


def _changes(directory: int, done: Sequence[Step]) -> list[Renaming]:
    return [step for step in done if isinstance(step, Renaming) and step.directory == directory]


def _contents(disk: Disk, done: Sequence[Step], *, synced: bool = False) -> dict[int, list[bytes]]:
    """Return what each file held, the oldest first; with `synced`, from its last sync on."""
    held = {key: [content] for key, content in disk.files.items()}
    for step in done:
        if isinstance(step, Writing):
            held[step.file].append(step.content)
        elif isinstance(step, Syncing) and synced and step.inode in held:
            held[step.inode] = held[step.inode][-1:]
    return held


def _torn(held: Sequence[bytes]) -> set[bytes]:
    """Return what may be left of a file that held all this since it was synced."""
    durable = len(held[0])
    lengths = {len(content) for content in held}
    lengths |= {(durable + length) // 2 for length in lengths if length > durable}
    sectors = [
        {content[at : at + SECTOR_BYTES].ljust(SECTOR_BYTES, b"\0") for content in held}
        for at in range(0, max(lengths), SECTOR_BYTES)
    ]
    assert math.prod(map(len, sectors)) <= _MAX_STATES, "too much is not synced"
    return {b"".join(chosen)[:length] for chosen in product(*sectors) for length in lengths}


def _subsets(pending: list[Renaming]) -> Iterator[list[Renaming]]:
    for mask in product((False, True), repeat=len(pending)):
        yield [change for change, kept in zip(pending, mask, strict=True) if kept]


def _applied(entries: dict[str, int], kept: list[Renaming]) -> dict[str, int]:
    result = dict(entries)
    for change in kept:
        for name, number in change.entries:
            result.pop(name, None)
            if number is not None:
                result[name] = number
    return result


def _remains(held: dict[int, Inode], top: int) -> Remains:
    named: set[int] = set()
    tree = tuple(sorted(_walk(held, top, "", named)))
    unnamed = (held[key] for key in sorted(held.keys() - named))
    return Remains(tree, tuple(data for data in unnamed if isinstance(data, bytes) and data))


def _walk(held: dict[int, Inode], number: int, name: str, named: set[int]) -> Iterator[tuple[str, bytes | None]]:
    named.add(number)
    inode = held[number]
    if isinstance(inode, bytes):
        yield name, inode
        return
    if name:
        yield name, None
    for entry, below in inode.items():
        yield from _walk(held, below, f"{name}/{entry}" if name else entry, named)
