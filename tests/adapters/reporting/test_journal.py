"""Lines for the journal and for a terminal, and a reader that takes none for a while."""

from __future__ import annotations

import errno
import io
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from iot_onboard.events.format import Line
from iot_onboard.reporting import journal as j
from iot_onboard.reporting.journal import Journal, native, open_journal, readable
from support.process.recording import Taking, recording_journal
from support.text.journal_entries import fields_of

AT = datetime(2026, 11, 24, 12, 0, 5, tzinfo=UTC)
LINE = Line(priority=6, message="hello")


def test_a_journal_entry_has_every_field() -> None:
    """Explicit fields, and none but ours."""
    line = Line(priority=4, message="hello", message_id="ab", fields=(("IOT_EVENT", "x"),))
    assert native(line) == b"MESSAGE=hello\nPRIORITY=4\nSYSLOG_IDENTIFIER=iot-onboard\nMESSAGE_ID=ab\nIOT_EVENT=x\n"


def test_a_value_with_a_line_end_has_its_length_before_it() -> None:
    """As the protocol has it, so that no value can forge a field."""
    data = native(Line(priority=6, message="网\nPRIORITY=0", fields=(("IOT_X", "\n"),)))
    assert data.startswith(b"MESSAGE\n\x0e\0\0\0\0\0\0\0" + "网\nPRIORITY=0".encode() + b"\nPRIORITY=6\n")
    assert data.endswith(b"IOT_X\n\x01\0\0\0\0\0\0\0\n\n")
    assert fields_of(data)["MESSAGE"] == "网\nPRIORITY=0"


@pytest.mark.parametrize(("message", "shown"), [("\ud800", "\\ud800"), ("x" * 100_000, "x" * j.MAX_MESSAGE)])
def test_no_message_is_too_odd_or_too_long(message: str, shown: str) -> None:
    """What is no text is written by its number; what is endless is cut."""
    assert fields_of(native(Line(priority=6, message=message)))["MESSAGE"] == shown


def test_a_late_line_says_when_it_was_written() -> None:
    """The journal dates it by when it took it."""
    assert fields_of(native(LINE, AT))["MESSAGE"] == "hello (written at 12:00:05, taken late)"


def test_one_event_is_one_line() -> None:
    """Line ends and control characters cannot forge another."""
    text = readable(Line(priority=3, message="a\n12:00:00 info  all is well\x1b[2J"), AT)
    assert text == "12:00:05 ERROR    a\\n12:00:00 info  all is well\\x1b[2J"


def test_the_level_drops_what_is_below() -> None:
    """warning passes warnings and errors."""
    heard: list[str] = []
    journal = recording_journal(lambda line: heard.append(line.message), "warning")
    for priority in (2, 3, 4, 5, 6, 7):
        journal.write(Line(priority=priority, message=str(priority)))
    assert heard == ["2", "3", "4"]


def test_without_systemd_lines_go_to_stderr() -> None:
    """A JOURNAL_STREAM that is not our stderr is somebody else's."""
    with open(os.devnull, "w") as null:
        other = os.fstat(null.fileno())
    stderr = io.StringIO()
    open_journal({"JOURNAL_STREAM": f"{other.st_dev}:{other.st_ino}"}, stderr, "info").write(LINE)
    assert stderr.getvalue().endswith("info     hello\n")


class Full(io.StringIO):
    """A terminal whose disk is full."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device", text)


@pytest.mark.parametrize("stderr", [Full(), None])
def test_a_line_that_cannot_be_written_is_lost(stderr: io.StringIO | None) -> None:
    """A full disk behind stderr, or a stderr that is closed, is no reason to fall over, nor to try again and again."""
    journal = open_journal({}, stderr, "info")  # type: ignore[arg-type]
    journal.write(LINE)
    assert journal.retry_at() is None


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[socket.socket]:
    """A journal that takes what the test has it take."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "socket"))
        listening.setblocking(False)
        yield listening


def to(path: Path) -> Journal:
    """Return the daemon's journal with that socket."""
    with open(os.devnull, "w") as stderr:
        found = os.fstat(stderr.fileno())
        return open_journal({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}, stderr, "info", str(path / "socket"))


