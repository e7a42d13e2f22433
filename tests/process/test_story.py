"""`events` and `timeline`, with a journal of our making; tests/system reads real ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.process.probing import program
from support.process.terminal import Terminal

NOW, BEFORE = "a" * 32, "b" * 32
LINES = {
    "-1": [(BEFORE, 9_000_000, "started"), (BEFORE, 9_500_000, "online")],
    "0": [(NOW, 8_000_000, "started"), (NOW, 8_100_000, "secret-found"), (NOW, 8_400_000, "online")],
}
COMMAND = [sys.executable, "-m", "iot_onboard"]
REAL = "KernelTimestamp=Wed 2026-11-25 00:00:00 UTC\nUserspaceTimestampMonotonic=2000000\n"
CONTAINER = "KernelTimestamp=\nUserspaceTimestampMonotonic=7000000\n"


def entries(boot: str) -> str:
    return "\n".join(
        json.dumps(
            {
                "_BOOT_ID": boot_id,
                "__MONOTONIC_TIMESTAMP": str(at_us),
                "__REALTIME_TIMESTAMP": str(1_795_564_860_000_000 + at_us),
                "MESSAGE": f"This is {event}.",
                "PRIORITY": "6",
                "_PID": "54",
                "IOT_EVENT": event,
                "IOT_STATE": "boot",
                "IOT_CAUSE": event,
            }
        )
        for boot_id, at_us, event in LINES[boot]
    )


@pytest.fixture
def journal(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Make a journal, and return the environment in which it is the journal."""

    def make(*, manager: str = REAL, then: str = "", finished: str = "") -> dict[str, str]:
        directory = tmp_path / "bin"
        directory.mkdir(exist_ok=True)
        for name, text in {"now": entries("0"), "before": entries("-1"), "finished": finished}.items():
            (tmp_path / name).write_text(f"{text}\n" if text else "")
        script = (
            f'cd {tmp_path}; case "$*" in\n'
            f"*--list-boots*) echo ' -1 {BEFORE} Wed'; echo '  0 {NOW} Wed';;\n"
            "*MESSAGE_ID=*) cat finished;;\n"
            f"*--follow*) cat now; {then or 'exec sleep 60'};;\n"
            "*--boot=0*) cat now;;\n*--boot=-1*) cat before;;\n"
            "*--boot=*) echo 'No such boot ID in journal' >&2; exit 1;;\n"
            "*) cat before now;;\nesac"
        )
        program(directory, "journalctl", script)
        program(directory, "systemctl", f"printf '%s' '{manager}'")
        return {**os.environ, "PATH": f"{directory}:/usr/bin:/bin"}

    return make


def told(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], env=environment, capture_output=True, text=True, check=False, timeout=30)


def records(done: subprocess.CompletedProcess[str]) -> list[tuple[int, str, float, float | None]]:
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [(row["boot"], row["event"], row["since_boot_s"], row["since_previous_s"]) for row in rows]


def test_the_present_boot(journal: Callable[..., dict[str, str]]) -> None:
    """A heading and a line an event; whole sentences where no terminal is too narrow."""
    done = told(journal(), "events")
    assert done.returncode == 0
    head, names, *lines = done.stdout.splitlines()
    assert head.startswith("Boot 0 (aaaaaaaa), from 2026-11-")
    assert names.split() == ["since", "boot", "state", "event", "code"]
    assert lines[1] == " 0:00:08.100   +100 ms  boot   secret-found  -     This is secret-found."
    assert len(lines) == 3


def test_every_boot(journal: Callable[..., dict[str, str]]) -> None:
    """Each with its heading, or its number in the record."""
    environment = journal()
    assert told(environment, "events", "--all").stdout.count("Boot ") == 2
    assert records(told(environment, "events", "--all", "--json")) == [
        (-1, "started", 9.0, None),
        (-1, "online", 9.5, 0.5),
        (0, "started", 8.0, None),
        (0, "secret-found", 8.1, 0.1),
        (0, "online", 8.4, 0.3),
    ]
    assert records(told(environment, "events", "--boot", "-1", "--json"))[0] == (-1, "started", 9.0, None)


