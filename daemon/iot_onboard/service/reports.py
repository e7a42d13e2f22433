"""The reports of a session: each waits for the answer to the one before; reports that end a session are remembered."""

from __future__ import annotations

import random
from collections.abc import Callable

from .. import __version__
from ..aliyun.topics import Message, tags_report, version_report
from ..config.hardware import Board
from ..core.identity import Identity
from ..fast_start.fast_dataclasses import dataclass
from ..lifecycle.report_rules import (
    Report,
    acknowledged,
    is_done,
    lost_over,
    next_report,
    record_of,
    reports_of,
)
from ..mqtt.client import Connection
from ..reporting.runtime_files import ReportLog

# How long to wait for an answer; then the next report is sent.
ANSWER_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedReport:
    """Name a report that is skipped, how many sessions were lost over it, and in how many seconds it is retried."""

    name: str
    losses: int
    again_in_s: float


class Reports:
    """Send the reports that are not acknowledged yet in this boot, over one or several connections."""

    def __init__(
        self,
        *,
        identity: Identity,
        read_board: Callable[[], Board],
        log: ReportLog,
        monotonic_s: Callable[[], float],
        reported: Callable[[], None],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._identity = identity
        self._read_board = read_board
        self._log = log
        self._monotonic_s = monotonic_s
        self._reported = reported
        self._chance = chance
        self._reports = reports_of(log.progress(__version__), monotonic_s())
        self._connection: Connection | None = None
        self._sent: frozenset[Report] = frozenset()
        self._unanswered: dict[int, Report] = {}
        self._began_at = 0.0
        self._answer_by: float | None = None

    @property
    def are_unanswered(self) -> bool:
        """Say whether a report was sent and is not acknowledged."""
        return bool(self._unanswered)

    def begin(self, connection: Connection) -> None:
        """Start sending in a new session."""
        self._connection = connection
        self._began_at = self._monotonic_s()
        self._sent = frozenset()
        self.tick()

    def end(self) -> None:
        """Stop, because we close the session: no report is the reason."""
        self._connection, self._answer_by = None, None
        self._unanswered.clear()

    def lose(self) -> tuple[SkippedReport, ...]:
        """Stop, because the session was lost; record the unanswered reports, and return those that are skipped now."""
        suspects = [report for report in Report if report in self._unanswered.values()]
        self.end()
        now_s = self._monotonic_s()
        for report in suspects:
            self._reports = lost_over(self._reports, report, now_s, self._chance())
        if suspects:
            self._log.note(__version__, record_of(self._reports))
        found = ((report, self._reports[report]) for report in suspects)
        return tuple(
            SkippedReport(name=report.value, losses=progress.losses, again_in_s=progress.again_at - now_s)
            for report, progress in found
            if progress.again_at is not None
        )

    def confirm(self, mid: int) -> None:
        """Record that the server has acknowledged a message."""
        report = self._unanswered.pop(mid, None)
        if report is None:
            return
        self._reports = acknowledged(self._reports, report)
        if is_done(self._reports):
            self._log.mark(__version__)
            self._reported()
        else:
            self._log.note(__version__, record_of(self._reports))
        self._answer_by = None
        self.tick()

    def due_at(self) -> float | None:
        """Return when `tick` has something to do while the session lasts, or `None`."""
        if self._connection is None:
            return None
        due = next_report(self._reports, self._sent, self._began_at)
        return None if due is None else max(due[1], self._answer_by or due[1])

    def tick(self) -> None:
        """Send the next report if it is due: the one before has its answer, or has waited long enough."""
        now_s = self._monotonic_s()
        due_at, due = self.due_at(), next_report(self._reports, self._sent, self._began_at)
        if self._connection is None or due is None or due_at is None or now_s < due_at:
            return
        report, _ = due
        self._sent |= {report}
        message = self._message(report)
        self._answer_by = now_s + ANSWER_S
        # After the end of the connection it has no number, and nothing was sent.
        if mid := self._connection.publish(message.topic, message.payload):
            self._unanswered[mid] = report

    def _message(self, report: Report) -> Message:
        if report is Report.VERSION:
            return version_report(self._identity, __version__)
        board = self._read_board()
        agent = f"iot-onboard {__version__}"
        tags = {"os": board.os_name, "agent": agent, "model": board.model, "serial": board.serial}
        return tags_report(self._identity, tags)
