"""What can be wrong with a configuration or a device name, carried by an exception. Pure, and quick to import."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..core.failures import is_temporary
from ..fast_start.fast_dataclasses import dataclass, replace

FILE = "(file)"
MORE = "(more)"

# A file that a program writes may have thousands of the same mistake: the first ones show what it is.
_MAX_IN_A_FILE = 20
_MAX_IN_ALL = 60
_MAX_CHARACTERS = 400


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
    # How many problems it stands for: several if the rest is not listed.
    count: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.problem}" + (f" ({self.hint})" if self.hint else "")


def file_problem(name: str, problem: str, *, line: int = 1, hint: str = "", unread: bool = False) -> Problem:
    """Return a problem of a whole file: then its keys are unknown."""
    return Problem(file=name, line=line, key=FILE, problem=problem, hint=hint, unread=unread)


def unreadable(name: str, error: OSError) -> Problem:
    """Say that a file cannot be read; a missing file has nothing to read."""
    unread = not isinstance(error, FileNotFoundError)
    problem = file_problem(name, f"cannot be read: {error.strerror}", unread=unread)
    return replace(problem, temporary=is_temporary(error))


class Problems:
    """Collect what is wrong: everything is counted, and as much described as a person reads."""

    def __init__(self, earlier: Iterable[Problem] = ()) -> None:
        self._listed: list[Problem] = []
        self._in_file: dict[str, int] = {}
        self._more: Problem | None = None
        self.keys: set[str] = set()
        for problem in earlier:
            self.add(problem)

    def __len__(self) -> int:
        return len(self._listed) + (self._more.count if self._more is not None else 0)

    def add(self, problem: Problem) -> None:
        """Take one that is described already."""
        self.keys.add(problem.key)
        if self._is_full(problem.file):
            self._omit(problem)
        else:
            self._list(problem)

    def add_described(self, file: str, line: int, key: str, describe: Callable[[], Problem]) -> None:
        """Add a problem; it is described only if it will be listed, because a suggestion costs a millisecond."""
        self.keys.add(key)
        if self._is_full(file):
            self._omit(Problem(file=file, line=line, key=key, problem=""))
        else:
            self._list(describe())

    def listed(self) -> tuple[Problem, ...]:
        """Return the described ones, and after them one that stands for the rest."""
        return (*self._listed, *([self._more] if self._more is not None else []))

    def _is_full(self, file: str) -> bool:
        return self._in_file.get(file, 0) >= _MAX_IN_A_FILE or len(self._listed) >= _MAX_IN_ALL

    def _list(self, problem: Problem) -> None:
        self._in_file[problem.file] = self._in_file.get(problem.file, 0) + 1
        if len(problem.problem) > _MAX_CHARACTERS:
            problem = replace(problem, problem=problem.problem[: _MAX_CHARACTERS - 3] + "...")
        self._listed.append(problem)

    def _omit(self, problem: Problem) -> None:
        before = self._more or replace(problem, key=MORE, hint="correct those above first", count=0)
        count = before.count + problem.count
        self._more = replace(
            before,
            problem=f"{count} more problem{'s' * (count > 1)}{'; the first is here' * (count > 1)}",
            unread=before.unread or problem.unread,
            temporary=before.temporary or problem.temporary,
            count=count,
        )


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