def messages(journald: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(fields_of(journald.recv(1 << 20))["MESSAGE"].partition(" (")[0])
        except BlockingIOError:
            return found


def write(journal: Journal, numbers: range) -> None:
    for number in numbers:
        journal.write(Line(priority=6, message=f"line {number}"))


def test_a_journal_that_hangs_costs_no_time_and_gets_all_later(tmp_path: Path, journald: socket.socket) -> None:
    """Its queue is full after a few; the others wait, and arrive in order, once."""
    journal = to(tmp_path)
    write(journal, range(40))
    assert journal.retry_at() is not None
    found = messages(journald)
    assert 0 < len(found) < 40
    while journal.retry_at() is not None:
        assert journal.flush() is None
        found += messages(journald)
    assert found == [f"line {number}" for number in range(40)]
    journal.close()


def test_what_does_not_fit_is_counted_and_told_once(tmp_path: Path, journald: socket.socket) -> None:
    """The first lines and the last ones are kept."""
    journal = to(tmp_path)
    write(journal, range(1000))
    found, lost = messages(journald), None
    while journal.retry_at() is not None:
        lost = journal.flush() or lost
        found += messages(journald)
    assert lost is not None
    assert lost.lines == 1000 - len(found)
    assert found[-1] == "line 999"
    assert found[:70] == [f"line {number}" for number in range(70)]
    assert journal.flush() is None
    journal.close()


def test_a_journal_that_comes_back_elsewhere_is_found(tmp_path: Path, journald: socket.socket) -> None:
    """`systemctl restart systemd-journald.socket`: the same path, another socket; no line is lost."""
    journal = to(tmp_path)
    write(journal, range(1))
    assert messages(journald) == ["line 0"]
    journald.close()
    (tmp_path / "socket").unlink()
    write(journal, range(1, 3))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as back:
        back.bind(str(tmp_path / "socket"))
        back.setblocking(False)
        assert journal.flush() is None
        assert messages(back) == ["line 1", "line 2"]
        back.close()
    journal.close()


def test_the_tries_become_rare() -> None:
    """A quarter of a second at first, ten seconds at last: six wake-ups a minute."""
    sink, now = Taking(), 0.0
    sink.limit = 0
    journal = Journal(sink, native, "info", lambda: now)
    write(journal, range(1))
    waits = []
    for _ in range(9):
        at = journal.retry_at()
        assert at is not None
        waits.append(at - now)
        now = at
        journal.flush()
    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0]
    sink.limit = None
    journal.flush()
    assert journal.retry_at() is None


def test_a_pipe_that_takes_pieces_gets_whole_lines() -> None:
    """In order, and each byte once."""
    sink = Taking()
    sink.limit = 7
    journal = Journal(sink, native, "info", lambda: 0.0)
    write(journal, range(5))
    while journal.retry_at() is not None:
        journal.flush()
    found = b"".join(sink.taken).decode().splitlines()
    assert found[0] == "MESSAGE=line 0"
    assert [line.partition(" (")[0] for line in found[::3]] == [f"MESSAGE=line {number}" for number in range(5)]


def test_what_was_lost_is_told_when_a_line_gets_through() -> None:
    """A full disk behind stderr: not at each line that fails, but after the first that does not."""
    sink = Taking()
    journal = Journal(sink, native, "info", lambda: 0.0)
    sink.error = OSError(errno.ENOSPC, "No space left on device")
    write(journal, range(3))
    assert journal.retry_at() is None
    sink.error = None
    write(journal, range(3, 4))
    assert journal.retry_at() == 0.0
    lost = journal.flush()
    assert lost is not None
    assert lost.lines == 3


def test_an_end_waits_for_a_slow_reader_but_not_for_a_deaf_one() -> None:
    """A tenth of a second, no more."""
    now = 0.0
    sink = Taking()
    sink.limit = 0

    def clock() -> float:
        nonlocal now
        now += 0.02
        return now

    journal = Journal(sink, native, "info", clock)
    write(journal, range(3))
    began = now
    journal.close()
    assert now - began < 0.5