def test_in_a_container_a_boot_begins_with_its_service_manager(journal: Callable[..., dict[str, str]]) -> None:
    """The clock is the host's: what the manager said counts, and where it said nothing the first line."""
    finished = {
        "_BOOT_ID": BEFORE,
        "__MONOTONIC_TIMESTAMP": "9905000",
        "__REALTIME_TIMESTAMP": "1795564869905000",
        "_SOURCE_REALTIME_TIMESTAMP": "1795564869900000",
        "USERSPACE_USEC": "1900000",
    }
    environment = journal(manager=CONTAINER, finished=json.dumps(finished))
    assert [row[2] for row in records(told(environment, "events", "--all", "--json"))] == [1.0, 1.5, 1.0, 1.1, 1.4]
    environment = journal(manager=CONTAINER)
    assert [row[2] for row in records(told(environment, "events", "--boot", "-1", "--json"))] == [0.0, 0.5]


def test_a_boot_that_there_is_not(journal: Callable[..., dict[str, str]]) -> None:
    """Said in a line, with 1; a number that makes no sense with 2."""
    done = told(journal(), "events", "--boot", "-7")
    assert (done.returncode, done.stdout) == (1, "")
    assert "boot" in done.stderr
    assert done.stderr.count("\n") == 1
    for words in (["--boot", "1"], ["--boot", "x"], ["--boot", "-1", "--all"], ["--follow", "--all"]):
        assert told(journal(), "events", *words).returncode == 2


def test_following(journal: Callable[..., dict[str, str]]) -> None:
    """What was, then what comes, as it comes; Ctrl-C ends it well, and the journal's program with it."""
    with subprocess.Popen(
        [*COMMAND, "events", "--follow", "--json"], env=journal(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        rows = [json.loads(process.stdout.readline()) for _ in range(3)]
        assert [row["event"] for row in rows] == ["started", "secret-found", "online"]
        assert [row["since_previous_s"] for row in rows] == [None, 0.1, 0.3]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stdout.read() == ""


def test_a_terminal(journal: Callable[..., dict[str, str]]) -> None:
    """A line is a line: the sentence is cut to the width of the terminal."""
    environment = {**journal(), "TERM": "dumb", "COLUMNS": "70"}
    with Terminal([*COMMAND, "events"], environment) as terminal:
        assert terminal.wait() == 0
    lines = terminal.shown.splitlines()
    assert max(map(len, lines)) <= 70
    assert any(line.endswith("...") for line in lines)


def test_a_timeline(journal: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    """As bars, as numbers beside another boot's, as a picture and as a record; what there is not is told."""
    environment = {**journal(), "LANG": "C"}
    shown = told(environment, "timeline")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.isascii()
    assert "online 8.4 s after the kernel started" in shown.stdout
    assert "\u2588" in told({**environment, "LC_ALL": "C.UTF-8"}, "timeline").stdout
    compared = told(environment, "timeline", "--compare", "-1").stdout
    assert [line.split() for line in compared.splitlines()][-1] == [
        "online",
        "after",
        "8.4",
        "s",
        "9.5",
        "s",
        "-1.1",
        "s",
    ]
    picture = tmp_path / "boot.svg"
    assert told(environment, "timeline", "--svg", str(picture)).returncode == 0
    assert told(environment, "timeline", "--svg", "-").stdout == picture.read_text()
    (timeline,) = json.loads(told(environment, "timeline", "--json").stdout)["timelines"]
    assert timeline["spans"][0] == {"kind": "kernel", "group": "the system", "begin_s": 0.0, "end_s": 2.0}
    assert timeline["whole_s"] == 8.4
    for words, code in (
        (["--boot", "-7"], 1),
        (["--compare", "-7"], 1),
        (["--svg", "/none/x"], 1),
        (["--boot", "1"], 2),
    ):
        failed = told(environment, "timeline", *words)
        assert (failed.returncode, failed.stdout, bool(failed.stderr)) == (code, "", True)
