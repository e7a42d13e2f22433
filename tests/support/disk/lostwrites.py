"""A disk that loses what was not synced: every state that a power cut may leave, made from a trace of system calls.

The rules are harsher than those of any one file system. A write that was not synced may be lost, cut in half or turned
into zeros. A change of a directory that was not synced may be lost while later ones are kept; a rename is one change.
A sync of a file says nothing of its name, and a sync of a directory nothing of what its files hold.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from .store_driver import BEGIN, END

Inode = bytes | dict[str, int]
Tree = tuple[tuple[str, bytes | None], ...]
_CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)", re.MULTILINE)
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Renaming:
    """Entries of one directory that change together: a name and what it leads to, or None."""

    directory: int
    entries: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Writing:
    """Bytes added to a file."""

    file: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Syncing:
    """An fsync, of a file or a directory."""

    inode: int


Step = Renaming | Writing | Syncing


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


class _Reader:
    """Follow the store through its system calls: what each name and descriptor leads to at that moment."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._names = {number: dict(entries) for number, entries in disk.directories.items()}
        self._opened: dict[int, int] = {}
        self.steps: list[Step] = []

    def take(self, call: str, arguments: str, result: int) -> None:
        """Note what a call that succeeded did to the disk."""
        texts = [ast.literal_eval(f'b"{text}"') for text in _TEXT.findall(arguments)]
        paths = [self._at(text.decode()) for text in texts] if "AT_FDCWD" in arguments or arguments[0] == '"' else []
        match call.removesuffix("at2").removesuffix("at"):
            case "open":
                if "O_CREAT" in arguments and self._inode(paths[0]) is None:
                    self._change(paths[0][0], (paths[0][1], self._disk.new_file()))
                self._opened[result] = self._inode(paths[0]) or self._disk.top
            case "write":
                self.steps.append(Writing(self._opened[_descriptor(arguments)], texts[0][:result]))
            case "fsync":
                self.steps.append(Syncing(self._opened[_descriptor(arguments)]))
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
                self._change(directory, (old, None), (new, self._inode(paths[0])))
            case "read" | "pread64" | "chmod" | "fchmod" | "fchown":
                return
            case _:
                raise AssertionError(f"no model of {call}")

    def _at(self, path: str) -> tuple[int, str]:
        number = self._disk.top
        *above, name = Path(path).relative_to(self._disk.root).parts or ("",)
        for part in above:
            number = self._names[number][part]
        return number, name

    def _inode(self, at: tuple[int, str]) -> int | None:
        return self._names[at[0]].get(at[1])

    def _change(self, directory: int, *changes: tuple[str, int | None]) -> None:
        self.steps.append(Renaming(directory, changes))
        self._names[directory] = _applied(self._names[directory], [Renaming(directory, changes)])


def _descriptor(arguments: str) -> int:
    return int(arguments.partition(",")[0])


def steps(disk: Disk, trace: str) -> list[Step]:
    """Return what the store did to the disk, in order; calls that failed did nothing."""
    reader = _Reader(disk)
    inside = trace[trace.index(BEGIN) : trace.index(END)]
    for call, arguments, result in _CALL.findall(inside):
        if int(result) >= 0:
            reader.take(call, arguments, int(result))
    return reader.steps


def after_power_cuts(disk: Disk, done: Sequence[Step]) -> Iterator[Tree]:
    """Give every tree that a power cut after these steps may leave; `None` stands for a directory."""
    files = dict(disk.files)
    directories = dict(disk.directories)
    writes: dict[int, bytes] = defaultdict(bytes)
    changes: dict[int, list[Renaming]] = defaultdict(list)
    for step in done:
        match step:
            case Writing(file=file, data=data):
                writes[file] += data
            case Renaming(directory=directory):
                changes[directory].append(step)
            case Syncing(inode=inode) if inode in files:
                files[inode] += writes.pop(inode, b"")
            case Syncing(inode=inode):
                directories[inode] = _applied(directories[inode], changes.pop(inode, []))
    choices: dict[int, list[Inode]] = {}
    choices |= {key: [files[key] + kept for kept in _kept(data)] for key, data in writes.items()}
    choices |= {
        key: [_applied(directories[key], kept) for kept in _subsets(pending)] for key, pending in changes.items()
    }
    seen: set[Tree] = set()
    for chosen in product(*choices.values()):
        held: dict[int, Inode] = {**files, **directories, **dict(zip(choices, chosen, strict=True))}
        tree = tuple(sorted(_walk(held, disk.top, "")))
        if tree not in seen:
            seen.add(tree)
            yield tree


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


def _kept(data: bytes) -> set[bytes]:
    return {b"", data[: len(data) // 2], bytes(len(data)), data}


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


def _walk(held: dict[int, Inode], number: int, name: str) -> Iterator[tuple[str, bytes | None]]:
    inode = held[number]
    if isinstance(inode, bytes):
        yield name, inode
        return
    if name:
        yield name, None
    for entry, below in inode.items():
        yield from _walk(held, below, f"{name}/{entry}" if name else entry)
