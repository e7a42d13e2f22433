"""What is wrong, in one line, and whether it may pass."""

from __future__ import annotations

import pytest

from iot_onboard.config.problems import FILE, BadName, ConfigError, MissingFact, Problem, file_problem

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
