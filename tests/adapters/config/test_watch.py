"""A change of the configuration is noticed once, and only where a fresh start would help."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iot_onboard.config.environment import identity_of
from iot_onboard.config.files import load
from iot_onboard.config.watch import Change, ConfigWatch
from iot_onboard.core.identity import Identity
from support.text.configuration import read

NAMES = "product_key: abc\ndevice_name: gw-0001\n"


class Etc:
    """Hold a configuration that a process runs with."""

    def __init__(self, directory: Path, text: str = NAMES) -> None:
        self.directory = directory
        self.config = directory / "config.yaml"
        self.secret = directory / "product-secret"
        (directory / "conf.d").mkdir(exist_ok=True)
        self.config.write_text(text)
        self.watch = ConfigWatch(self.config)
        self.watch.runs_with(load(self.config, names_required=False))

    def look(self) -> Change | None:
        """Look twice: a change counts once it has settled."""
        first = self.watch.look()
        assert first is None
        return self.watch.look()


@pytest.fixture
def etc(tmp_path: Path) -> Etc:
    return Etc(tmp_path)


def test_nothing_is_nothing(etc: Etc) -> None:
    """However often it is looked at."""
    assert [etc.look() for _ in range(3)] == [None, None, None]


def test_another_value(etc: Etc) -> None:
    """It is told once."""
    etc.config.write_text(NAMES + "region: us-east-1\n")
    assert etc.look() == Change()
    assert etc.look() is None


def test_another_fragment(etc: Etc) -> None:
    """One that is new is a change; back to what runs is none."""
    (etc.directory / "conf.d" / "50.yaml").write_text("region: us-east-1\n")
    assert etc.look() == Change()
    (etc.directory / "conf.d" / "50.yaml").unlink()
    assert etc.look() is None


def test_a_fragment_that_goes(tmp_path: Path) -> None:
    """What it said does not hold any more."""
    fragment = tmp_path / "conf.d" / "50.yaml"
    fragment.parent.mkdir()
    fragment.write_text("region: us-east-1\n")
    etc = Etc(tmp_path)
    fragment.unlink()
    assert etc.look() == Change()


@pytest.mark.parametrize("name", ["product-secret", "device-secret", "product-secret.cred"])
def test_a_secret(etc: Etc, name: str) -> None:
    """Written, or closed: what it holds is not looked at."""
    path = etc.directory / name
    path.write_text("hunter2\n")
    assert etc.look() == Change()
    path.chmod(0o600)
    assert etc.look() == Change()


def test_the_files_that_the_configuration_names(tmp_path: Path) -> None:
    """A missing one is named in the block that its appearance ends."""
    elsewhere = tmp_path / "elsewhere"
    etc = Etc(tmp_path, f"{NAMES}product_secret_file: {elsewhere}\ntls: {{ca_file: {tmp_path}/ca.pem}}\n")
    elsewhere.write_text("hunter2\n")
    assert etc.look() == Change()
    (tmp_path / "ca.pem").write_text("x")
    assert etc.look() == Change()


def test_what_means_the_same_is_nothing(etc: Etc) -> None:
    """A comment, another order, a touch: no reason to start afresh."""
    os.utime(etc.config, (1, 1))
    assert etc.look() is None
    etc.config.write_text("# mine\ndevice_name: gw-0001\nproduct_key: abc\n")
    assert etc.look() is None


def test_what_is_wrong_is_told_once(etc: Etc) -> None:
    """Every problem; corrected, it is a change, or none where it is as it was."""
    etc.config.write_text(NAMES + "regon: x\nregion: Y\n")
    change = etc.look()
    assert change is not None
    assert [problem.split(":")[1] for problem in change.problems] == ["3", "4"]
    assert etc.look() is None
    etc.config.write_text(NAMES)
    assert etc.look() is None
    etc.config.write_text(NAMES + "region: us-east-1\n")
    assert etc.look() == Change()


def test_a_secret_that_changed_with_what_was_wrong_counts(etc: Etc) -> None:
    """Once the configuration is as it was, the new secret is still a change."""
    etc.secret.write_text("hunter2\n")
    etc.config.write_text("regon: x\n")
    assert etc.look() != Change()
    etc.config.write_text(NAMES)
    assert etc.look() == Change()


def renamed(etc: Etc, template: str, name: str) -> list[Change | None]:
    """Look ten times as a process whose hardware once gave it a name."""
    etc.config.write_text(f"product_key: abc\ndevice_name: '{template}'\nstate_dir: {etc.directory}\n")
    watch = ConfigWatch(etc.config)
    watch.runs_with(load(etc.config), Identity(product_key="abc", device_name=name))
    return [watch.look() for _ in range(10)]


def test_another_name_out_of_the_hardware(etc: Etc, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts while there is no secret: what was taken for a name may have come too early."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    template = "gw-{machine_id}"
    now = identity_of(read(f"product_key: abc\ndevice_name: '{template}'\nstate_dir: {etc.directory}\n")).device_name
    assert renamed(etc, template, "gw-before").count(Change()) == 2
    assert renamed(etc, template, now) == [None] * 10
    assert renamed(etc, "gw-{mac:nowhere0}", "gw-before") == [None] * 10
    assert renamed(etc, "gw-literal", "gw-before") == [None] * 10
    (etc.directory / "credentials").mkdir()
    (etc.directory / "credentials" / "abc.gw-before.json").touch()
    assert renamed(etc, template, "gw-before") == [None] * 10


def test_without_names_there_is_nothing_to_start_with(tmp_path: Path) -> None:
    """Until both are there; a name that the hardware does not give yet is for the new process to wait for."""
    etc = Etc(tmp_path, "")
    etc.config.write_text("product_key: abc\n")
    assert etc.look() is None
    etc.config.write_text("product_key: abc\ndevice_name: '{mac:nowhere0}'\n")
    assert etc.look() == Change()


def test_a_change_before_the_first_look(tmp_path: Path) -> None:
    """What changes between the reading and the first look is not missed."""
    config = tmp_path / "config.yaml"
    config.write_text(NAMES)
    watch = ConfigWatch(config)
    running = load(config)
    config.write_text(NAMES + "region: us-east-1\n")
    watch.runs_with(running)
    assert watch.look() is None
    assert watch.look() == Change()


def test_a_change_counts_once_it_has_settled(etc: Etc) -> None:
    """Half a file is not read."""
    etc.config.write_text("product_key: abc\n")
    assert etc.watch.look() is None
    etc.config.write_text(NAMES + "region: us-east-1\n")
    assert etc.watch.look() is None
    assert etc.watch.look() == Change()
