"""Decide when a service that systemd could not start is started again, and what is said of it. Pure.

Each start that fails makes systemd log up to seven lines. So the service is started when nothing is seen in its way,
and not again for the same reason: where a look is wrong, it is tried after hours only.
"""

from __future__ import annotations

import enum

from ..fast_start.fast_dataclasses import dataclass, replace

LOOK_S = 20.0
# At first the looks come sooner: most starts take a second.
_FIRST_LOOKS_S = (0.5, 1.0, 2.0, 5.0)
MIN_GAP_S = 60.0
# A program that ends by itself is known to run again only then: it may end a few seconds after it was ready.
SETTLED_S = 60.0
# A mount that has failed is tried by itself, in growing gaps.
MAX_MOUNT_GAP_S = 3600.0
# Seven lines of a failed start in two hours, three of a dependency in one: with a reminder below six an hour.
RETRY_S = 7200.0
RETRY_DEPENDENCY_S = 3600.0
REPEAT_S = 6 * 3600.0
MIN_NEWS_S = 600.0
# By then the journal has what systemd said.
MIN_LOOKS = 3


class Phase(enum.Enum):
    """Say how the service is, as far as it matters here."""

    DOWN = "systemd could not start it"
    STARTING = "it is about to run"
    RUNNING = "it runs"
    UNWANTED = "it is masked or gone, or its end is no matter of systemd's"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Hold what one look has found.

    `obstacle` is what is in the way, empty where nothing is seen; `is_hopeful`: a start may remove it all the same;
    `required`: how the required units are; `has_run`: systemd came to the program, which ended by itself.
    """

    phase: Phase
    obstacle: str = ""
    is_hopeful: bool = False
    is_dependency: bool = False
    required: str = ""
    has_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Hold what was done and said since the service failed."""

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
    """Say what is to be done after a look."""

    WAIT = "look again later"
    START = "have systemd start the service"
    LOG = "say what is in the way"
    RECOVERED = "say that it runs again, and end"
    END = "end without a word"


def decide(memory: Memory, look: Look, cause: str, now_s: float) -> tuple[Memory, Action]:
    """Return what to do; `cause` is what would be said."""
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
        # Once it is gone, that is another matter than the attempt of before.
        memory = replace(memory, attempted_for=None)
    if memory.looks < MIN_LOOKS:
        return memory, Action.WAIT
    since_s = now_s - memory.said_s
    if not memory.logged_cause or since_s >= REPEAT_S or (memory.logged_cause != cause and since_s >= MIN_NEWS_S):
        return replace(memory, logged_cause=cause, said_s=now_s), Action.LOG
    return memory, Action.WAIT


def gap_s(memory: Memory) -> float:
    """Return how long to wait before the next look."""
    return _FIRST_LOOKS_S[memory.looks - 1] if 0 < memory.looks <= len(_FIRST_LOOKS_S) else LOOK_S


def mount_gap_s(tries: int) -> float:
    """Return how long a mount that has failed is left alone after so many tries of ours."""
    return min(MIN_GAP_S * 2.0 ** min(tries, 10), MAX_MOUNT_GAP_S)


def _decide_running(memory: Memory, now_s: float) -> tuple[Memory, Action]:
    since_s = now_s if memory.runs_since_s is None else memory.runs_since_s
    if memory.has_run and now_s - since_s < SETTLED_S:
        # What was tried is remembered: else a program that ends soon after it was ready is started without a pace.
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
