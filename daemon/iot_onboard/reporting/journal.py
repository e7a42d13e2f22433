"""Write the operator's lines: to the journal with fields, or as text to stderr. Never waits for a reader."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from ..events.format import Line
from ..fast_start.typing_names import TextIO
from ..system.sinks import DatagramSink, Sink, StreamSink, TextSink
from .backlog import Backlog, Lost

# systemd.journal-fields(7) and "Native Journal Protocol" of systemd.io.
SOCKET = "/run/systemd/journal/socket"
# When waiting lines are tried again: soon at first, then less and less often.
FIRST_RETRY_S = 0.25
MAX_RETRY_S = 10.0
# How long `close` waits for a slow reader; a stop of the daemon may take half a second in all.
CLOSE_S = 0.1
_CLOSE_STEP_S = 0.01
# Longer than any line of ours: a message that exceeds the socket's limit could never be sent.
MAX_MESSAGE = 16_000
_LEVELS = {"error": 3, "warning": 4, "info": 6, "debug": 7}
_WORDS = {2: "CRITICAL", 3: "ERROR", 4: "warning", 5: "notice", 6: "info", 7: "debug"}


class Journal:
    """Write lines up to a level. A line that cannot be written waits; it is lost if too many lines wait.

    `encode` returns the bytes of a line; for a late line it also gets the time at which it was written.
    """

    def __init__(
        self,
        sink: Sink,
        encode: Callable[[Line, datetime | None], bytes],
        level: str = "info",
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sink = sink
        self._encode = encode
        self._max_priority = _LEVELS[level]
        self._monotonic_s = monotonic_s
        self._backlog = Backlog()
        self._retry_s = FIRST_RETRY_S
        self._retry_at: float | None = None

    def write(self, line: Line) -> None:
        """Write one line, or add it to the waiting ones."""
        if line.priority > self._max_priority:
            return
        at = _now()
        if self._retry_at is not None:
            self._backlog.add(self._encode(line, at), at)
            return
        data = self._encode(line, None)
        taken = self._try(data)
        if taken is None:
            self._backlog.count_lost(at)
        elif taken < len(data):
            self._backlog.add(data[taken:] if taken else self._encode(line, at), at)
            self._wait()
        elif self._backlog.has_lost():
            # The number of lost lines can be logged now.
            self._retry_at = self._monotonic_s()

    def retry_at(self) -> float | None:
        """Return when `flush` has something to do, in monotonic seconds, or `None`."""
        return self._retry_at

    def flush(self) -> Lost | None:
        """Write the waiting lines; when none is left, return the count of lost lines."""
        fails = False
        while (data := self._backlog.head()) is not None:
            taken = self._try(data)
            if taken == 0:
                self._wait()
                return None
            fails = taken is None
            if taken is None:
                self._backlog.drop_head()
            else:
                self._backlog.mark_sent(taken)
                self._retry_s = FIRST_RETRY_S
        self._retry_at = None
        return None if fails else self._backlog.take_lost()

    def close(self) -> None:
        """Write the waiting lines as far as possible within `CLOSE_S`: this process ends."""
        until_s = self._monotonic_s() + CLOSE_S
        while self._retry_at is not None:
            self.flush()
            if self._monotonic_s() >= until_s:
                break
            time.sleep(_CLOSE_STEP_S)
        self._sink.close()

    def _try(self, data: bytes) -> int | None:
        """Return how much of a line was written, `None` if it can never be written."""
        try:
            return self._sink.send(data)
        except (OSError, ValueError, AttributeError):
            return None

    def _wait(self) -> None:
        self._retry_at = self._monotonic_s() + self._retry_s
        self._retry_s = min(MAX_RETRY_S, 2 * self._retry_s)


def open_journal(environ: Mapping[str, str], stderr: TextIO, level: str, address: str = SOCKET) -> Journal:
    """Choose the journal if stderr is connected to it (systemd.exec(5), JOURNAL_STREAM), else stderr itself."""
    if _leads_to_journal(environ, stderr):
        return Journal(DatagramSink(address), native, level)
    return Journal(_stderr_sink(stderr), _for_people, level)


def native(line: Line, late_at: datetime | None = None) -> bytes:
    """Return the journal's datagram for a line; a late line says when it was written."""
    late = f" (written at {late_at:%H:%M:%S}, taken late)" if late_at is not None else ""
    head = {
        "MESSAGE": line.message[:MAX_MESSAGE] + late,
        "PRIORITY": str(int(line.priority)),
        "SYSLOG_IDENTIFIER": "iot-onboard",
        **({"MESSAGE_ID": line.message_id} if line.message_id else {}),
    }
    return b"".join(_field(name, value) for name, value in (*head.items(), *line.fields))


def _field(name: str, value: str) -> bytes:
    data = value.encode("utf-8", "backslashreplace")
    if b"\n" not in data:
        return name.encode() + b"=" + data + b"\n"
    return name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"


def readable(line: Line, at: datetime) -> str:
    """Return a line for a terminal: always one line, for any message."""
    message = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line.message[:MAX_MESSAGE])
    return f"{at:%H:%M:%S} {_WORDS[int(line.priority)]:<8} {message}"


def _for_people(line: Line, late_at: datetime | None) -> bytes:
    return (readable(line, late_at or _now()) + "\n").encode("utf-8", "backslashreplace")


def _stderr_sink(stderr: TextIO) -> Sink:
    try:
        return StreamSink(stderr.fileno())
    except (OSError, ValueError, AttributeError):
        # stderr is closed, or has no descriptor.
        return TextSink(stderr)


def _now() -> datetime:
    return datetime.now().astimezone()


def _leads_to_journal(environ: Mapping[str, str], stderr: TextIO) -> bool:
    try:
        found = os.fstat(stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
