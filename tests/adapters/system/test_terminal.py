"""What a command says beside its answer, how it looks at its terminal, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from iot_onboard.system.terminal import can_show_blocks, complain, style
from support.process.terminal import Terminal
from support.tree import DAEMON

STYLE = "from iot_onboard.system.terminal import style; print(style())"
SHORT = """
import resource
from iot_onboard.system.terminal import complain
resource.setrlimit(resource.RLIMIT_NOFILE, (0, 1024))
complain("short of\\x1b[2J descriptors")
"""
LEAVE = """
import sys, threading, time
from iot_onboard.system.terminal import exit_now
threading.Thread(target=time.sleep, args=(600,)).start()
sys.stdout.write("said")
exit_now(7)
"""


def environment(**more: str) -> dict[str, str]:
    # Without a buffer nothing could be lost.
    dropped = {"NO_COLOR", "TERM", "COLUMNS", "PYTHONUNBUFFERED"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "PYTHONPATH": str(DAEMON), **more}


def test_a_complaint_stands_beside_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, under the program's name."""
    complain("the journal cannot be read")
    assert capsys.readouterr() == ("", "iot-onboard: the journal cannot be read\n")


def test_a_complaint_without_a_descriptor_left() -> None:
    """What makes words printable cannot be loaded: they are said all the same, and command no terminal."""
    done = subprocess.run([sys.executable, "-c", SHORT], capture_output=True, text=True, check=False, env=environment())
    assert done.stderr == "iot-onboard: 'short of\\x1b[2J descriptors'\n"


@pytest.mark.usefixtures("capsys")
def test_a_pipe_is_plain() -> None:
    """No colour and no width, so that no line is broken for a program."""
    assert (style().colour, style().width) == (False, None)


@pytest.mark.parametrize(
    ("more", "colour"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"TERM": "xterm", "NO_COLOR": "1"}, False)],
)
def test_a_terminal_has_a_width_and_perhaps_colours(more: dict[str, str], colour: bool) -> None:
    """Unless it knows none, or its user wants none."""
    with Terminal([sys.executable, "-c", STYLE], environment(COLUMNS="70", **more)) as terminal:
        assert terminal.wait() == 0
    assert terminal.shown.strip() == f"Style(colour={colour}, width=70)"


@pytest.mark.usefixtures("capsys")
def test_blocks_are_drawn_for_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the locale that is set, not by the one that Python makes up."""
    for locale, blocks in (("C.UTF-8", True), ("C", False)):
        monkeypatch.setenv("LC_ALL", locale)
        assert can_show_blocks() is blocks


def test_leaving_waits_for_no_thread() -> None:
    """What was said is out, and the code is the one that was given."""
    done = subprocess.run(
        [sys.executable, "-c", LEAVE], env=environment(), capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "said", "")
