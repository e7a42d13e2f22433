"""A booted test that fails by chance stops no landing, and is not forgotten."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.tree import TESTS

SCRIPT = TESTS / "system" / "with-second-try"
FINE = "def test_fine():\n    pass\n"
CHANCE = """
from pathlib import Path
def test_chance():
    mark = Path(__file__).with_name("tried")
    tried = mark.exists()
    mark.touch()
    assert tried
"""
MANY = (
    CHANCE.replace("def ", "import pytest\n@pytest.mark.parametrize('n', range(9))\ndef ")
    .replace("()", "(n)", 1)
    .replace('"tried"', 'f"tried{n}"')
)
BROKEN = "def test_broken():\n    assert False\n"


@pytest.mark.parametrize(
    ("tests", "code", "named"),
    [
        (FINE, 0, ()),
        (FINE + CHANCE, 0, ("test_chance",)),
        (FINE + BROKEN, 1, ()),
        (FINE + CHANCE + BROKEN, 1, ()),
        (MANY, 1, ()),
        ("import nothing_like_it\n", 2, ()),
        ("", 5, ()),
    ],
    ids=["all pass", "one by chance", "one is broken", "both", "too many", "no module", "no test"],
)
def test_what_fails_is_run_once_more(tmp_path: Path, tests: str, code: int, named: tuple[str, ...]) -> None:
    """Alone; what passes then is named loudly, and what fails again stops the run."""
    (tmp_path / "test_it.py").write_text(tests)
    command = [str(SCRIPT), sys.executable, str(tmp_path), "-n", "2", "--rootdir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    loud = [line for line in done.stdout.splitlines() if line.startswith("###")]
    assert loud == [f"### FAILED ONCE AND PASSED ALONE, MEND IT NEXT: test_it.py::{name}" for name in named]
