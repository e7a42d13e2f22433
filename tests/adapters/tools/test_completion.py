"""The completion for bash, in a bash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from iot_onboard.cli import COMMANDS
from iot_onboard.doctor.table import CHECKS, select
from iot_onboard.events.explain import find, topics
from support.process.terminal import Terminal
from support.tree import ROOT
from tools import completion

SCRIPT = ROOT / completion.FILE
ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
compopt() { :; }
_iot_onboard
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(*words: str, directory: Path = ROOT) -> list[str]:
    """Return what is offered for the last word, as bash splits the line."""
    command = ["bash", "--norc", "-uc", ASK, "bash", str(SCRIPT), "iot-onboard", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=directory)
    assert done.stderr == ""
    return done.stdout.split()


def test_what_lies_in_the_tree_is_what_the_table_makes() -> None:
    """After a change of a command, an event, a code or a check: make reference."""
    assert SCRIPT.read_text() == completion.script(), "out of date: run `make reference`"


def test_the_package_installs_it_where_bash_looks() -> None:
    """Under the command's name."""
    assert f"{completion.FILE} usr/share/bash-completion/completions" in (ROOT / "debian/install").read_text()


def test_commands() -> None:
    """All of them, and those that begin so."""
    assert offered("") == list(COMMANDS)
    assert offered("che") == ["check-config"]
    assert offered("--") == ["--help", "--version"]


@pytest.mark.parametrize("command", list(COMMANDS))
def test_options(command: str) -> None:
    """What `--help` of a command shows."""
    done = subprocess.run(
        [sys.executable, "-m", "iot_onboard", command, "--help"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "daemon"), "COLUMNS": "200"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    shown = {word.strip(",") for line in done.stdout.splitlines() for word in line.split() if line.startswith("  -")}
    assert set(offered(command, "--")) == {word for word in shown if word.startswith("--")}


def test_what_can_be_explained() -> None:
    """Events, codes, causes: each is known to `explain`, and each is offered."""
    names = offered("explain", "")
    assert names == [topic.name for topic in topics()]
    assert all(find(name) is not None for name in names)
    assert offered("explain", "login-") == ["login-refused", "login-blocked"]
    assert offered("explain", "628") == ["6288", "6289"]


@pytest.mark.parametrize("words", [("--only", ""), ("--only", "=", ""), ("--only", "=")])
def test_checks(words: tuple[str, ...]) -> None:
    """Groups and checks, also after an equals sign, which bash makes a word of its own."""
    names = offered("doctor", *words)
    assert set(names) == {check.id for check in CHECKS} | {check.group.value for check in CHECKS}
    assert all(select(name) for name in names)


def test_a_list_of_checks() -> None:
    """What stands before the last comma stays."""
    assert offered("doctor", "--only", "dns,tcp,state-dis") == ["dns,tcp,state-disk"]


def test_values(tmp_path: Path) -> None:
    """Boots, files and directories where they are meant, and nothing where anything may stand."""
    (tmp_path / "a file").write_text("")
    (tmp_path / "folder").mkdir()
    assert offered("events", "--boot", "") == offered("timeline", "--compare", "") == ["0", "-1", "-2", "-3"]
    assert offered("timeline", "--svg", "f", directory=tmp_path) == ["folder"]
    assert offered("status", "--config", "a", directory=tmp_path) == ["a", "file"]
    assert offered("import-boot-file", "--boot", "", directory=tmp_path) == ["folder"]
    assert offered("setup", "--device-name", "") == []


def test_at_a_terminal(tmp_path: Path) -> None:
    """The tab key completes a command, an option and a name, and a file with a blank in it."""
    (tmp_path / "a file").write_text("")
    environment = {"PATH": "/usr/bin:/bin", "TERM": "dumb", "PS1": "ready> ", "HOME": str(tmp_path)}
    with Terminal(["bash", "--norc", "--noprofile", "-i"], environment) as terminal:
        terminal.type(f"cd {tmp_path}; iot-onboard() {{ printf '<%s>' \"$@\"; echo; }}; source {SCRIPT}; echo loaded")
        terminal.expect("loaded\r\n")
        for keys, words in (
            ("iot-onboard doc\t--on\tstate-dis\t\r", "<doctor><--only><state-disk>"),
            ("iot-onboard explain connection-\t\r", "<explain><connection-lost>"),
            ("iot-onboard timeline --svg a\t\r", "<timeline><--svg><a file>"),
        ):
            terminal.press(keys)
            terminal.expect(words)
