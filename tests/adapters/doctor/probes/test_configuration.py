"""What the doctor sees of the configuration, as the daemon reads it, and of the names that a board gives itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from iot_onboard.doctor.checks import configuration
from iot_onboard.doctor.model import Level
from iot_onboard.doctor.probes.configuration import CONFIG_FILES, IDENTITY, NAMING
from support.gateway.examined import kept, laid_out
from support.process.probing import bring
from support.process.unprivileged import open_directory, unprivileged


def test_the_configuration(gateway: Path) -> None:
    """Files in their order, their modes, and what they come to."""
    (gateway / "conf.d").mkdir()
    kept(gateway / "conf.d/10-region.yaml", b"region: us-east-1\n", 0o640)
    facts = bring(CONFIG_FILES, gateway / "config.yaml")
    assert facts.config is not None
    assert facts.config.region == "us-east-1"
    assert [file.permissions for file in facts.files][1:] == ["0640"]
    assert configuration.files(facts).level is Level.OK


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), "There is no configuration"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be read: Is a directory"),
        (lambda path: path.write_bytes(b"\xff"), "is not UTF-8"),
    ],
    ids=["missing", "directory", "bytes"],
)
def test_a_configuration_that_cannot_be_read(gateway: Path, spoil: Callable[[Path], object], words: str) -> None:
    """The words of the reader reach the judge."""
    spoil(gateway / "config.yaml")
    finding = configuration.files(bring(CONFIG_FILES, gateway / "config.yaml"))
    assert finding.level is Level.FAIL
    assert words in finding.sentence


def test_a_configuration_of_somebody_else() -> None:
    """What this user may not read is skipped, and named."""
    with open_directory() as directory:
        laid_out(directory)
        (directory / "config.yaml").chmod(0o600)
        with unprivileged():
            finding = configuration.files(bring(CONFIG_FILES, directory / "config.yaml"))
    assert (finding.level, finding.blocks) == (Level.SKIPPED, True)
    assert "This user cannot read" in finding.sentence


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
    assert configuration.device_name(facts).level is Level.OK
    assert bring(IDENTITY, config, tmp_path).device_name == facts.device_name
    assert str(bring(IDENTITY, config, tmp_path)).startswith("a1b2c3d4e5f.gw-")
    (tmp_path / "etc/machine-id").write_text("fedcba9876543210fedcba9876543210\n")
    assert bring(NAMING, config, tmp_path).device_name not in {None, facts.device_name}


def test_a_board_without_what_the_name_wants(tmp_path: Path, config: Path) -> None:
    """What is missing is said; nobody is told a name that is none."""
    named(config, "gw-{serial}")
    facts = bring(NAMING, config, tmp_path)
    assert (facts.device_name, "{serial}" in facts.problem) == (None, True)
    assert configuration.device_name(facts).level is Level.FAIL
    with pytest.raises(ValueError, match="an earlier check failed"):
        bring(IDENTITY, config, tmp_path)
