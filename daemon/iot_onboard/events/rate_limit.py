"""Log a trouble at once, and then less and less often: other lines go to debug level.

Pure: a memory and one occurrence in, a memory and a decision out. What it promises, for any sequence and any pace:

- A cause that was not logged within the last hour is logged at once.
- While it lasts it is logged again after 1, 12, 20 and then every 30 minutes, with a count: at most `MAX_OF_A_CAUSE`
  lines of one cause in any hour, and `MAX_LINES` of all causes.
- If another line was logged since, the present cause is logged again after 12 minutes at the latest, so the last line
  is never wrong for long.
- Trouble is logged at least once an hour: `repeat_at` is the time of the next line if nothing else happens.
- "Online" is logged only after a trouble that was logged: an unstable link does not fill the journal.

Each device has its own memory: the trouble of a sub-device neither silences nor ends the trouble of another device or
of the gateway. Only the gateway's trouble is repeated when nothing else happens. The memory of others is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..core.identity import Identity
from ..fast_start.fast_dataclasses import dataclass, replace
from .model import Kind

# Counted from the last line of the same cause: after the first line, the second, and so on.
GAPS_S = (60.0, 720.0, 1200.0, 1800.0)
# The same if another line came between. Six lines fit into an hour: 0, 1, 13, 25, 37 and 49 minutes.
AGAIN_S = 720.0
MAX_OF_A_CAUSE = 6
# Causes that are new each time must not fill the journal either.
MAX_LINES = 24
# Less than an hour, because the loop may be a little late.
REPEAT_WITHIN_S = 3300.0
_HOUR_S = 3600.0
_MAX_UNLOGGED = 32
# 2,000 sub-devices, and some that were removed. The one without an event for the longest time is forgotten first.
MAX_OTHERS = 2_500
# At most about 2 kB for each. A device with more causes is logged more often, but never above `MAX_LINES`.
MAX_EPISODES_OF_OTHERS = 4
_MAX_CAUSE = 200
_ALL_IS_WELL = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """Hold what is known about one cause; times are monotonic seconds. Forgotten after an hour without the cause."""

    cause: str
    began_at: float
    met_at: float
    logged_at: float = float("-inf")
    times: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Hold what was logged; `logged_cause` is the cause that was logged last, `trouble` the present one."""

    episodes: tuple[Episode, ...] = ()
    begun: frozenset[str] = frozenset()
    logged_cause: str | None = None
    trouble: str | None = None
    lines_at: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Memories:
    """Hold the memory of the gateway and of other devices; the device with the latest event is last."""

    own: Memory = Memory()
    others: Mapping[Identity, Memory] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Say whether to log a line, how often its cause occurred, and for how long."""

    log: bool
    times: int = 1
    lasts_s: float = 0.0


def cause_of(event: str, cause: str, detail: str) -> str:
    """Return the cause of a line: addresses, ports and numbers in the detail do not make another cause."""
    words = ("#" if re.search(r"\d", word) else word for word in detail.split())
    return " ".join((event, cause, *words))


def decide(memory: Memory, kind: Kind, cause: str, now_s: float) -> tuple[Memory, Decision]:
    """Decide about a line, and remember it."""
    match kind:
        case Kind.NOTE:
            return memory, Decision(log=True)
        case Kind.PROGRESS:
            return replace(memory, logged_cause=None, trouble=None), Decision(log=True)
        case Kind.ATTEMPT:
            return replace(memory, begun=memory.begun | {cause}), Decision(log=cause not in memory.begun)
        case Kind.RECOVERY:
            known = memory.logged_cause == _ALL_IS_WELL
            return replace(memory, logged_cause=_ALL_IS_WELL, trouble=None), Decision(log=not known)
        case Kind.TROUBLE:
            return _decide_trouble(memory, cause, now_s)


def decide_about(
    memories: Memories, other: Identity | None, kind: Kind, cause: str, now_s: float
) -> tuple[Memories, Decision]:
    """Decide about a line that is about the gateway itself, or about another device."""
    if other is None:
        own, decision = decide(memories.own, kind, cause, now_s)
        return replace(memories, own=own), decision
    others = dict(memories.others)
    memory, decision = decide(others.pop(other, Memory()), kind, cause[:_MAX_CAUSE], now_s)
    if len(others) >= MAX_OTHERS:
        del others[next(iter(others))]
    others[other] = _bounded(memory, cause[:_MAX_CAUSE])
    return replace(memories, others=others), decision


def _bounded(memory: Memory, cause: str) -> Memory:
    begun = memory.begun if len(memory.begun) <= MAX_EPISODES_OF_OTHERS else frozenset({cause})
    return replace(memory, episodes=memory.episodes[-MAX_EPISODES_OF_OTHERS:], begun=begun)


def repeat_at(memory: Memory) -> float | None:
    """Return when to log the present trouble again if nothing else happens, or `None` without trouble."""
    episode = _find(memory, memory.trouble)
    if episode is None:
        return None
    may_at = _may_be_logged_at(memory, episode)
    return may_at if memory.logged_cause != episode.cause else max(may_at, episode.logged_at + REPEAT_WITHIN_S)


def repeat(memory: Memory, now_s: float) -> tuple[Memory, Decision]:
    """Log the present trouble again if it is time."""
    at, episode = repeat_at(memory), _find(memory, memory.trouble)
    if at is None or episode is None or now_s < at:
        return memory, Decision(log=False)
    return _log(memory, episode, now_s)


def _decide_trouble(memory: Memory, cause: str, now_s: float) -> tuple[Memory, Decision]:
    memory = _forget(memory, now_s)
    episode = _find(memory, cause) or Episode(cause=cause, began_at=now_s, met_at=now_s)
    episode = replace(episode, met_at=now_s, times=episode.times + 1)
    memory = replace(memory, trouble=cause)
    if now_s >= _may_be_logged_at(memory, episode):
        return _log(memory, episode, now_s)
    return _with_episode(memory, episode), Decision(log=False, times=episode.times)


def _may_be_logged_at(memory: Memory, episode: Episode) -> float:
    gap_s = GAPS_S[min(episode.lines, len(GAPS_S)) - 1] if episode.lines else 0.0
    if memory.logged_cause != episode.cause:
        gap_s = min(gap_s, AGAIN_S)
    room_at = memory.lines_at[-MAX_LINES] + _HOUR_S if len(memory.lines_at) >= MAX_LINES else float("-inf")
    return max(episode.logged_at + gap_s, room_at)


def _log(memory: Memory, episode: Episode, now_s: float) -> tuple[Memory, Decision]:
    logged = replace(episode, logged_at=now_s, lines=episode.lines + 1)
    memory = replace(memory, logged_cause=episode.cause, lines_at=(*memory.lines_at, now_s)[-MAX_LINES:])
    return _with_episode(memory, logged), Decision(log=True, times=episode.times, lasts_s=now_s - episode.began_at)


def _find(memory: Memory, cause: str | None) -> Episode | None:
    return next((episode for episode in memory.episodes if episode.cause == cause), None)


def _with_episode(memory: Memory, episode: Episode) -> Memory:
    others = tuple(other for other in memory.episodes if other.cause != episode.cause)
    return replace(memory, episodes=(*others, episode))


def _forget(memory: Memory, now_s: float) -> Memory:
    fresh = [episode for episode in memory.episodes if max(episode.met_at, episode.logged_at) > now_s - _HOUR_S]
    unlogged = [episode for episode in fresh if not episode.lines]
    gone = unlogged[:-_MAX_UNLOGGED]
    return replace(memory, episodes=tuple(episode for episode in fresh if episode not in gone))
