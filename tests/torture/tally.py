"""What an attack found, as one row of the table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_COLUMNS = ("attack", "tried", "survived", "lost secrets", "stuck devices", "invariants broken")
_MAX_NOTES = 20


@dataclass(slots=True, kw_only=True)
class Tally:
    """Count what was tried; `notes` hold what went wrong, `facts` what else is worth a line."""

    attack: str
    tried: int = 0
    survived: int = 0
    lost: int = 0
    stuck: int = 0
    broken: int = 0
    notes: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Say whether nothing was lost, stuck or broken, and whether anything was tried at all."""
        return self.tried > 0 and not (self.lost or self.stuck or self.broken)

    def survive(self) -> None:
        """Count one that went well."""
        self.tried += 1
        self.survived += 1

    def fail(self, kind: str, note: str) -> None:
        """Count one that did not: `lost`, `stuck` or `broken`."""
        self.tried += 1
        setattr(self, kind, getattr(self, kind) + 1)
        self.notes.append(f"{kind}: {note}")

    def check(self, holds: bool, note: str) -> None:
        """Count one that is good or an invariant broken."""
        if holds:
            self.survive()
        else:
            self.fail("broken", note)

    def add(self, other: Tally) -> None:
        """Take another's counts in."""
        for name in ("tried", "survived", "lost", "stuck", "broken"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.notes += other.notes
        self.facts += other.facts


def joined(attack: str, parts: Iterable[Tally]) -> Tally:
    """Return one tally of many."""
    whole = Tally(attack=attack)
    for part in parts:
        whole.add(part)
    return whole


def table(tallies: Iterable[Tally]) -> str:
    """Return the rows as a table in Markdown."""
    rows = [
        (t.attack, *(f"{number:,}" for number in (t.tried, t.survived, t.lost, t.stuck, t.broken))) for t in tallies
    ]
    widths = [max(len(row[column]) for row in [_COLUMNS, *rows]) for column in range(len(_COLUMNS))]

    def line(cells: tuple[str, ...]) -> str:
        first, *rest = zip(cells, widths, strict=True)
        return f"| {first[0]:<{first[1]}} | " + " | ".join(f"{cell:>{width}}" for cell, width in rest) + " |"

    ruler = "|" + "|".join("-" * (width + 1) + (":" if at else "-") for at, width in enumerate(widths)) + "|"
    return "\n".join([line(_COLUMNS), ruler, *map(line, rows)])


def remarks(tally: Tally) -> list[str]:
    """Return the lines that stand below the table for one attack."""
    notes = [f"! {note}" for note in tally.notes[:_MAX_NOTES]]
    more = len(tally.notes) - _MAX_NOTES
    return [*tally.facts, *notes, *([f"! and {more} more"] if more > 0 else [])]
