"""What is wrong, in one line, and whether it may pass."""

from __future__ import annotations

import pytest

from iot_onboard.config.problems import FILE, MORE, BadName, ConfigError, MissingFact, Problem, Problems, file_problem

BAD = Problem(file="f", line=2, key="k", problem="is bad")


def test_a_problem_with_and_without_a_hint() -> None:
    """File and line as editors take them; the brackets come with the hint."""
    assert str(BAD) == "f:2: k: is bad"
    assert str(Problem(file="f", line=2, key="k", problem="is bad", hint="mend it")) == "f:2: k: is bad (mend it)"


def test_a_file_as_a_whole() -> None:
    """It stands at its first line, unless somebody knows better."""
    assert str(file_problem("f", "is a pipe")) == "f:1: (file): is a pipe"
    found = file_problem("f", "is not YAML", line=7, hint="use blanks")
    assert (found.key, found.line, str(found)) == (FILE, 7, "f:7: (file): is not YAML (use blanks)")


@pytest.mark.parametrize("unread", [False, True])
def test_an_error_carries_every_problem(unread: bool) -> None:
    """In one line where it is printed as it is; one file that could not be read may make the whole of it pass."""
    error = ConfigError((BAD, file_problem("g", "cannot be read: Input/output error", unread=unread)))
    assert str(error) == "f:2: k: is bad; g:1: (file): cannot be read: Input/output error"
    assert error.unread is unread
    assert not ConfigError((BAD,)).unread


def test_what_may_pass_is_told_from_what_may_not() -> None:
    """Whoever catches the one does not catch the other: a missing fact is waited for, a bad name ends the service."""
    kinds = (ConfigError, MissingFact, BadName)
    assert not [(one, other) for one in kinds for other in kinds if one is not other and issubclass(one, other)]


def bad(file: str, line: int, problem: str = "is bad") -> Problem:
    return Problem(file=file, line=line, key=f"k{line}", problem=problem)


def test_the_first_problems_are_listed_and_the_rest_counted() -> None:
    """Twenty of one file, so that those of others are seen too, and one line at the end for all others."""
    problems = Problems([bad("f", 0)])
    for line in range(1, 1000):
        problems.add_described("f", line, f"k{line}", lambda line=line: bad("f", line))  # type: ignore[misc]
    problems.add(bad("g", 1))
    *listed, more = problems.listed()
    assert listed == [*(bad("f", line) for line in range(20)), bad("g", 1)]
    assert str(more) == "f:20: (more): 980 more problems; the first is here (correct those above first)"
    assert (more.key, more.count, len(problems)) == (MORE, 980, 1001)
    assert problems.keys == {f"k{line}" for line in range(1000)}


def test_problems_of_many_files() -> None:
    """Sixty in all are listed; what may pass of the others is not lost."""
    problems = Problems(bad(f"{number}", 1) for number in range(60))
    assert len(problems.listed()) == 60
    problems.add(bad("x", 1))
    assert str(problems.listed()[-1]) == "x:1: (more): 1 more problem (correct those above first)"
    assert not ConfigError(problems.listed()).unread
    problems.add(Problem(file="y", line=1, key=FILE, problem="cannot be read", unread=True, temporary=True))
    problems.add(bad("z", 1))
    error = ConfigError(problems.listed())
    assert (len(error.problems), error.unread, error.temporary) == (61, True, True)


def test_what_is_not_listed_is_not_described() -> None:
    """A description looks for what may have been meant, and that takes a millisecond."""
    described: list[int] = []

    def describe() -> Problem:
        described.append(1)
        return BAD

    problems = Problems()
    for _ in range(100):
        problems.add_described(BAD.file, BAD.line, BAD.key, describe)
    assert len(described) == 20


def test_a_long_problem_is_cut() -> None:
    """It is a line in the journal."""
    problems = Problems([bad("f", 1, "x" * 400), bad("f", 2, "x" * 401)])
    assert [problem.problem for problem in problems.listed()] == ["x" * 400, "x" * 397 + "..."]
