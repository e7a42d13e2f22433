"""What is reported, and what is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.lifecycle import report_rules as rules
from iot_onboard.lifecycle.report_rules import Progress, Report

NOW_S = 5000.0
NOTHING = rules.reports_of(None, NOW_S)


def test_reports_go_out_one_after_the_other() -> None:
    """Each once a session, and none that the platform has."""
    assert rules.next_report(NOTHING, frozenset(), NOW_S) == (Report.VERSION, NOW_S)
    assert rules.next_report(NOTHING, frozenset({Report.VERSION}), NOW_S) == (Report.TAGS, NOW_S)
    assert rules.next_report(NOTHING, frozenset(Report), NOW_S) is None
    logged = rules.acknowledged(NOTHING, Report.VERSION)
    assert rules.next_report(logged, frozenset(), NOW_S) == (Report.TAGS, NOW_S)
    assert not rules.is_done(logged)
    assert rules.is_done(rules.acknowledged(logged, Report.TAGS))


@given(st.sampled_from(Report), st.floats(0.0, 1.0, exclude_max=True))
def test_two_sessions_lost_over_a_report_leave_it_out_for_a_day(report: Report, chance: float) -> None:
    """The other one follows when a session has lasted a minute; a try after a day is one a day."""
    reports = rules.lost_over(NOTHING, report, NOW_S, chance)
    (other,) = set(Report) - {report}
    assert rules.next_report(reports, frozenset({other}), NOW_S) == (report, NOW_S)
    for losses in (2, 3, 4):
        now_s = NOW_S + losses * 90_000.0
        reports = rules.lost_over(reports, report, now_s, chance)
        assert rules.next_report(reports, frozenset(), now_s) == (other, now_s + 60.0)
        due = rules.next_report(reports, frozenset({other}), now_s)
        assert due is not None
        assert now_s + 86_400.0 <= due[1] <= now_s + 93_600.0
        later_s = now_s + 100_000.0
        assert rules.next_report(reports, frozenset({other}), later_s) == (report, later_s + 60.0)
    assert rules.next_report(rules.acknowledged(reports, report), frozenset({other}), NOW_S) is None


PROGRESS = st.builds(
    Progress,
    acknowledged=st.booleans(),
    losses=st.integers(0, 1000),
    again_at=st.none() | st.floats(0.0, NOW_S + rules.RETRY_S),
)


@given(PROGRESS, PROGRESS)
def test_what_is_remembered_comes_back(version: Progress, tags: Progress) -> None:
    """Through JSON."""
    reports = {Report.VERSION: version, Report.TAGS: tags}
    assert rules.reports_of(json.loads(json.dumps(rules.record_of(reports))), NOW_S) == reports


@pytest.mark.parametrize(
    "row",
    [
        None, 1, [], [True], ["x", 0, None], [False, -1, None], [False, "1", None], [False, 10**400, 1.0], [1, 0, "x"],
    ],
)  # fmt: skip
def test_what_makes_no_sense_was_never_sent(row: Any) -> None:
    """And raises nothing."""
    assert rules.reports_of({"version": row, "tags": row}, NOW_S) == NOTHING


@pytest.mark.parametrize("again_at", [-1.0, float("inf"), float("nan"), 10**400, NOW_S + 100_000.0])
def test_no_report_is_left_out_for_longer_than_a_day(again_at: float) -> None:
    """Whatever the file says."""
    reports = rules.reports_of({"version": [False, 5, again_at]}, NOW_S)
    assert rules.next_report(reports, frozenset({Report.TAGS}), NOW_S) == (Report.VERSION, NOW_S + rules.REST_S)
