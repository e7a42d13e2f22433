"""Write the operator's lines: to the journal with fields, or readable to a terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime

from ..events.format import Line
from ..fast_start.typing_names import TextIO

_LEVELS = {"error": 3, "warning": 4, "info": 6, "debug": 7}
_WORDS = {2: "CRITICAL", 3: "ERROR", 4: "warning", 5: "notice", 6: "info", 7: "debug"}


class Journal:
    """Pass on lines up to a level; a line that cannot be written is lost, never an error."""

    def __init__(self, write: Callable[[Line], None], level: str = "info") -> None:
        self._write = write
        self._most = _LEVELS[level]

    def write(self, line: Line) -> None:
        """Write one line."""
        if line.priority <= self._most:
            try:
                self._write(line)
            except (OSError, ValueError):
                return


def open_journal(environ: Mapping[str, str], stderr: TextIO, level: str) -> Journal:
    """Choose the journal where stderr leads there (systemd.exec(5), JOURNAL_STREAM), else stderr itself."""
    if not _leads_to_journal(environ, stderr):
        return Journal(lambda line: _print(line, stderr), level)
    from systemd.journal import sendv

    return Journal(lambda line: sendv(*entry(line)), level)


def entry(line: Line) -> tuple[str, ...]:
    """Return the journal entry of a line, one `NAME=value` a field."""
    head = {
        "MESSAGE": line.message,
        "PRIORITY": str(int(line.priority)),
        "SYSLOG_IDENTIFIER": "iot-onboard",
        **({"MESSAGE_ID": line.message_id} if line.message_id else {}),
    }
    return tuple(f"{name}={value}" for name, value in (*head.items(), *line.fields))


def readable(line: Line, at: datetime) -> str:
    """Return a line for a terminal: one event is one line, whatever the message holds."""
    message = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line.message)
    return f"{at:%H:%M:%S} {_WORDS[int(line.priority)]:<8} {message}"


def _print(line: Line, stderr: TextIO) -> None:
    print(readable(line, datetime.now().astimezone()), file=stderr, flush=True)


def _leads_to_journal(environ: Mapping[str, str], stderr: TextIO) -> bool:
    try:
        found = os.fstat(stderr.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
