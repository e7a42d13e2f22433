"""What helps against each cause that may mend by itself."""

from __future__ import annotations

import re

import pytest

from iot_onboard.core.advice import Advice, Responsible
from iot_onboard.core.failures import Cause
from iot_onboard.events.causes import CAUSES


def test_every_cause_has_its_own_advice() -> None:
    """None is left out, and no two mean the same."""
    assert set(CAUSES) == set(Cause)
    assert len({advice.meaning for advice in CAUSES.values()}) == len(Cause)


@pytest.mark.parametrize("advice", CAUSES.values(), ids=lambda advice: advice.meaning)
def test_an_advice_fits_where_it_is_put(advice: Advice) -> None:
    """Meaning and cure are clauses of a line; explanation and steps are sentences; what comes next is not "never"."""
    for clause in (advice.meaning, advice.cure):
        assert re.fullmatch(r"(CONNACK|[a-z]).*[^.]", clause), clause
        assert "`" not in clause or clause.count("`") % 2 == 0
    for words in (advice.explanation, *advice.steps):
        assert re.fullmatch(r"[A-Z`].*[.`)]", words), words
    assert advice.steps
    assert advice.then.startswith("the gateway retries")


@pytest.mark.parametrize(
    ("cause", "responsible"),
    [
        (Cause.NETWORK, Responsible.NETWORK),
        (Cause.PROXY, Responsible.NETWORK),
        (Cause.TLS, Responsible.NETWORK),
        (Cause.TLS_DATE, Responsible.GATEWAY),
        (Cause.PLATFORM, Responsible.PLATFORM),
        (Cause.CONNACK, Responsible.CONSOLE),
    ],
)
def test_who_has_to_act(cause: Cause, responsible: Responsible) -> None:
    """The clock is the gateway's affair, the way is the network's, a refusal the console's."""
    assert CAUSES[cause].responsible is responsible


def test_the_clock_is_tried_again_when_it_is_set() -> None:
    """A certificate outside its dates is the one trouble that the time of day ends."""
    assert "at once when the clock is set" in CAUSES[Cause.TLS_DATE].then
