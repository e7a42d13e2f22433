"""Decide when to start a service again that systemd could not start, and what to log. Pure.

For each failed start systemd logs up to seven lines. So the service is started only when no obstacle is found, and not
again with the same facts: if the check is wrong, the next try comes hours later.
"""

from __future__ import annotations

import enum

from ..fast_start.fast_dataclasses import dataclass, replace

LOOK_S = 20.0
# The first checks come sooner: most starts take a second.
_FIRST_LOOKS_S = (0.5, 1.0, 2.0, 5.0)
MIN_GAP_S = 60.0
# A program that ended by itself counts as running only after this time: it may end seconds after it was ready.
SETTLED_S = 60.0
# A failed mount is tried separately, at growing intervals.
MAX_MOUNT_GAP_S = 3600.0
# Seven lines of a failed start in two hours, or three of a dependency in one: below six an hour, with a repeated line
# of ours.
RETRY_S = 7200.0
RETRY_DEPENDENCY_S = 3600.0
REPEAT_S = 6 * 3600.0
MIN_NEWS_S = 600.0
# After so many checks the journal has systemd's messages.
MIN_LOOKS = 3


class Phase(enum.Enum):
    """Name the state of the service."""

    DOWN = "systemd could not start it"
    STARTING = "it is about to run"
    RUNNING = "it runs"
    UNWANTED = "it is masked or not installed, or it ended as intended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Hold the result of one check.

    `obstacle` is what prevents the start, empty if nothing is found; `is_hopeful`: a start may succeed in spite of it;
    `required`: the states of the required units; `has_run`: systemd ran the program, which ended by itself.
    """

    phase: Phase
    obstacle: str = ""
    is_hopeful: bool = False
    is_dependency: bool = False
    required: str = ""
    has_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Hold what was done and logged since the service failed."""

    looks: int = 0
    began_s: float
    attempts: int = 0
    attempted_s: float | None = None
    attempted_for: str | None = None
    logged_cause: str = ""
    said_s: float = 0.0
    has_run: bool = False
    runs_since_s: float | None = None


class Action(enum.Enum):
    """Name what to do after a check."""

    WAIT = "check again later"
    START = "have systemd start the service"
    LOG = "log what prevents the start"
    RECOVERED = "say that it runs again, and end"
    END = "end without a word"


def decide(memory: Memory, look: Look, cause: str, now_s: float) -> tuple[Memory, Action]:
    """Return what to do; `cause` is the text that would be logged."""
    memory = replace(memory, looks=memory.looks + 1)
    if look.phase is Phase.UNWANTED:
        return memory, Action.END
    if look.phase is Phase.RUNNING:
        return _decide_running(memory, now_s)
    memory = replace(memory, runs_since_s=None)
    if look.phase is Phase.STARTING:
        return memory, Action.WAIT
    memory = replace(memory, has_run=look.has_run)
    if _may_start(memory, look, now_s):
        attempts = memory.attempts + 1
        return replace(memory, looks=1, attempts=attempts, attempted_s=now_s, attempted_for=_key(look)), Action.START
    if not look.is_hopeful and look.obstacle:
        # When the obstacle is gone, the facts differ from those of the last attempt.
        memory = replace(memory, attempted_for=None)
    if memory.looks < MIN_LOOKS:
        return memory, Action.WAIT
    since_s = now_s - memory.said_s
    if not memory.logged_cause or since_s >= REPEAT_S or (memory.logged_cause != cause and since_s >= MIN_NEWS_S):
        return replace(memory, logged_cause=cause, said_s=now_s), Action.LOG
    return memory, Action.WAIT


def gap_s(memory: Memory) -> float:
    """Return how long to wait before the next check."""
    return _FIRST_LOOKS_S[memory.looks - 1] if 0 < memory.looks <= len(_FIRST_LOOKS_S) else LOOK_S


def mount_gap_s(tries: int) -> float:
    """Return how long to wait before a failed mount is tried again, after so many tries."""
    return min(MIN_GAP_S * 2.0 ** min(tries, 10), MAX_MOUNT_GAP_S)


def _decide_running(memory: Memory, now_s: float) -> tuple[Memory, Action]:
    since_s = now_s if memory.runs_since_s is None else memory.runs_since_s
    if memory.has_run and now_s - since_s < SETTLED_S:
        # The attempts stay in memory: otherwise a program that ends soon after it was ready would be started without a
        # delay.
        return replace(memory, runs_since_s=since_s), Action.WAIT
    return memory, Action.RECOVERED if memory.logged_cause else Action.END


def _may_start(memory: Memory, look: Look, now_s: float) -> bool:
    retry_s = RETRY_DEPENDENCY_S if look.is_dependency else RETRY_S
    last_s = memory.began_s if memory.attempted_s is None else memory.attempted_s
    if now_s - last_s >= retry_s:
        return True
    if look.obstacle and not look.is_hopeful:
        return False
    gap_s = 0.0 if memory.attempted_s is None else min(MIN_GAP_S * 2.0 ** min(memory.attempts - 1, 10), RETRY_S)
    return now_s - last_s >= gap_s and (look.has_run or memory.attempted_for != _key(look))


def _key(look: Look) -> str:
    return f"{look.obstacle} {look.is_hopeful} {look.required}"
