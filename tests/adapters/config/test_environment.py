"""What a process finds around it: its directories, its name, its secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from iot_onboard.config.device_name import expand
from iot_onboard.config.environment import identity_of, secrets_directory, with_systemd_directories
from iot_onboard.config.hardware import read_facts
from iot_onboard.config.problems import MissingFact
from iot_onboard.config.schema import Config
from iot_onboard.core.identity import Identity
from support.text.configuration import read


def config(text: str, names: str = "product_key: a\ndevice_name: gw-1\n") -> Config:
    return read(names + text)


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


def test_the_name_is_the_configuration_s_and_the_hardware_s() -> None:
    """A literal one stays; a placeholder is what this machine says; what it does not say is missing, not made up."""
    assert identity_of(config("")) == Identity(product_key="a", device_name="gw-1")
    found = identity_of(config("device_name: 'gw-{machine_id}'\n", names="product_key: a\n")).device_name
    assert found == expand("gw-{machine_id}", read_facts())
    with pytest.raises(MissingFact, match="nowhere0"):
        identity_of(config("device_name: 'gw-{mac:nowhere0}'\n", names="product_key: a\n"))


def test_where_the_secrets_of_this_process_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where systemd says; a command run by hand, with a configuration of its own, has none."""
    for name in ("CREDENTIALS_DIRECTORY", "IOT_ONBOARD_UNLOADABLE"):
        monkeypatch.delenv(name, raising=False)
    assert secrets_directory(tmp_path / "config.yaml") is None
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x")
    assert secrets_directory(tmp_path / "config.yaml") == Path("/run/credentials/x")
