"""`recover-start`: the command is the whole program; tests of service.start_recovery have the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.process.commands import Etc


@pytest.mark.parametrize(("answer", "code"), [("exit 1", 1), ("exit 0", 0)])
def test_its_exit_code_says_whether_systemd_answers(
    etc: Etc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    """Where it does not, the unit is to try again."""
    etc.write("")
    systemctl = tmp_path / "bin" / "systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text(f"#!/bin/sh\n{answer}\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{systemctl.parent}:{os.environ['PATH']}")
    done = etc.command("recover-start")
    assert done.code == code, done.err
