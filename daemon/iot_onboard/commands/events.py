"""`iot-onboard events`: the events of a boot, from the journal."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable

from ..boot_log.entries import TimedEntry
from ..boot_log.journalctl import PERSISTENT_JOURNAL, Unreadable, keeps_boots
from ..boot_log.listing import Columns, columns_of, record, wide_columns
from ..boot_log.listing_text import entries_of, follow_entries, lines_of
from ..core.exit_codes import ExitCode
from ..system.terminal import complain, style

EPILOG = """\
One line for each event, with the time since boot and since the previous line. `iot-onboard explain NAME` explains an
event, and a value in the column code. systemd's lines about the service are shown if something went wrong. Only root
and the group systemd-journal can read the journal.
Exit code: 0 there are events, 1 there are none (the message says why).

examples:
  sudo iot-onboard events               what happened since power-on
  sudo iot-onboard events --boot -1     what happened in the previous boot
  sudo iot-onboard events --follow      show new events too, until Ctrl-C
  sudo iot-onboard events --all --json  everything, for a program; docs/boot-log.md describes it
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add which boots, and how they are shown."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--boot", type=boot, default=0, metavar="N", help="0 this boot, -1 the previous one, ...")
    which.add_argument("--all", action="store_true", help="all boots in the journal")
    which.add_argument("--follow", action="store_true", help="this boot, and new events as they come")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each line")


def boot(text: str) -> int:
    """Read the number of a boot."""
    try:
        number = int(text)
    except ValueError:
        number = 1
    if number > 0:
        raise argparse.ArgumentTypeError("0 is this boot, -1 the previous one, and so on")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Read the journal, and print the events."""
    try:
        if arguments.follow:
            _print(follow_entries(), wide_columns(), arguments)
        else:
            entries = entries_of(None if arguments.all else arguments.boot)
            _print(entries, columns_of(entries), arguments)
    except KeyboardInterrupt:
        return ExitCode.DONE
    except Unreadable as why:
        complain(str(why))
        return ExitCode.FAILED
    if arguments.all and not keeps_boots():
        complain(f"the journal is only in memory, and has only this boot; {PERSISTENT_JOURNAL}")
    return ExitCode.DONE


def _print(entries: Iterable[TimedEntry], columns: Columns, arguments: argparse.Namespace) -> None:
    shown = (
        (json.dumps(record(timed_entry)) for timed_entry in entries)
        if arguments.json
        else lines_of(entries, columns, style)
    )
    for words in shown:
        print(words, flush=arguments.follow)
