"""How a check makes one answer of what its judges find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from iot_onboard.doctor.model import (
    Check,
    Facts,
    Finding,
    Group,
    Probe,
    Result,
    capitalised,
    fail,
    ok,
    require,
    skipped,
    warn,
)

PROBE: Probe[int] = Probe(name="counting", collect=lambda _: 3)
OTHER: Probe[int] = Probe(name="counting on", collect=lambda facts: facts.get(PROBE) + 1, needs=(PROBE,))
GOOD, WELL, SOON = ok("One is good."), ok("Two is well."), warn("Three ends.", "renew it")
BAD, WORSE = fail("Four broke.", "mend it", blocks=False), fail("Five is gone.", "get another")
UNKNOWN, HIDDEN = skipped("Six is not needed."), skipped("Seven is hidden.", "run with sudo", blocks=True)


def found(*findings: Finding | None) -> tuple[Finding, ...]:
    """Return what a check comes to whose judges say this."""
    rules = tuple(lambda _, said=finding: said for finding in findings)
    check: Check[Any] = Check("check", Group.DNS, "about it", PROBE, rules)
    return check.findings(3)


@pytest.mark.parametrize(
    ("said", "comes_to"),
    [
        ((GOOD,), (GOOD,)),
        ((GOOD, None, WELL), (ok("One is good. Two is well."),)),
        ((GOOD, SOON, WELL), (SOON,)),
        ((SOON, GOOD, BAD), (BAD, SOON)),
        ((BAD, SOON, WORSE), (BAD, WORSE, SOON)),
        ((WORSE, BAD, SOON), (WORSE,)),
        ((UNKNOWN, GOOD), (GOOD,)),
        ((UNKNOWN, None), (UNKNOWN,)),
        ((UNKNOWN, SOON), (SOON,)),
        ((HIDDEN, BAD), (HIDDEN,)),
        ((SOON, HIDDEN, BAD), (SOON, HIDDEN)),
    ],
    ids=str,
)
def test_the_worst_comes_first(said: tuple[Finding | None, ...], comes_to: tuple[Finding, ...]) -> None:
    """Nothing that is not well is lost; what is well is one sentence, where all is; what blocks ends it."""
    assert found(*said) == comes_to


def test_what_a_check_comes_to_stands_in_its_result() -> None:
    """The worst is its level; what blocks need not be the worst."""
    check: Check[int] = Check("check", Group.DNS, "about it", PROBE, (lambda _: GOOD,))
    result = Result(check=check, findings=(SOON, HIDDEN))
    assert (result.worst, result.blocking) == (SOON, HIDDEN)
    assert Result(check=check, findings=(BAD, SOON)).blocking is None


def test_facts() -> None:
    """What was brought is there under its probe; what was not is an error, or `None` where it was optional."""
    facts = Facts(Path("/etc/x"), Path("/"), {PROBE: 3})
    assert OTHER.collect(facts) == 4
    assert facts.get_optional(PROBE) == 3
    assert facts.get_optional(OTHER) is None
    with pytest.raises(KeyError):
        facts.get(OTHER)


def test_small_words() -> None:
    """A sentence begins with a capital and keeps the rest; what an earlier check assures is there, or an error."""
    assert (capitalised("reading /etc/X"), capitalised("")) == ("Reading /etc/X", "")
    assert require(0) == 0
    with pytest.raises(ValueError, match="an earlier check"):
        require(None)
