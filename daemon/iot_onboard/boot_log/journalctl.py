"""Read the boot log from the journal by `journalctl`, which handles boots, rotation and permissions."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from ..core import units
from ..system.processes import Answer, ask, environment
from ..system.systemd import show
from .boots import FINISHED_IDS, PROPERTIES, BootStart, of_finished, of_present
from .entries import FIELDS, JournalEntry, read_entry

UNITS = (units.SERVICE, units.IMPORT, units.RECOVERY)
# An SD card with months of journal may be slow.
_TIMEOUT_S = 60.0
_ASK_S = 5.0
_BOOT = re.compile(r"^\s*(-?\d+)\s+([0-9a-f]{32})\b", re.MULTILINE)

PERSISTENT_JOURNAL = (
    "to keep old boots, put `[Journal]` and `Storage=persistent` into /etc/systemd/journald.conf.d/persistent.conf, "
    "then: sudo systemctl restart systemd-journald && sudo journalctl --flush (it writes to the SD card)"
)


class Unreadable(Exception):
    """The journal has no line of the service; the message says why, and what to do."""


def read(boot: int | None) -> tuple[JournalEntry, ...]:
    """Return the entries of one boot (0 is this one, -1 the previous one), or of all; raise `Unreadable`."""
    answer = ask([*_command(boot), "--no-pager"], timeout_s=_TIMEOUT_S)
    entries = tuple(entry for line in answer.text.splitlines() if (entry := read_entry(line)) is not None)
    if not any(entry.is_shown for entry in entries):
        raise Unreadable(_why(boot, answer))
    return entries


def follow() -> Iterator[JournalEntry]:
    """Yield the entries of this boot, and new ones as they come; raise `Unreadable` if this user cannot read them."""
    if not _may_read():
        raise Unreadable(_why(0, Answer(code=0)))
    command = [*_command(0), "--follow", "--lines=all"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(), text=True, errors="replace") as process:  # noqa: S603 - a list of words, and none of them from outside
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if (entry := read_entry(line)) is not None:
                    yield entry
        finally:
            process.terminate()


def boots() -> dict[str, int]:
    """Return the boots in the journal by their ids: 0 is this one, -1 the previous one."""
    answer = ask(["journalctl", "--list-boots", "--quiet", "--no-pager"], timeout_s=_TIMEOUT_S)
    return {boot_id: int(offset) for offset, boot_id in _BOOT.findall(answer.text)}


def keeps_boots() -> bool:
    """Say whether earlier boots are kept: a journal in memory is lost at each reboot."""
    return any(Path("/var/log/journal").glob("*/*.journal"))


def starts(entries: Sequence[JournalEntry], offsets: Mapping[str, int]) -> dict[str, BootStart]:
    """Return when the boots of these entries began, by their ids."""
    first = {entry.boot_id: entry.at_us for entry in reversed(entries)}
    present = present_start()
    # In a container the clock is the host's: if nothing better is known, the first line is the beginning.
    unknown = BootStart(origin_us=0) if present.origin_us == 0 else None
    found = {boot_id: unknown or BootStart(origin_us=at_us) for boot_id, at_us in first.items()}
    earlier = [offset for boot_id, offset in offsets.items() if boot_id in first and offset != 0]
    if earlier:
        finished = _finished(earlier[0] if len(earlier) == 1 else None)
        found |= {boot_id: start for boot_id, start in finished.items() if boot_id in found}
    return found | {boot_id: present for boot_id in found if offsets.get(boot_id) == 0}


def present_start() -> BootStart:
    """Return when this boot began, as far as the service manager knows."""
    return of_present(show(PROPERTIES, timeout_s=_ASK_S).properties) or BootStart()


def _finished(boot: int | None) -> dict[str, BootStart]:
    """Return when boots began, by their ids, if they finished starting up."""
    ids = [f"MESSAGE_ID={message_id}" for message_id in FINISHED_IDS]
    command = ["journalctl", "--quiet", "--no-pager", "--output=json", "_PID=1", *ids]
    answer = ask([*command, *_of(boot)], timeout_s=_TIMEOUT_S)
    found = (of_finished(line) for line in answer.text.splitlines())
    return {start.boot_id: start for start in found if start is not None}


def _command(boot: int | None) -> list[str]:
    chosen = [f"--unit={unit}" for unit in UNITS]
    return ["journalctl", "--quiet", "--output=json", f"--output-fields={','.join(FIELDS)}", *chosen, *_of(boot)]


def _of(boot: int | None) -> list[str]:
    return [] if boot is None else [f"--boot={boot}"]


def _why(boot: int | None, answer: Answer) -> str:
    words = answer.errors.decode("utf-8", "replace").strip().splitlines()
    return why_silent(
        boot,
        trouble=answer.trouble,
        words=words[0] if words else "",
        may_read=_may_read(),
        known=boots().values(),
        kept=keeps_boots(),
    )


def _may_read() -> bool:
    if os.geteuid() == 0:
        return True
    files = [
        file for place in ("/var/log/journal", "/run/log/journal") for file in Path(place).glob("*/system.journal")
    ]
    return any(os.access(file, os.R_OK) for file in files) or not files


def why_silent(
    boot: int | None, *, trouble: str, words: str, may_read: bool, known: Collection[int], kept: bool
) -> str:
    """Return one line: why the journal has no line of the service, then what to do; `boot` is `None` for all boots."""
    if trouble:
        return f"the journal cannot be read: {trouble}"
    if not may_read:
        return (
            "this user cannot read the journal. To do: put sudo before the command, or permanently: "
            "sudo usermod --append --groups systemd-journal $USER, and log in again"
        )
    if boot not in (None, 0) and boot not in known:
        if not kept:
            return f"no boot before this one is kept: the journal is only in memory. To do: {PERSISTENT_JOURNAL}"
        oldest = min(known, default=0)
        return f"the journal has no boot {boot}: the oldest is boot {oldest}. To do: journalctl --list-boots"
    if words:
        return f"the journal cannot be read: {words}"
    which = {None: "the journal", 0: "the journal of this boot"}.get(boot, f"the journal of boot {boot}")
    return (
        f"{which} has no line of the service: it did not run, or its log_level hides all lines. "
        "To do: systemctl status iot-onboard"
    )
