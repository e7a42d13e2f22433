"""`timeline`, with a journal of our making; tests/system reads real ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from support.process.journal import Journal

COMMAND = [sys.executable, "-m", "iot_onboard"]


def command(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], env=environment, capture_output=True, text=True, check=False, timeout=30)


def test_a_timeline(tmp_path: Path) -> None:
    """As bars, as numbers beside another boot's, as a picture and as a record; what there is not is told."""
    environment = {**Journal(tmp_path).environment, "LANG": "C"}
    shown = command(environment, "timeline")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.isascii()
    assert "online 8.4 s after the kernel started" in shown.stdout
    assert "\u2588" in command({**environment, "LC_ALL": "C.UTF-8"}, "timeline").stdout
    compared = command(environment, "timeline", "--compare", "-1").stdout
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
    assert command(environment, "timeline", "--svg", str(picture)).returncode == 0
    assert command(environment, "timeline", "--svg", "-").stdout == picture.read_text()
    (timeline,) = json.loads(command(environment, "timeline", "--json").stdout)["timelines"]
    assert timeline["spans"][0] == {"kind": "kernel", "group": "the system", "begin_s": 0.0, "end_s": 2.0}
    assert timeline["whole_s"] == 8.4
    for words, code in (
        (["--boot", "-7"], 1),
        (["--compare", "-7"], 1),
        (["--svg", "/none/x"], 1),
        (["--boot", "1"], 2),
    ):
        failed = command(environment, "timeline", *words)
        assert (failed.returncode, failed.stdout, bool(failed.stderr)) == (code, "", True)
