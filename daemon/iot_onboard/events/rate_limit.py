"""Tell a trouble at once, and then less and less often: which lines an operator sees, and which stay at debug level.

Pure: a memory and one occurrence in, a memory and a verdict out. What it promises, for any sequence and any pace:

- A cause that was not told within the last hour is told at once.
- While it lasts it is told again after 1, 12, 20 and then every 30 minutes, with a count: at most `MOST_OF_A_CAUSE`
  lines of one cause in any hour, and `MOST_LINES` of all of them.
- Where another line was told since, the cause that holds now is told again after 12 minutes at the latest, so that the
  last line is never wrong for long.
- No hour in trouble is silent: `remind_at` says when to speak though nothing happens.
- "Online" is told where a trouble was told before it; a link that flaps does not fill the journal with good news.
"""

from __future__ import annotations

import re

from ..fast_start.fast_dataclasses import dataclass, replace
from .model import Kind

# Since the line before of the same cause: after the first line, the second, and so on.
GAPS_S = (60.0, 720.0, 1200.0, 1800.0)
# The same, where another line came between. Six lines fit into an hour: 0, 1, 13, 25, 37 and 49 minutes.
AGAIN_S = 720.0
MOST_OF_A_CAUSE = 6
# Causes that are new each time must not fill the journal either.
MOST_LINES = 24
# Less than an hour, for the loop may be a little late.
SILENCE_S = 3300.0
_HOUR_S = 3600.0
_MOST_UNTOLD = 32
_ALL_IS_WELL = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """Hold what is known of one cause; times are monotonic seconds. It is forgotten after an hour without it."""

    cause: str
    began_at: float
    heard_at: float
    told_at: float = float("-inf")
    times: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Hold what was told; `said` is the cause that was told last, `trouble` the one that holds now."""

    spells: tuple[Spell, ...] = ()
    begun: frozenset[str] = frozenset()
    said: str | None = None
    trouble: str | None = None
    lines_at: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Say whether a line is told, how often its cause was met, and for how long by now."""

    tell: bool
    times: int = 1
    lasts_s: float = 0.0


def cause_of(event: str, cause: str, detail: str) -> str:
    """Name what repeats: addresses, ports and numbers in the detail do not make another cause."""
    words = ("#" if re.search(r"\d", word) else word for word in detail.split())
    return " ".join((event, cause, *words))


def hear(memory: Memory, kind: Kind, cause: str, now_s: float) -> tuple[Memory, Verdict]:
    """Decide about a line, and remember it."""
    match kind:
        case Kind.NOTE:
            return memory, Verdict(tell=True)
        case Kind.PROGRESS:
            return replace(memory, said=None, trouble=None), Verdict(tell=True)
        case Kind.ATTEMPT:
            return replace(memory, begun=memory.begun | {cause}), Verdict(tell=cause not in memory.begun)
        case Kind.RECOVERY:
            known = memory.said == _ALL_IS_WELL
            return replace(memory, said=_ALL_IS_WELL, trouble=None), Verdict(tell=not known)
        case Kind.TROUBLE:
            return _hear_trouble(memory, cause, now_s)


def remind_at(memory: Memory) -> float | None:
    """Return when the trouble that holds now is to be told though nothing happens, or `None` where all is well."""
    spell = _find(memory, memory.trouble)
    if spell is None:
        return None
    may_at = _may_be_told_at(memory, spell)
    return may_at if memory.said != spell.cause else max(may_at, spell.told_at + SILENCE_S)


def remind(memory: Memory, now_s: float) -> tuple[Memory, Verdict]:
    """Tell the trouble that holds now, once `remind_at` has come."""
    at, spell = remind_at(memory), _find(memory, memory.trouble)
    if at is None or spell is None or now_s < at:
        return memory, Verdict(tell=False)
    return _tell(memory, spell, now_s)


def _hear_trouble(memory: Memory, cause: str, now_s: float) -> tuple[Memory, Verdict]:
    memory = _forget(memory, now_s)
    spell = _find(memory, cause) or Spell(cause=cause, began_at=now_s, heard_at=now_s)
    spell = replace(spell, heard_at=now_s, times=spell.times + 1)
    memory = replace(memory, trouble=cause)
    if now_s >= _may_be_told_at(memory, spell):
        return _tell(memory, spell, now_s)
    return _keep(memory, spell), Verdict(tell=False, times=spell.times)


def _may_be_told_at(memory: Memory, spell: Spell) -> float:
    gap_s = GAPS_S[min(spell.lines, len(GAPS_S)) - 1] if spell.lines else 0.0
    if memory.said != spell.cause:
        gap_s = min(gap_s, AGAIN_S)
    room_at = memory.lines_at[-MOST_LINES] + _HOUR_S if len(memory.lines_at) >= MOST_LINES else float("-inf")
    return max(spell.told_at + gap_s, room_at)


def _tell(memory: Memory, spell: Spell, now_s: float) -> tuple[Memory, Verdict]:
    told = replace(spell, told_at=now_s, lines=spell.lines + 1)
    memory = replace(memory, said=spell.cause, lines_at=(*memory.lines_at, now_s)[-MOST_LINES:])
    return _keep(memory, told), Verdict(tell=True, times=spell.times, lasts_s=now_s - spell.began_at)


def _find(memory: Memory, cause: str | None) -> Spell | None:
    return next((spell for spell in memory.spells if spell.cause == cause), None)


def _keep(memory: Memory, spell: Spell) -> Memory:
    others = tuple(other for other in memory.spells if other.cause != spell.cause)
    return replace(memory, spells=(*others, spell))


def _forget(memory: Memory, now_s: float) -> Memory:
    fresh = [spell for spell in memory.spells if max(spell.heard_at, spell.told_at) > now_s - _HOUR_S]
    untold = [spell for spell in fresh if not spell.lines]
    gone = untold[:-_MOST_UNTOLD]
    return replace(memory, spells=tuple(spell for spell in fresh if spell not in gone))
