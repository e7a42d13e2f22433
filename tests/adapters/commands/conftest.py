"""A configuration for each command that asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.process.commands import Etc


@pytest.fixture
def etc(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Etc:
    return Etc(tmp_path, capsys, monkeypatch)
