"""`bundle`: one file, wherever it is wanted; tests/process has what is in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.machine.namespace import network, why_no_namespace
from support.process.commands import NAMES
from support.text.archives import unpacked

pytestmark = pytest.mark.skipif(why_no_namespace() is not None, reason=str(why_no_namespace()))


def bundle(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it where nobody can be reached."""
    config = directory / "config.yaml"
    config.write_text(f"{NAMES}mqtt: {{host: 127.0.0.1, port: 9}}\nregistration: {{url: 'https://127.0.0.1:9/'}}\n")
    command = [*network(directory / "net", nameserver=True), sys.executable, "-m", "iot_onboard", "bundle"]
    return subprocess.run(
        [*command, "--config", str(config), *words],
        cwd=directory, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip


def test_it_is_named_after_the_device(tmp_path: Path) -> None:
    """In the directory where it is asked for; what it says of itself is what is in it."""
    done = bundle(tmp_path)
    (path,) = tmp_path.glob("iot-onboard-bundle-gw-0001-*.tar.gz")
    assert done.returncode == 0, done.stderr
    files = unpacked(path)
    assert done.stdout.startswith(f"Written to {path.name}: ")
    assert {"MANIFEST.txt", "doctor.txt", "doctor.json"} <= set(files)
    assert path.stat().st_mode & 0o077 == 0


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """1, and the place is named."""
    done = bundle(tmp_path, "--output", "/nowhere/b.tar.gz")
    assert (done.returncode, done.stdout) == (1, "")
    assert "/nowhere/b.tar.gz cannot be written: No such file or directory" in done.stderr
