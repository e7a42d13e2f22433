"""Join the lists of all files, each entry with its file and line. Pure; not loaded if no list is set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..fast_start.fast_dataclasses import dataclass
from .problems import Problem, Problems
from .schema import EntryRules, ListRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Hold one entry of a list: its file and line, its path (`subdevices[3]`), and its value as its rule reads it.

    `keys` and `lines` are the keys that an entry sets if it is a mapping, and the line of each.
    """

    file: str
    line: int
    path: str
    value: Any
    keys: Mapping[str, Any]
    lines: Mapping[str, int]

    @property
    def place(self) -> str:
        """Return its file and line in the form that editors open."""
        return f"{self.file}:{self.line}"


def joined(entries: Iterable[Entry], rule: ListRule, problems: Problems) -> list[Entry]:
    """Return the entries of one list without those that repeat an earlier one; a forbidden repetition is a problem."""
    groups = rule.entry.unique if isinstance(rule.entry, EntryRules) else None
    first: dict[Any, Entry] = {}
    kept: list[Entry] = []
    for entry in entries:
        if groups is None:
            if first.setdefault(entry.value, entry) is entry:
                kept.append(entry)
            continue
        repeated = False
        for group in groups:
            values = (group, *(entry.keys[key] for key in group))
            earlier = first.setdefault(values, entry)
            if earlier is not entry:
                repeated = True
                problems.add(_repeated(entry, earlier, group))
        if not repeated:
            kept.append(entry)
    return kept


def listing(entries: Mapping[str, Sequence[Entry]], rules: Mapping[str, ListRule]) -> list[str]:
    """Return lines that show joined lists to a person: each entry by what makes it unique, with its file and line."""
    lines: list[str] = []
    for key, found in entries.items():
        if not found:
            continue
        shown = [_shown(entry, rules[key]) for entry in found]
        width = max(map(len, shown))
        lines.append(f"{key}: {len(found)} {'entry' if len(found) == 1 else 'entries'}")
        lines += [f"  {text:{width}}  {entry.place}" for text, entry in zip(shown, found, strict=True)]
    return lines


def _repeated(entry: Entry, earlier: Entry, group: tuple[str, ...]) -> Problem:
    name = group[0]
    shown = " and ".join(f"{key} {entry.keys[key]}" for key in group)
    return Problem(
        file=entry.file,
        line=entry.lines.get(name, entry.line),
        key=f"{entry.path}.{name}",
        problem=f"{shown} is already at {earlier.file}:{earlier.lines.get(name, earlier.line)}",
        hint="remove one of the two",
    )


def _shown(entry: Entry, rule: ListRule) -> str:
    if isinstance(rule.entry, EntryRules) and rule.entry.unique:
        return ", ".join(str(entry.keys[key]) for key in rule.entry.unique[0])
    return str(entry.value)
