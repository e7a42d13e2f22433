"""What the doctor sees of the configuration, as the daemon reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from iot_onboard.doctor.checks import configuration
from iot_onboard.doctor.model import Level
from iot_onboard.doctor.probes.configuration import CONFIG_FILES
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
    assert "config.yaml may not be read" in finding.sentence
