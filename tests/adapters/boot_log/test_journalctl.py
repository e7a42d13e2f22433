"""Reading the journal, by a journalctl of our making; tests/system reads real ones."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from iot_onboard.boot_log.boots import BootStart
from iot_onboard.boot_log.journalctl import (
    PERSISTENT_JOURNAL,
    Unreadable,
    boots,
    follow,
    keeps_boots,
    present_start,
    read,
    starts,
    why_silent,
)
from support.process.journal import BEFORE, CONTAINER, FINISHED, NOW, Journal


def journal(directory: Path, monkeypatch: pytest.MonkeyPatch, **made: str) -> Journal:
    """Make a journal, and put its programs first in the search path."""
    found = Journal(directory, **made)
    monkeypatch.setenv("PATH", found.path)
    return found


def test_a_boot_is_asked_for_by_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of our units alone, as JSON, and with no more fields than are read; without a number it is all boots."""
    made = journal(tmp_path, monkeypatch)
    assert [entry.event for entry in read(-1)] == ["started", "online"]
    asked = made.asked.read_text().split()
    assert {"--boot=-1", "--output=json", "--no-pager", "--quiet"} <= set(asked)
    assert [word for word in asked if word.startswith("--unit=")] == [
        "--unit=iot-onboard.service", "--unit=iot-onboard-import.service", "--unit=iot-onboard-recovery.service",
    ]  # fmt: skip
    assert any(word.startswith("--output-fields=MESSAGE,") for word in asked)
    assert {entry.boot_id for entry in read(None)} == {BEFORE, NOW}
    assert "--boot" not in made.asked.read_text().splitlines()[-1]


def test_a_journal_that_says_nothing_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the journal's program said, or did not, becomes a sentence."""
    journal(tmp_path, monkeypatch)
    with pytest.raises(Unreadable, match="has no boot -7" if keeps_boots() else "no boot before"):
        read(-7)


def test_boots_by_their_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `journalctl --list-boots` numbers them."""
    journal(tmp_path, monkeypatch)
    assert boots() == {BEFORE: -1, NOW: 0}


def test_when_boots_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The present one by the manager; an earlier one by its "Startup finished", at 0, or at its first line."""
    journal(tmp_path, monkeypatch)
    entries, offsets = read(None), boots()
    assert present_start() == BootStart(userspace_us=2_000_000)
    assert starts(entries, offsets) == {NOW: BootStart(userspace_us=2_000_000), BEFORE: BootStart()}
    journal(tmp_path, monkeypatch, manager=CONTAINER, finished=FINISHED)
    container = BootStart(origin_us=7_000_000, userspace_us=7_000_000)
    assert starts(entries, offsets)[NOW] == container
    assert starts(entries, offsets)[BEFORE].origin_us == 8_000_000
    journal(tmp_path, monkeypatch, manager=CONTAINER)
    assert starts(entries, offsets)[BEFORE] == BootStart(origin_us=9_000_000)


def test_only_boots_that_were_read_are_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all of it is the present boot, nobody looks for the ends of others."""
    made = journal(tmp_path, monkeypatch)
    starts(read(0), {NOW: 0})
    assert "MESSAGE_ID=" not in made.asked.read_text()


def test_a_manager_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The present boot then begins where the clock does."""
    journal(tmp_path, monkeypatch, manager="")
    assert present_start() == BootStart()


def test_following_ends_its_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was, line by line; whoever stops listening leaves no journalctl behind."""
    made = journal(tmp_path, monkeypatch, then="echo $$ >pid; cat before; exec sleep 60")
    entries = follow()
    assert [next(entries).event for _ in range(4)] == ["started", "secret-found", "online", "started"]
    began = time.monotonic()
    entries.close()  # type: ignore[attr-defined]  # it is a generator
    assert time.monotonic() - began < 20, "it was waited for"
    pid = int((tmp_path / "pid").read_text())
    assert not Path(f"/proc/{pid}").exists()
    assert "--follow --lines=all" in made.asked.read_text()


SILENT: dict[str, Any] = {"trouble": "", "words": "", "may_read": True, "known": (-2, -1, 0), "kept": True}


@pytest.mark.parametrize(
    ("boot", "seen", "logged"),
    [
        (0, {}, "the journal of this boot has no line of the service"),
        (None, {}, "the journal has no line of the service"),
        (-1, {}, "the journal of boot -1 has no line of the service"),
        (-7, {}, "the journal has no boot -7: the oldest is boot -2"),
        (-1, {"kept": False, "known": (0,)}, "the journal is only in memory"),
        (0, {"may_read": False}, "put sudo before the command"),
        (-7, {"may_read": False, "kept": False, "words": "No permission."}, "systemd-journal"),
        (0, {"trouble": "journalctl is not installed", "may_read": False}, "journalctl is not installed"),
        (0, {"words": "Failed to open files: Input/output error"}, "Input/output error"),
    ],
)
def test_silence_is_explained(boot: int | None, seen: dict[str, Any], logged: str) -> None:
    """In one line: what stands in the way first, and what to do."""
    words = why_silent(boot, **{**SILENT, **seen})
    assert logged in words
    assert "\n" not in words
    assert "To do: " in words or "trouble" in seen or "words" in seen
    assert (PERSISTENT_JOURNAL in words) == ("memory" in words)
