"""Fail or kill the store's process at one chosen system call, by strace."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from . import tracing, writers
from .tracing import Call, why_no_strace

__all__ = ["Call", "Outcome", "calls", "run", "why_no_strace"]

# The question mark: not every processor knows every name.
TRACED = (
    "?open,openat,read,pread64,write,fsync,?link,linkat,?rename,renameat,?renameat2,?unlink,unlinkat,?mkdir,mkdirat,"
    "?chmod,fchmod,fchown"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`answer` is None where the process was killed."""

    answer: dict[str, Any] | None


def _traced(action: str, directory: Path, secret: str, inject: str | None) -> tracing.Traced:
    return tracing.run(partial(writers.use_store, action, directory, secret), TRACED, [inject] if inject else [])


def run(action: str, directory: Path, secret: str = "", inject: str | None = None) -> Outcome:
    """Do one thing with a store under strace, with at most one injection."""
    traced = _traced(action, directory, secret, inject)
    if inject:
        # Counts hold only as long as the interpreter starts with the same calls each time.
        assert traced.began, f"{inject} hit before the store's work"
        hit = traced.injected if "signal=SIGKILL" not in inject else not traced.ended
        assert hit, f"{inject} met none of the store's calls: {[str(call) for call in traced.calls]}"
    return Outcome(answer=traced.answer)


def calls(action: str, directory: Path, secret: str = "") -> list[Call]:
    """Do the action once, and return the store's own system calls."""
    traced = _traced(action, directory, secret, None)
    assert traced.answer is not None
    assert "fault" not in traced.answer, traced.answer
    return list(traced.calls)
