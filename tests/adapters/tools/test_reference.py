"""systemd takes the journal catalog, and shows what it says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from iot_onboard.events.explain import topics
from iot_onboard.events.table import TABLE
from tools.reference import catalog

pytestmark = pytest.mark.skipif(shutil.which("journalctl") is None, reason="journalctl is not installed")


def journalctl(root: Path, *options: str) -> str:
    done = subprocess.run(
        ["journalctl", f"--root={root}", *options], capture_output=True, text=True, check=True, timeout=30
    )
    # It complains there, and ends with 0 all the same.
    assert done.stderr == ""
    return done.stdout


def test_systemd_compiles_it(tmp_path: Path) -> None:
    """No complaint, every event by its MESSAGE_ID, and the text comes out as it went in."""
    place = tmp_path / "usr/lib/systemd/catalog"
    place.mkdir(parents=True)
    (place / "iot-onboard.catalog").write_text(catalog())
    (tmp_path / "var/lib/systemd/catalog").mkdir(parents=True)
    journalctl(tmp_path, "--update-catalog")
    listed = journalctl(tmp_path, "--list-catalog").splitlines()
    assert {line.split()[0] for line in listed} == {entry.message_id for entry in TABLE.values()}
    assert all(line.split()[1] == "iot-onboard:" for line in listed)
    dumped = " ".join(journalctl(tmp_path, "--dump-catalog").split())
    for topic in topics():
        assert not topic.entry or topic.entry.explanation in dumped
