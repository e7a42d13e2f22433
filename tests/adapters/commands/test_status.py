"""Where the status is looked for, and why there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iot_onboard.commands.status import runtime_dir, why_absent

USUAL = Path("/run/iot-onboard")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("product_key: [broken\nruntime_dir: /x\n", USUAL),
        ("product_kee: a\nruntime_dir: /x\n", Path("/x")),
        ("runtime_dir: 7\n", USUAL),
        ("", USUAL),
    ],
)
def test_a_wrong_configuration_does_not_hide_the_status(tmp_path: Path, text: str, place: Path) -> None:
    """The daemon may run all the same, with what was there before."""
    (tmp_path / "config.yaml").write_text(text)
    assert runtime_dir(tmp_path / "config.yaml") == place


def test_a_later_file_wins(tmp_path: Path) -> None:
    """As it does for the daemon."""
    (tmp_path / "config.yaml").write_text("runtime_dir: /x\n")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.yaml").write_text("runtime_dir: /y\n")
    (tmp_path / "conf.d" / "b.yaml").write_text("log_level: debug\n")
    assert runtime_dir(tmp_path / "config.yaml") == Path("/y")


def test_a_configuration_that_cannot_be_read_leads_to_the_usual_place(tmp_path: Path) -> None:
    """An ordinary user may ask for the status."""
    assert runtime_dir(tmp_path / "nowhere.yaml") == USUAL
    assert runtime_dir(tmp_path) == USUAL


def systemd(root: Path, monkeypatch: pytest.MonkeyPatch, *properties: str) -> Path:
    """Put a systemctl first in the search path that answers with these properties."""
    (root / "run/systemd/system").mkdir(parents=True)
    program = root / "systemctl"
    lines = "\n".join(f"echo {line}" for line in properties)
    program.write_text(f"#!/bin/sh\n{lines}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{root}:{os.environ['PATH']}")
    return root


@pytest.mark.parametrize(
    ("properties", "why", "cure", "cause"),
    [
        (("ActiveState=failed", "ExecMainStatus=78"), "ended with exit code 78", "check-config", "exit-78"),
        (
            ("ActiveState=failed", "ExecMainStatus=70", "Result=exit-code"),
            "failed (status 70)",
            "journalctl",
            "exit-70",
        ),
        (("ActiveState=inactive",), "does not run (inactive)", "systemctl start", None),
        (("ActiveState=activating", "SubState=auto-restart"), "starts it again", "journalctl", None),
        (("ActiveState=active", "MainPID=7"), "/place has no status file", "try again in a moment", None),
    ],
)
def test_systemd_is_asked_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, properties: tuple[str, ...], why: str, cure: str, cause: str | None
) -> None:
    """Failed, stopped, about to start, or just not told yet: each with what to do."""
    root = systemd(tmp_path, monkeypatch, "LoadState=loaded", "UnitFileState=enabled", *properties)
    told = why_absent(Path("/place"), root)
    assert (why in told[0], cure in told[1], told[2]) == (True, True, cause), told
    if "try again in a moment" not in cure:
        assert "journalctl -u iot-onboard -n 20" in told[1]


def test_a_masked_service_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can never start."""
    why, cure, _ = why_absent(Path("/x"), systemd(tmp_path, monkeypatch, "LoadState=masked", "ActiveState=inactive"))
    assert "masked" in why
    assert "unmask" in cure


def test_without_the_unit_or_without_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is just no daemon."""
    assert why_absent(Path("/x"), tmp_path)[0] == "No daemon runs here."
    assert why_absent(Path("/x"), systemd(tmp_path, monkeypatch, "LoadState=not-found"))[0] == "No daemon runs here."
