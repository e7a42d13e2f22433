"""`python -m iot_onboard` is the command line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from iot_onboard import __version__
from iot_onboard.core.exit_codes import ExitCode


@pytest.mark.parametrize(
    ("words", "code", "answer"),
    [
        (("--version",), ExitCode.DONE, f"iot-onboard {__version__}\n"),
        (("explain", "no-such-name"), ExitCode.FAILED, ""),
        (("nonsense",), ExitCode.USAGE, ""),
    ],
)
def test_its_exit_code_is_the_command_s(words: tuple[str, ...], code: int, answer: str) -> None:
    """The shell, and systemd, hear what the command returned."""
    command = [sys.executable, "-m", "iot_onboard", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (code, answer)
    assert "Traceback" not in done.stderr
