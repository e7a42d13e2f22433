"""Read the kernel's list of mounts (proc(5), mountinfo), and find the mount of a path. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from ..fast_start.fast_dataclasses import dataclass

_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """Hold one line: `root` is the part of the file system that is mounted, `device` its number (`8:1`).

    `options` are those of this mount, `super_options` those of the file system, in which an overlay names its layers.
    """

    number: int
    parent: int
    device: str
    root: str
    point: str
    kind: str
    source: str
    options: tuple[str, ...] = ()
    super_options: tuple[str, ...] = ()

    @property
    def read_only(self) -> bool:
        """Say whether the mount is read-only."""
        return "ro" in self.options or "ro" in self.super_options

    def option(self, name: str) -> str | None:
        """Return the value of an option of the file system."""
        values = (option.partition("=") for option in self.super_options)
        return next((value for key, equals, value in values if key == name and equals), None)


def parse(text: str) -> tuple[Mount, ...]:
    """Return the mounts, in the order of the kernel: a later one may cover an earlier one."""
    return tuple(_parse_lines(text))


def _parse_lines(text: str) -> Iterator[Mount]:
    for line in text.split("\n"):
        left, separator, right = line.partition(" - ")
        # An empty source leaves two blanks; a blank in a name is written \040.
        fields, device = left.split(" "), right.split(" ")
        if not separator or len(fields) < 6 or len(device) < 3:
            continue
        if not fields[0].isdecimal() or not fields[1].isdecimal():
            continue
        yield Mount(
            number=int(fields[0]),
            parent=int(fields[1]),
            device=fields[2],
            root=unescape(fields[3]),
            point=unescape(fields[4]),
            kind=device[0],
            source=unescape(device[1]),
            options=tuple(fields[5].split(",")),
            super_options=tuple(unescape(option) for option in _options(" ".join(device[2:]))),
        )


def _options(text: str) -> list[str]:
    # An overlay writes a comma in a name of a layer as `\,`.
    return [option.replace("\\,", ",") for option in re.split(r"(?<!\\),", text)]


def unescape(text: str) -> str:
    """Replace the octal escapes that the kernel writes for blanks, tabs, line ends and backslashes."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), text)


def holder(mounts: tuple[Mount, ...], path: str) -> Mount | None:
    """Return the mount of a path without symbolic links: walk down as the kernel does.

    From the root, each step goes to the mount that covers the shortest part of the path, so a mount on `/data` hides an
    earlier one on `/data/iot`. Two mounts on one point are parent and child.
    """
    numbers = {mount.number for mount in mounts}
    tops = [mount for mount in mounts if mount.point == "/" and mount.parent not in numbers - {mount.number}]
    if not tops:
        # The root is not a mount of its own (chroot): the longest mount point is the best guess, and the later one of
        # two.
        above = [mount for mount in mounts if _covers(mount.point, path)]
        return max(reversed(above), key=lambda mount: len(mount.point), default=None)
    found, seen = tops[-1], {tops[-1].number}
    while True:
        below = [
            mount
            for mount in mounts
            if mount.parent == found.number and mount.number not in seen and _covers(mount.point, path)
        ]
        if not below:
            return found
        found = min(below, key=lambda mount: len(mount.point))
        seen.add(found.number)


def _covers(point: str, path: str) -> bool:
    return PurePosixPath(path).is_relative_to(point)
