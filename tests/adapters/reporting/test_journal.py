"""Lines for the journal and for a terminal."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime

from iot_onboard.events.format import Line
from iot_onboard.reporting.journal import Journal, entry, open_journal, readable

AT = datetime(2026, 11, 24, 12, 0, 5, tzinfo=UTC)


def test_a_journal_entry_has_every_field() -> None:
    """Explicit fields, and none but ours."""
    line = Line(priority=4, message="hello", message_id="ab", fields=(("IOT_EVENT", "x"),))
    assert entry(line) == (
        "MESSAGE=hello",
        "PRIORITY=4",
        "SYSLOG_IDENTIFIER=iot-onboard",
        "MESSAGE_ID=ab",
        "IOT_EVENT=x",
    )


def test_one_event_is_one_line() -> None:
    """Line ends and control characters cannot forge another."""
    text = readable(Line(priority=3, message="a\n12:00:00 info  all is well\x1b[2J"), AT)
    assert text == "12:00:05 ERROR    a\\n12:00:00 info  all is well\\x1b[2J"


def test_the_level_drops_what_is_below() -> None:
    """warning passes warnings and errors."""
    heard: list[str] = []
    journal = Journal(lambda line: heard.append(line.message), "warning")
    for priority in (2, 3, 4, 5, 6, 7):
        journal.write(Line(priority=priority, message=str(priority)))
    assert heard == ["2", "3", "4"]


def test_without_systemd_lines_go_to_stderr() -> None:
    """A JOURNAL_STREAM that is not our stderr is somebody else's."""
    with open(os.devnull, "w") as null:
        other = os.fstat(null.fileno())
    stderr = io.StringIO()
    open_journal({"JOURNAL_STREAM": f"{other.st_dev}:{other.st_ino}"}, stderr, "info").write(
        Line(priority=6, message="hello")
    )
    assert stderr.getvalue().endswith("info     hello\n")


class Full(io.StringIO):
    """A terminal whose disk is full."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device", text)


def test_a_line_that_cannot_be_written_is_lost() -> None:
    """A full disk behind stderr is no reason to fall over."""
    open_journal({}, Full(), "info").write(Line(priority=6, message="hello"))
