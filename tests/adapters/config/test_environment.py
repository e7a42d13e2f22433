"""Where the service keeps its state: the configuration says so, or systemd."""

from __future__ import annotations

from pathlib import Path

import pytest

from iot_onboard.config.environment import with_systemd_directories
from iot_onboard.config.reader import parse
from iot_onboard.config.schema import Config, Document


def config(text: str) -> Config:
    found, problems = parse([Document(name="config.yaml", text=f"product_key: a\ndevice_name: gw-1\n{text}")], [])
    assert found is not None, problems
    return found


@pytest.mark.parametrize(
    ("text", "given", "state_dir"),
    [
        ("", None, "/var/lib/iot-onboard"),
        ("", "/made", "/made"),
        ("", "/made:/another", "/made"),
        ("state_dir: /var/lib/iot-onboard\n", "/made", "/made"),
        ("state_dir: /data/x\n", None, "/data/x"),
        ("state_dir: /data/x\n", "/made", "/data/x"),
    ],
)
def test_whose_state_directory_counts(
    monkeypatch: pytest.MonkeyPatch, text: str, given: str | None, state_dir: str
) -> None:
    """One that the configuration names wins; systemd's stands in for the usual one."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    if given is not None:
        monkeypatch.setenv("STATE_DIRECTORY", given)
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/made")
    found = with_systemd_directories(config(text))
    assert (found.state_dir, found.runtime_dir) == (Path(state_dir), Path("/run/made"))
