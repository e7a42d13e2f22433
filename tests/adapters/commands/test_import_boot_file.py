"""`import-boot-file`: what lies on the boot partition is taken in; tests of provisioning have the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from iot_onboard.config.files import load
from support.process.commands import Etc

TEXT = "product_key: a1b2c3d4e5f\ndevice_name: gw-0001\nproduct_secret: hunter2\n"


@pytest.fixture
def boot(etc: Etc, monkeypatch: pytest.MonkeyPatch) -> Path:
    etc.write("")
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    made = etc.directory / "boot"
    made.mkdir()
    return made


def test_without_a_file_there_is_nothing_to_do(etc: Etc, boot: Path) -> None:
    """Every boot of every gateway: no word, and no change."""
    before = etc.files()
    done = etc.command("import-boot-file", "--boot", str(boot))
    assert (done.code, done.out, done.err) == (0, "", "")
    assert etc.files() == before


def test_a_file_is_taken_in(etc: Etc, boot: Path) -> None:
    """It names the gateway, its secret is stored, and nothing of it is left on the partition."""
    (boot / "iot-onboard.yaml").write_text(TEXT)
    done = etc.command("import-boot-file", "--boot", str(boot))
    assert done.code == 0, done.err
    assert "this gateway is gw-0001 of product a1b2c3d4e5f" in done.err
    assert (load(etc.config).device_name, etc.secret.read_text()) == ("gw-0001", "hunter2\n")
    assert not [path for path in boot.iterdir() if b"hunter2" in path.read_bytes()]


def test_of_two_partitions_the_worse_outcome_counts(etc: Etc, boot: Path) -> None:
    """Both are looked at, and the unit fails where one file is wrong."""
    other = etc.directory / "firmware"
    other.mkdir()
    (boot / "iot-onboard.yaml").write_text(TEXT)
    (other / "iot-onboard.yaml").write_text("regon: x\n")
    done = etc.command("import-boot-file", "--boot", str(boot), "--boot", str(other))
    assert done.code == 78
    assert "was not imported" in done.err
    assert load(etc.config).device_name == "gw-0001"
