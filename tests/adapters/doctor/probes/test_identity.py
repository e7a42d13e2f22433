"""What the doctor sees of the names that a board gives itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from iot_onboard.doctor.checks import identity
from iot_onboard.doctor.model import Level
from iot_onboard.doctor.probes.identity import IDENTITY, NAMING
from support.process.probing import bring


def named(config: Path, template: str) -> Path:
    config.write_text(config.read_text().replace("device_name: gw-0001", f"device_name: '{template}'"))
    return config


def test_a_name_out_of_the_hardware(tmp_path: Path, config: Path) -> None:
    """The template, what this board makes of it, and the facts that it stands on."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    named(config, "gw-{machine_id}")
    facts = bring(NAMING, config, tmp_path)
    assert facts.template == "gw-{machine_id}"
    assert identity.device_name(facts).level is Level.OK
    assert bring(IDENTITY, config, tmp_path).device_name == facts.device_name
    assert str(bring(IDENTITY, config, tmp_path)).startswith("a1b2c3d4e5f.gw-")
    (tmp_path / "etc/machine-id").write_text("fedcba9876543210fedcba9876543210\n")
    assert bring(NAMING, config, tmp_path).device_name not in {None, facts.device_name}


def test_a_board_without_what_the_name_wants(tmp_path: Path, config: Path) -> None:
    """What is missing is said; nobody is told a name that is none."""
    named(config, "gw-{serial}")
    facts = bring(NAMING, config, tmp_path)
    assert (facts.device_name, "{serial}" in facts.problem) == (None, True)
    assert identity.device_name(facts).level is Level.FAIL
    with pytest.raises(ValueError, match="an earlier check failed"):
        bring(IDENTITY, config, tmp_path)
