"""What was compiled and is damaged is found, and what Python would compile anew is not."""

from __future__ import annotations

import py_compile
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from iot_onboard.doctor.probes import compiled
from iot_onboard.doctor.probes.compiled import damaged_of, is_whole


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "part.py"
    path.write_text("VALUES = [1, 2, 'three']\n\n\ndef double(number):\n    return 2 * number\n")
    return path


@pytest.mark.parametrize(
    ("damage", "whole"),
    [
        (lambda data: data, True),
        (lambda data: data[:-1], False),
        (lambda data: data[:16], False),
        (lambda data: data[:16] + bytes(len(data) - 16), False),
        (lambda data: data[:16] + b"i\1\0\0\0", False),
        # Python does not look further.
        (lambda data: bytes(len(data)), True),
        (lambda data: data[:12] + b"\xff" + data[13:100], True),
        (lambda _: b"", True),
    ],
)
def test_what_python_can_load(source: Path, damage: Callable[[bytes], bytes], whole: bool) -> None:
    """Cut or filled with zeros below a good header; another header means that it is compiled anew."""
    path = Path(str(py_compile.compile(str(source), doraise=True)))
    path.write_bytes(damage(path.read_bytes()))
    assert is_whole(str(source)) is whole


def test_what_was_never_compiled(source: Path) -> None:
    """There is nothing to be damaged."""
    assert is_whole(str(source))


def test_the_program_names_it(source: Path) -> None:
    """Among all that a start may read."""
    path = Path(str(py_compile.compile(str(source), doraise=True)))
    path.write_bytes(path.read_bytes()[:30])
    command = [sys.executable, "-I", str(compiled.__file__), str(source.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert damaged_of(done.stdout) == (str(path),)


def test_the_one_at_which_it_crashed_counts() -> None:
    """It was named before it was read."""
    assert damaged_of("/a.pyc\nwhole\n/b.pyc\n") == ("/b.pyc",)
    assert damaged_of("/a.pyc\nwhole\n") == ()
