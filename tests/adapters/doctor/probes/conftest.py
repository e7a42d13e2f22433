"""What the probes look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.gateway.examined import laid_out, write


@pytest.fixture
def gateway(tmp_path: Path) -> Path:
    """A directory with a configuration, a product secret and a stored secret."""
    return laid_out(tmp_path)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    write(path, "registration: {url: 'https://127.0.0.1:9/x'}\nmqtt: {host: localhost}\n")
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory whose programs come first."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")
    return directory
