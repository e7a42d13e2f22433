"""What the gateway reports after the login, and when it skips a report: reports are optional.

A server may end the session because of a report: it is too long, or its topic is not allowed. If two sessions end
before a report is acknowledged, it is skipped, and tried again once a day; then one such end is enough. Reports are
sent one after the other, so it is known which of them ended a session.
"""

from __future__ import annotations

import enum

from ..fast_start.fast_dataclasses import dataclass, replace
from ..fast_start.typing_names import Any

MAX_LOSSES = 2
RETRY_S = 86_400.0
# A session of this length does not count as a sign of a clone.
REST_S = 60.0
# Spread, so that a fleet that skipped its reports after one event does not retry them all at once.
_SPREAD_S = 7_200.0
_MAX_COUNT = 1_000_000


class Report(enum.Enum):
    """Name a report, in the order of sending."""

    VERSION = "version"
    TAGS = "tags"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Hold the progress of one report in this boot: `losses` counts sessions that ended before its acknowledgement.

    `again_at` is when a skipped report is tried again, in monotonic seconds.
    """

    acknowledged: bool = False
    losses: int = 0
    again_at: float | None = None


Reports = dict[Report, Progress]


def next_report(reports: Reports, sent: frozenset[Report], began_at: float) -> tuple[Report, float] | None:
    """Return what a session has to send next and when, besides what it has sent; `None` if there is nothing.

    If a report is skipped, the others and the next try wait until the session has lasted for some time: a session that
    ends before that shows that no report was the reason.
    """
    may_at = began_at + (REST_S if any(progress.losses >= MAX_LOSSES for progress in reports.values()) else 0.0)
    due = [
        (report, max(may_at, progress.again_at or may_at))
        for report, progress in reports.items()
        if report not in sent and not progress.acknowledged
    ]
    return min(due, key=lambda pair: pair[1], default=None)


def acknowledged(reports: Reports, report: Report) -> Reports:
    """Record that the server has acknowledged a report."""
    return {**reports, report: Progress(acknowledged=True)}


def lost_over(reports: Reports, report: Report, now_s: float, chance: float) -> Reports:
    """Record that a session ended while a report was not acknowledged; skip it if that is too often."""
    losses = reports[report].losses + 1
    again_at = now_s + RETRY_S + chance * _SPREAD_S if losses >= MAX_LOSSES else None
    return {**reports, report: replace(reports[report], losses=losses, again_at=again_at)}


def is_done(reports: Reports) -> bool:
    """Say whether the platform has all reports."""
    return all(progress.acknowledged for progress in reports.values())


def record_of(reports: Reports) -> dict[str, object]:
    """Return the reports in the form of JSON."""
    return {report.value: [p.acknowledged, p.losses, p.again_at] for report, p in reports.items()}


def reports_of(record: object, now_s: float) -> Reports:
    """Read them back; an invalid value counts as not sent yet, and no report is skipped for longer than a day."""
    rows = record if isinstance(record, dict) else {}
    return {report: _progress(rows.get(report.value), now_s) for report in Report}


def _progress(row: Any, now_s: float) -> Progress:
    match row:
        case [bool(done), int(losses), None | int() | float() as again_at] if 0 <= losses <= _MAX_COUNT:
            latest_s = now_s + RETRY_S + _SPREAD_S
            kept = float(again_at) if again_at is not None and 0 <= again_at <= latest_s else None
            return Progress(acknowledged=done, losses=losses, again_at=kept)
        case _:
            return Progress()
