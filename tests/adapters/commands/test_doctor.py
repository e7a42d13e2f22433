"""`doctor`: which checks are looked at, for whom they are told, and the exit code."""

from __future__ import annotations

import json

import pytest

from iot_onboard.doctor.table import CHECKS
from support.gateway.gateway import Gateway
from support.process.commands import Etc

FIRST = CHECKS[0].id


def test_the_list_names_every_check(etc: Etc) -> None:
    """With its group above it, and nothing is looked at."""
    done = etc.command("doctor", "--list")
    assert (done.code, done.err) == (0, "")
    indented = [line.split()[0] for line in done.out.splitlines() if line.startswith("  ")]
    assert indented == [check.id for check in CHECKS]
    assert done.out.splitlines()[0] == f"{CHECKS[0].group.value}:"


@pytest.mark.parametrize("words", ["no-such-check", f"{FIRST},no-such-check"])
def test_a_word_that_is_no_check(etc: Etc, words: str) -> None:
    """2, before anything is looked at."""
    done = etc.command("doctor", "--only", words)
    assert (done.code, done.out) == (2, "")
    assert "to list them: iot-onboard doctor --list" in done.err


def test_one_check_alone(etc: Etc) -> None:
    """As text and as a record: 0 where it is well, 1 where it failed, and no other check is told."""
    gateway = Gateway(etc.directory / "gateway")
    missing = gateway.command("doctor", "--only", FIRST)
    assert (missing.returncode, str(gateway.config) in missing.stdout) == (1, True)
    gateway.config.write_text(etc.config.read_text())
    found = gateway.command("doctor", "--only", FIRST, "--json")
    assert found.returncode == 0
    assert [check["id"] for check in json.loads(found.stdout)["checks"]] == [FIRST]
