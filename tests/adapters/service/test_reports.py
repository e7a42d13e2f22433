"""The reports of sessions, over real connections, with a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select

import pytest

from iot_onboard import __version__
from iot_onboard.config.hardware import Board
from iot_onboard.core.secret import Secret
from iot_onboard.lifecycle.report_rules import REST_S, RETRY_S, Report
from iot_onboard.mqtt.client import Connection
from iot_onboard.mqtt.model import Connack, MqttEvent, Published
from iot_onboard.net.dial import dial
from iot_onboard.net.tls import tls_context
from iot_onboard.reporting.runtime_files import ReportLog
from iot_onboard.service.reports import ANSWER_S, Reports, SkippedReport
from support.gateway.stored import DEVICE
from support.platform.broker import Broker

TAGS, VERSION = "thing/deviceinfo/update", "inform"


class Reporting:
    """Reports with a log on disk."""

    def __init__(self, directory: Path) -> None:
        self.now_s = 100_000.0
        self.logged = 0
        self.log = ReportLog(directory)
        self.reports = Reports(
            identity=DEVICE.identity,
            read_board=lambda: Board(os_name="Debian", model="", serial="42"),
            log=self.log,
            monotonic_s=lambda: self.now_s,
            reported=self._reported,
            chance=lambda: 0.5,
        )

    def _reported(self) -> None:
        self.logged += 1


@contextmanager
def session(server: Broker) -> Iterator[Connection]:
    context = tls_context(server.ca_file, handshake_timeout_s=5)
    sock = dial("localhost", server.port, context=context, proxy=None, dial_timeout_s=5)
    password = Secret("x")
    connection = Connection(
        sock, client_id="c", username="u", password=password, keepalive_s=300, clean_session=True, now=lambda: 0.0
    )
    try:
        assert Connack(code=0) in heard(connection)
        yield connection
    finally:
        connection.drop()


def heard(connection: Connection) -> list[MqttEvent]:
    events: list[MqttEvent] = []
    while not events and select([connection.fileno()], [], [], 5)[0]:
        events += connection.read()
    return events


def answered(reporting: Reporting, connection: Connection) -> None:
    for event in heard(connection):
        assert isinstance(event, Published)
        reporting.reports.confirm(event.mid)


def test_each_report_waits_for_the_answer_of_the_one_before(tmp_path: Path) -> None:
    """So that it is known over which of them a session ends; all are told once."""
    reporting = Reporting(tmp_path)
    with Broker() as server, session(server) as connection:
        reporting.reports.begin(connection)
        for topic in (VERSION, TAGS):
            assert not reporting.logged
            assert reporting.reports.are_unanswered
            events = heard(connection)
            assert topic in server.topics[-1]
            for event in events:
                assert isinstance(event, Published)
                reporting.reports.confirm(event.mid)
        assert (reporting.logged, reporting.reports.are_unanswered, len(server.topics)) == (1, False, 2)
        assert reporting.reports.due_at() is None
    assert reporting.log.reported(__version__)


def test_an_answer_that_does_not_come_holds_nothing_up(tmp_path: Path) -> None:
    """After half a minute the next report goes out; both are suspects then, if the session ends."""
    reporting = Reporting(tmp_path)
    with Broker() as server, session(server) as connection:
        reporting.reports.begin(connection)
        assert reporting.reports.due_at() == reporting.now_s + ANSWER_S
        reporting.reports.tick()
        assert len(heard(connection)) == 1
        reporting.now_s += ANSWER_S
        reporting.reports.tick()
        assert len(heard(connection)) == 1
        assert len(server.topics) == 2
        for _ in range(2):
            reporting.now_s += ANSWER_S
            reporting.reports.tick()
        assert reporting.reports.due_at() is None
    assert reporting.reports.lose() == ()
    with Broker() as server, session(server) as connection:
        reporting.reports.begin(connection)
        reporting.now_s += ANSWER_S
        reporting.reports.tick()
    assert [skipped.name for skipped in reporting.reports.lose()] == ["version", "tags"]


def test_the_report_that_costs_two_sessions_is_left_out_for_a_day(tmp_path: Path) -> None:
    """That one alone, over a restart of the service too; and a try that costs a session is the last for a day."""
    reporting = Reporting(tmp_path)
    for skipped in ((), (SkippedReport(name="tags", losses=2, again_in_s=RETRY_S + 3600.0),)):
        with Broker() as server, session(server) as connection:
            reporting.reports.begin(connection)
            if not skipped:
                answered(reporting, connection)
        assert reporting.reports.lose() == skipped
    again = Reporting(tmp_path)
    with Broker() as server, session(server) as connection:
        again.reports.begin(connection)
        assert not again.reports.are_unanswered
        assert again.reports.due_at() == reporting.now_s + RETRY_S + 3600.0
        again.reports.tick()
        assert not again.reports.are_unanswered
        again.now_s += RETRY_S + 3600.0
        again.reports.tick()
        assert again.reports.are_unanswered
    assert again.reports.lose() == (SkippedReport(name="tags", losses=3, again_in_s=RETRY_S + 3600.0),)
    again.now_s += 2 * RETRY_S
    with Broker() as server, session(server) as connection:
        again.reports.begin(connection)
        assert again.reports.due_at() == again.now_s + REST_S
        again.now_s += REST_S
        again.reports.tick()
        answered(again, connection)
        assert again.logged == 1
    assert again.log.reported(__version__)


def test_a_session_that_we_end_blames_nothing(tmp_path: Path) -> None:
    """A stop while a report is on its way."""
    reporting = Reporting(tmp_path)
    with Broker() as server, session(server) as connection:
        reporting.reports.begin(connection)
        reporting.reports.end()
    assert reporting.reports.lose() == ()
    assert not (tmp_path / "reported.json").exists()


@pytest.mark.parametrize("report", list(Report))
def test_what_cannot_be_written_is_remembered_by_this_process(tmp_path: Path, report: Report) -> None:
    """A runtime directory that is full must not make each session end."""
    reporting = Reporting(tmp_path / "missing" / "run")
    for _ in range(2):
        with Broker() as server, session(server) as connection:
            reporting.reports.begin(connection)
            if report is Report.TAGS and not _:
                answered(reporting, connection)
        skipped = reporting.reports.lose()
    assert [one.name for one in skipped] == [report.value]
