"""`iot-onboard bundle`: one file for support, without secrets."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from .. import __version__
from ..bundle.archive import pack
from ..bundle.assemble import Kind, Part, assemble
from ..bundle.gather import gather
from ..bundle.known_secrets import Known, known_secrets
from ..bundle.members import Member, members
from ..bundle.places import Places, places_of
from ..config.environment import identity_of
from ..config.files import read_documents
from ..config.problems import MissingFact
from ..config.reader import parse
from ..core.exit_codes import ExitCode
from ..disk.output import is_standard_output, write_output
from ..doctor.model import Result
from ..doctor.report import as_json, text
from ..doctor.runner import run as run_checks
from ..doctor.table import CHECKS
from ..system.processes import run_isolated
from ..system.terminal import complain
from ..system.text_style import Style

# The time limit of a program, and some more.
LIMIT_S = 12.0

EPILOG = """\
It holds the output of `status` and `doctor`, the journal of this boot and the last, the unit, versions, the state of
the network, and the configuration with its secrets masked. MANIFEST.txt in it lists what is included and missing.
Every known secret is masked, also if it is escaped, in hexadecimal or in base64.
With sudo it includes more, and can mask more secrets.

examples:
  sudo iot-onboard bundle                           into this directory
  sudo iot-onboard bundle --output /tmp/b.tar.gz    into this file
  tar -tzf b.tar.gz                                 list its content
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the output file."""
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="default: ./iot-onboard-bundle-NAME-TIME.tar.gz, with device or host name and UTC time; - for stdout",
    )


def run(arguments: argparse.Namespace) -> int:
    """Collect everything, mask the secrets, and write one file."""
    return run_isolated(partial(_make, arguments))


def _make(arguments: argparse.Namespace) -> int:
    if sys.stderr.isatty():
        complain("collecting; this takes up to a minute")
    at = datetime.now(UTC)
    name, known, listed = _prepared(arguments.config)
    results = run_checks(CHECKS, arguments.config)
    parts = [*_doctor(results, at), *_collected(listed)]
    who = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
    headline = (
        f"iot-onboard bundle of {name}, made {at.isoformat(timespec='seconds')} by iot-onboard {__version__} as {who}"
    )
    files = assemble(
        parts,
        secrets=frozenset(known.secrets),
        many=frozenset(known.many),
        unread=known.unread,
        headline=headline,
        omitted=known.omitted,
    )
    folder = f"iot-onboard-bundle-{re.sub(r'[^A-Za-z0-9._-]', '-', name)}-{at:%Y%m%dT%H%M%SZ}"
    path: Path = arguments.output or Path(f"{folder}.tar.gz")
    try:
        # Only its owner can read it.
        write_output(path, pack(folder, files, int(at.timestamp())), 0o600)
    except OSError as error:
        complain(f"{path} cannot be written: {error.strerror or error}")
        return ExitCode.FAILED
    # Standard output must hold only the archive.
    print(_summary(path, parts, known), file=sys.stderr if is_standard_output(path) else sys.stdout)
    return ExitCode.DONE


def _prepared(config_path: Path) -> tuple[str, Known, Sequence[Member]]:
    """Return the gateway's name, its secrets, and the parts to collect; none of them can hang the command."""
    read = gather({"configuration": partial(_read, config_path)}, limit_s=LIMIT_S)["configuration"].value
    name, places = read or (platform.node() or "gateway", places_of(()))
    known = gather({"secrets": partial(known_secrets, config_path, places)}, limit_s=LIMIT_S)["secrets"]
    listed = gather({"parts": partial(members, config_path, places)}, limit_s=LIMIT_S)["parts"].value
    # If the disk does not answer, the secrets on it are unknown: the manifest says so.
    return name, known.value or Known(unread=[f"all files: {known.why_not}"]), listed or ()


def _read(config_path: Path) -> tuple[str, Places]:
    documents, problems = read_documents(config_path)
    config, _ = parse(documents, problems, names_required=False)
    name = platform.node() or "gateway"
    if config is not None and config.device_name:
        with contextlib.suppress(MissingFact):
            name = identity_of(config).device_name
    return name, places_of(documents)


def _doctor(results: Sequence[Result], at: datetime) -> list[Part]:
    found, about = f"{text(results, Style())}\n", "what `iot-onboard doctor` found"
    made = as_json(results, at=at, as_root=os.geteuid() == 0)
    return [
        Part(name="doctor.txt", about=about, kind=Kind.OURS, data=found.encode()),
        Part(name="doctor.json", about="the same, for a program", kind=Kind.OURS, data=made.encode()),
    ]


def _collected(listed: Sequence[Member]) -> list[Part]:
    collected = gather({member.name: member.collect for member in listed}, limit_s=LIMIT_S)
    return [
        Part(
            name=member.name,
            about=member.about,
            kind=member.kind,
            data=collected[member.name].value,
            why_not=collected[member.name].why_not,
        )
        for member in listed
    ]


def _summary(path: Path, parts: Sequence[Part], known: Known) -> str:
    count = sum(part.data is not None for part in parts)
    lines = [
        f"Written to {path}: {count} files, without secrets. MANIFEST.txt in it lists what is included and missing."
    ]
    if known.unread and os.geteuid() != 0:
        lines.append("With sudo it includes more, and can mask more secrets.")
    elif known.unread:
        lines.append(
            f"Check it before you send it: {known.unread[0]} could not be read, so its secrets were not masked."
        )
    return "\n".join(lines)
