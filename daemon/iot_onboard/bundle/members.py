"""The parts of the bundle: one line each, with the function that collects it and the way its secrets are masked."""

from __future__ import annotations

import grp
import json
import os
import platform
import pwd
import re
import ssl
import stat
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from .. import __version__
from ..boot_log.entries import FIELDS
from ..boot_log.journalctl import UNITS, Unreadable
from ..boot_log.listing import columns_of
from ..boot_log.listing_text import entries_of, lines_of, timeline_of
from ..boot_log.timeline_text import text as timeline_text
from ..config.identity_memory import FILE_NAME
from ..config.schema import FRAGMENTS
from ..disk.credentials_format import DIRECTORY, SUBDEVICES
from ..disk.files import read_plain
from ..disk.untrusted_path import list_foreign, read_foreign
from ..provisioning.boot_file import ERRORS
from ..provisioning.boot_partition import PLACES, find
from ..reporting.runtime_files import HistoryLog
from ..reporting.status_file import read_checked
from ..reporting.status_view import View, record_of, text, view_of
from ..system.processes import ask
from ..system.text_style import Style, printable
from .assemble import Kind
from .gather import PartOmitted
from .places import Places

TIMEOUT_S = 10.0
MAX_BYTES = 1_000_000
_MAX_LISTED = 500
_MAX_RUNTIME_FILES = 20
# The daemon itself reads no more of one.
_MAX_RUNTIME_BYTES = 65_536
_RUNTIME_FILE = re.compile(r"[a-z-]{1,40}\.json")
_UNITS = tuple(f"--unit={unit}" for unit in (*UNITS, "iot-onboard-wait-online.service"))
_JOURNAL = ("journalctl", "--no-pager", "-q", "-n", "5000")
_FIELDS = f"--output-fields={','.join((*FIELDS, '_BOOT_ID', '_SYSTEMD_UNIT'))}"
_PACKAGES = (
    "iot-onboard", "python3", "python3-paho-mqtt", "python3-requests", "python3-urllib3", "python3-yaml",
    "python3-systemd", "libssl3", "libssl3t64", "openssl", "ca-certificates", "systemd", "libc6",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """Hold the name of a part, what it is, the function that collects it, and the origin of its text."""

    name: str
    about: str
    collect: Callable[[], bytes]
    kind: Kind = Kind.FOREIGN


def members(config_path: Path, places: Places, root: Path = Path("/")) -> tuple[Member, ...]:
    """Return the parts that this gateway may have, without the doctor's."""
    runtime_dir = places.runtime_dirs[0]
    stores = (
        path for state_dir in places.state_dirs for path in (state_dir, state_dir / DIRECTORY, state_dir / SUBDEVICES)
    )
    folders = (config_path.parent, config_path.parent / FRAGMENTS, *stores, *places.runtime_dirs)
    return (
        Member("status.txt", "the status of the daemon", partial(_status, runtime_dir), Kind.OURS),
        Member("status.json", "the same, for a program", partial(_status_record, runtime_dir), Kind.OURS),
        *_runtime(runtime_dir),
        Member("journal/this-boot.txt", "the service's lines", _run(*_JOURNAL, "-b", *_UNITS, "-o", "short-iso")),
        Member("journal/this-boot.json", "with their fields", _run(*_JOURNAL, "-b", *_UNITS, "-o", "json", _FIELDS)),
        Member("journal/last-boot.txt", "the previous boot's", _run(*_JOURNAL, "-b", "-1", *_UNITS, "-o", "short-iso")),
        Member("events.txt", "the events of this boot", partial(_entries, 0)),
        Member("events-last-boot.txt", "those of the previous boot", partial(_entries, -1)),
        Member("timeline.txt", "how long each step to online took", _timeline),
        Member("journal/kernel.txt", "the kernel's warnings", _run(*_JOURNAL, "-b", "-k", "-p", "warning")),
        Member("journal/time.txt", "clock synchronisation", _run(*_JOURNAL, "-b", "-u", "systemd-timesyncd")),
        Member("unit/show.txt", "the unit's properties", _run("systemctl", "show", "iot-onboard.service")),
        Member("unit/cat.txt", "the unit's files", _run("systemctl", "cat", "iot-onboard.service")),
        Member("unit/list.txt", "our units", _run("systemctl", "list-units", "--all", "--no-pager", "iot-onboard*")),
        Member("system/packages.txt", "versions of packages", _run("dpkg", "-l", *_PACKAGES)),
        Member("system/verify.txt", "our files that were changed", _run("dpkg", "--verify", "iot-onboard")),
        Member("system/python.txt", "versions of Python", _python, Kind.OURS),
        Member("system/os-release", "the system", partial(_file, root / "etc/os-release")),
        Member("system/model.txt", "the board", partial(_file, root / "proc/device-tree/model")),
        Member("system/memory.txt", "memory", partial(_file, root / "proc/meminfo")),
        Member("system/uptime.txt", "seconds since the boot", partial(_file, root / "proc/uptime")),
        Member("system/load.txt", "load", partial(_file, root / "proc/loadavg")),
        Member("system/time.txt", "the clock", _run("timedatectl", "status", "--no-pager")),
        Member("system/disks.txt", "free space on the disks", _run("df", "-h")),
        Member("system/inodes.txt", "free inodes on the disks", _run("df", "-i")),
        Member("system/mounts.txt", "what is mounted", partial(_file, root / "proc/self/mountinfo")),
        Member("network/addresses.txt", "interfaces", _run("ip", "-details", "address")),
        Member("network/routes-v4.txt", "routes of IPv4", _run("ip", "-4", "route", "show", "table", "all")),
        Member("network/routes-v6.txt", "routes of IPv6", _run("ip", "-6", "route", "show", "table", "all")),
        Member("network/resolv.conf", "name servers", partial(_file, root / "etc/resolv.conf")),
        Member("network/hosts", "fixed names", partial(_file, root / "etc/hosts")),
        Member("network/nsswitch.conf", "the order of name look-up", partial(_file, root / "etc/nsswitch.conf")),
        Member("network/proxies.txt", "proxies, by name only", partial(_proxies, places), Kind.OURS),
        *_memories(places),
        Member("files.txt", "modes and owners of our directories", partial(_listing, folders), Kind.OURS),
        *_configuration(config_path, root),
    )  # fmt: skip


def _runtime(runtime_dir: Path) -> list[Member]:
    try:
        found, _ = list_foreign(runtime_dir, _MAX_LISTED)
    except OSError:
        return []
    names = [name for name, _ in found if _RUNTIME_FILE.fullmatch(name)][:_MAX_RUNTIME_FILES]
    return [
        Member(f"runtime/{name}", "what the daemon remembers", partial(_foreign_file, runtime_dir / name))
        for name in names
    ]


def _memories(places: Places) -> list[Member]:
    paths = [state_dir / FILE_NAME for state_dir in places.state_dirs]
    about = "the saved device name, and what it was made from"
    return [Member(f"state{path}", about, partial(_foreign_file, path)) for path in paths if os.path.lexists(path)]


def _configuration(config_path: Path, root: Path) -> list[Member]:
    about = "the configuration, with secrets masked"
    found = [Member("config/config.yaml", about, partial(_file, config_path), Kind.CONFIGURATION)]
    try:
        fragments = sorted((config_path.parent / FRAGMENTS).iterdir())
    except OSError:
        fragments = []
    found += [
        Member(f"config/conf.d/{path.name}", about, partial(_file, path), Kind.CONFIGURATION) for path in fragments
    ]
    for place in PLACES:
        for path in (*find([root / place.relative_to("/")]), root / place.relative_to("/") / ERRORS):
            if path.exists():
                name = f"boot{str(place).replace('/', '-')}/{path.name}"
                found.append(Member(name, "on the boot partition", partial(_file, path), Kind.CONFIGURATION))
    return found


def _entries(boot: int) -> bytes:
    try:
        entries = entries_of(boot)
        return "".join(f"{words}\n" for words in lines_of(entries, columns_of(entries), Style)).encode()
    except Unreadable as why:
        raise PartOmitted(str(why)) from None


def _timeline() -> bytes:
    try:
        return f"{timeline_text(timeline_of(0), Style(), blocks=False)}\n".encode()
    except Unreadable as why:
        raise PartOmitted(str(why)) from None


def _run(*command: str) -> Callable[[], bytes]:
    """Return a function that runs a program and returns its output, also the output before a failure."""

    def collect() -> bytes:
        answer = ask(command, timeout_s=TIMEOUT_S)
        said = answer.output[-MAX_BYTES:] + answer.errors[-MAX_BYTES:]
        if not said:
            raise PartOmitted(answer.trouble or (f"ended with {answer.code}" if answer.code else "no output"))
        head = f"$ {' '.join(command)}\n".encode()
        if len(answer.output) > MAX_BYTES:
            head += b"(only the end)\n"
        tail = f"({answer.trouble or f'ended with {answer.code}'})\n".encode() if answer.code != 0 else b""
        return head + said + tail

    return collect


def _file(path: Path) -> bytes:
    data = read_plain(path.resolve(), MAX_BYTES, follow=False)
    if not data:
        raise PartOmitted("empty")
    return data


def _foreign_file(path: Path) -> bytes:
    data = read_foreign(path, _MAX_RUNTIME_BYTES)
    if not data:
        raise PartOmitted("empty")
    return data


def _view(runtime_dir: Path) -> View:
    status = read_checked(runtime_dir)
    if status is None:
        raise PartOmitted("the daemon does not run")
    return view_of(status, HistoryLog(runtime_dir).read_as_reader(), datetime.now(UTC), time.monotonic())


def _status(runtime_dir: Path) -> bytes:
    return f"{text(_view(runtime_dir), datetime.now(UTC), Style())}\n".encode()


def _status_record(runtime_dir: Path) -> bytes:
    return json.dumps(record_of(_view(runtime_dir)), indent=1).encode()


def _python() -> bytes:
    lines = (
        f"iot-onboard {__version__} at {Path(__file__).parents[1]}",
        f"Python {sys.version}",
        f"{ssl.OPENSSL_VERSION}",
        f"{platform.platform()} on {platform.machine()}",
        f"run by user {os.geteuid()}",
    )
    return "\n".join((*lines, "")).encode()


def _proxies(places: Places) -> bytes:
    names = sorted(name for name in os.environ if name.lower().endswith("_proxy"))
    configured = "set" if places.proxies else "not set"
    return f"proxy in the configuration: {configured}\nin the environment: {', '.join(names) or 'none'}\n".encode()


def _listing(folders: tuple[Path, ...]) -> bytes:
    lines = [line for folder in folders for line in _folder(folder)]
    return "\n".join((*lines, "")).encode()


def _folder(folder: Path) -> list[str]:
    try:
        found, more = list_foreign(folder, _MAX_LISTED)
        lines = [_entry(folder, folder.lstat())]
    except OSError as error:
        return [f"{folder}: {error.strerror}", ""]
    return [*lines, *(_entry(folder / name, one) for name, one in found), *(["... and more"] if more else []), ""]


def _entry(path: Path, found: os.stat_result) -> str:
    try:
        changed = datetime.fromtimestamp(found.st_mtime, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError):
        # The owner of a file can set any time.
        changed = f"{found.st_mtime:.0f} s"
    owner = f"{_named(pwd.getpwuid, found.st_uid)}:{_named(grp.getgrgid, found.st_gid)}"
    return f"{stat.filemode(found.st_mode)} {owner:<24} {found.st_size:>9} {changed} {printable(str(path))}"


def _named(name_of: Callable[[int], Sequence[Any]], number: int) -> str:
    try:
        return str(name_of(number)[0])
    except KeyError:
        return str(number)
