"""`iot-onboard events`: the story of a boot, out of the journal."""

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
A line an event, with the time since boot and since the line before. `iot-onboard explain NAME` explains an event,
and what stands under code. Lines of systemd are shown where something went wrong. The journal is for root and the
group systemd-journal. Exit code: 0 there was a story, 1 there was none, and why.

examples:
  sudo iot-onboard events               what happened since power-on
  sudo iot-onboard events --boot -1     what happened in the boot before
  sudo iot-onboard events --follow      and what happens now, until Ctrl-C
  sudo iot-onboard events --all --json  everything, for a program; docs/boot-log.md describes it
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add which boots, and how they are told."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--boot", type=boot, default=0, metavar="N", help="0 the present boot, -1 the one before, ...")
    which.add_argument("--all", action="store_true", help="all boots that the journal holds")
    which.add_argument("--follow", action="store_true", help="the present boot, and go on as it goes on")
    parser.add_argument("--json", action="store_true", help="print a JSON object a line")


def boot(text: str) -> int:
    """Read the number of a boot."""
    try:
        number = int(text)
    except ValueError:
        number = 1
    if number > 0:
        raise argparse.ArgumentTypeError("0 is the present boot, -1 the one before it, and so on")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Read, and tell."""
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
        complain(f"the journal is in memory alone, and holds this boot only; {PERSISTENT_JOURNAL}")
    return ExitCode.DONE


def _print(entries: Iterable[TimedEntry], columns: Columns, arguments: argparse.Namespace) -> None:
    shown = (
        (json.dumps(record(timed_entry)) for timed_entry in entries)
        if arguments.json
        else lines_of(entries, columns, style)
    )
    for words in shown:
        print(words, flush=arguments.follow)
