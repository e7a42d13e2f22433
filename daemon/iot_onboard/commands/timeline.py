"""`iot-onboard timeline`: how long each step from power-on to online took."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..boot_log.journalctl import Unreadable
from ..boot_log.listing_text import timeline_of
from ..boot_log.timeline_model import Timeline
from ..boot_log.timeline_svg import svg
from ..boot_log.timeline_text import comparison, record, text
from ..core.exit_codes import ExitCode
from ..disk.output import write_output
from ..system.terminal import can_show_blocks, complain, style
from .events import boot

EPILOG = """\
It reads the journal, as `iot-onboard events` does, and needs the same rights. Time counts from the kernel's start. The
time of firmware and boot loader is shown if the board reports it. docs/boot-log.md explains each row.
Exit code: 0 there is a timeline, 1 there is none (the message says why).

examples:
  sudo iot-onboard timeline                  this boot, as bars
  sudo iot-onboard timeline --boot -1        the previous boot
  sudo iot-onboard timeline --compare -1     this boot and the previous one, and the difference
  sudo iot-onboard timeline --svg boot.svg   this boot as a picture
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add which boots, and how they are shown."""
    parser.add_argument("--boot", type=boot, default=0, metavar="N", help="0 this boot, -1 the previous one, ...")
    parser.add_argument("--compare", type=boot, metavar="N", help="show boot N as well, and the difference")
    parser.add_argument("--svg", metavar="FILE", help="write a picture to this file (- for standard output)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Read the journal, and show the timeline."""
    wanted = [arguments.boot] if arguments.compare is None else [arguments.boot, arguments.compare]
    try:
        shown = [timeline_of(number) for number in wanted]
    except Unreadable as why:
        complain(str(why))
        return ExitCode.FAILED
    if arguments.json:
        print(json.dumps(record(shown), indent=1))
    if arguments.svg is not None:
        return _write(arguments.svg, svg(shown))
    if not arguments.json:
        print(_text(shown))
    return ExitCode.DONE


def _text(shown: list[Timeline]) -> str:
    scale_us = max(timeline.whole_us for timeline in shown)
    parts = [text(timeline, style(), blocks=can_show_blocks(), scale_us=scale_us) for timeline in shown]
    return "\n\n".join([*parts, comparison(*shown)] if len(shown) > 1 else parts)


def _write(file: str, picture: str) -> int:
    try:
        write_output(Path(file), picture.encode(), 0o644)
    except OSError as error:
        complain(f"{file} cannot be written: {error.strerror}")
        return ExitCode.FAILED
    return ExitCode.DONE
