"""`events`, with a journal of our making; tests/system reads real ones."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from support.process.journal import CONTAINER, FINISHED, Journal
from support.process.terminal import Terminal

COMMAND = [sys.executable, "-m", "iot_onboard"]


def command(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], env=environment, capture_output=True, text=True, check=False, timeout=30)


def records(done: subprocess.CompletedProcess[str]) -> list[tuple[int, str, float, float | None]]:
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [(row["boot"], row["event"], row["since_boot_s"], row["since_previous_s"]) for row in rows]


def test_the_present_boot(tmp_path: Path) -> None:
    """A heading and a line an event; whole sentences where no terminal is too narrow."""
    done = command(Journal(tmp_path).environment, "events")
    assert done.returncode == 0
    head, names, *lines = done.stdout.splitlines()
    assert head.startswith("Boot 0 (aaaaaaaa), from 2026-11-")
    assert names.split() == ["since", "boot", "state", "event", "code"]
    assert lines[1] == " 0:00:08.100   +100 ms  boot   secret-found  -     This is secret-found."
    assert len(lines) == 3


def test_every_boot(tmp_path: Path) -> None:
    """Each with its heading, or its number in the record."""
    environment = Journal(tmp_path).environment
    assert command(environment, "events", "--all").stdout.count("Boot ") == 2
    assert records(command(environment, "events", "--all", "--json")) == [
        (-1, "started", 9.0, None),
        (-1, "online", 9.5, 0.5),
        (0, "started", 8.0, None),
        (0, "secret-found", 8.1, 0.1),
        (0, "online", 8.4, 0.3),
    ]
    assert records(command(environment, "events", "--boot", "-1", "--json"))[0] == (-1, "started", 9.0, None)


def test_in_a_container_a_boot_begins_with_its_service_manager(tmp_path: Path) -> None:
    """The clock is the host's: what the manager said counts, and where it said nothing the first line."""
    environment = Journal(tmp_path, manager=CONTAINER, finished=FINISHED).environment
    assert [row[2] for row in records(command(environment, "events", "--all", "--json"))] == [1.0, 1.5, 1.0, 1.1, 1.4]
    environment = Journal(tmp_path, manager=CONTAINER).environment
    assert [row[2] for row in records(command(environment, "events", "--boot", "-1", "--json"))] == [0.0, 0.5]


def test_a_boot_that_there_is_not(tmp_path: Path) -> None:
    """Said in a line, with 1; a number that makes no sense with 2."""
    done = command(Journal(tmp_path).environment, "events", "--boot", "-7")
    assert (done.returncode, done.stdout) == (1, "")
    assert "boot" in done.stderr
    assert done.stderr.count("\n") == 1
    for words in (["--boot", "1"], ["--boot", "x"], ["--boot", "-1", "--all"], ["--follow", "--all"]):
        assert command(Journal(tmp_path).environment, "events", *words).returncode == 2


def test_following(tmp_path: Path) -> None:
    """What was, then what comes, as it comes; Ctrl-C ends it well, and the journal's program with it."""
    with subprocess.Popen(
        [*COMMAND, "events", "--follow", "--json"], env=Journal(tmp_path).environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        rows = [json.loads(process.stdout.readline()) for _ in range(3)]
        assert [row["event"] for row in rows] == ["started", "secret-found", "online"]
        assert [row["since_previous_s"] for row in rows] == [None, 0.1, 0.3]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stdout.read() == ""


def test_a_terminal(tmp_path: Path) -> None:
    """A line is a line: the sentence is cut to the width of the terminal."""
    environment = {**Journal(tmp_path).environment, "TERM": "dumb", "COLUMNS": "70"}
    with Terminal([*COMMAND, "events"], environment) as terminal:
        assert terminal.wait() == 0
    lines = terminal.shown.splitlines()
    assert max(map(len, lines)) <= 70
    assert any(line.endswith("...") for line in lines)
