"""The problems of a configuration or a device name, and their exceptions. Pure, and quick to import."""

from __future__ import annotations

from ..core.failures import is_temporary
from ..fast_start.fast_dataclasses import dataclass, replace

FILE = "(file)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Say what is wrong, where, and how to correct it."""

    file: str
    line: int
    key: str
    problem: str
    hint: str = ""
    # The file itself may be correct.
    unread: bool = False
    # It may become readable soon.
    temporary: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.problem}" + (f" ({self.hint})" if self.hint else "")


def file_problem(name: str, problem: str, *, line: int = 1, hint: str = "", unread: bool = False) -> Problem:
    """Return a problem of a whole file: then its keys are unknown."""
    return Problem(file=name, line=line, key=FILE, problem=problem, hint=hint, unread=unread)


def unreadable(name: str, error: OSError) -> Problem:
    """Say that a file cannot be read; where it is not there, nothing is unread."""
    unread = not isinstance(error, FileNotFoundError)
    problem = file_problem(name, f"cannot be read: {error.strerror}", unread=unread)
    return replace(problem, temporary=is_temporary(error))


class ConfigError(Exception):
    """Carry every problem of the configuration."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems

    @property
    def unread(self) -> bool:
        """Say whether an existing file could not be read: it may be correct, and readable later."""
        return any(problem.unread for problem in self.problems)

    @property
    def temporary(self) -> bool:
        """Say whether a file could not be read because of a temporary error."""
        return any(problem.temporary for problem in self.problems)


class MissingFact(Exception):
    """Say which fact for the device name the hardware does not give (now: an interface may appear later)."""


class BadName(Exception):
    """Say why the platform would not accept the device name."""
