"""What lets the service start without a secret that systemd cannot load, against programs in systemd's place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from iot_onboard.config.unloadable import DROP_IN, CredentialSource, read_drop_in
from iot_onboard.service.credential_recovery import is_loadable, update_drop_in

_SYSTEMCTL = """#!/bin/sh
echo "$*" >>{0}/asked
case $1 in
    cat) cat {0}/unit ;;
esac
"""


@dataclass
class Manager:
    """A systemd that answers as it is told."""

    root: Path

    def asked(self) -> list[str]:
        lines = (self.root / "asked").read_text().splitlines()
        (self.root / "asked").unlink()
        return lines[1:]

    @property
    def drop_in(self) -> Path:
        return self.root / DROP_IN.relative_to("/")

    def decrypts(self, code: int) -> None:
        text = f"#!/bin/sh\necho hunter2\necho $* >{self.root}/asked-to-decrypt\nexit {code}\n"
        program(self.root / "bin/systemd-creds", text)


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manager:
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin/systemctl", _SYSTEMCTL.format(tmp_path))
    (tmp_path / "sealed").touch()
    (tmp_path / "unit").write_text(f"[Service]\nLoadCredentialEncrypted=product-secret:{tmp_path}/sealed\n")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    return Manager(tmp_path)


def test_the_service_starts_without_what_is_encrypted_for_another(
    manager: Manager, capfd: pytest.CaptureFixture[str]
) -> None:
    """A drop-in and a reload; before the next start a look; once it opens, it is given back."""
    manager.decrypts(1)
    assert update_drop_in(manager.root, failed=True)
    assert manager.asked() == ["daemon-reload"]
    assert f"{manager.root}/sealed" in read_drop_in(manager.drop_in.read_text())["product-secret"]
    output = capfd.readouterr()
    assert "encrypted product secret" in output.err

    assert not update_drop_in(manager.root, failed=False)
    assert manager.asked() == []
    manager.decrypts(0)
    assert update_drop_in(manager.root, failed=False)
    assert manager.asked() == ["daemon-reload"]
    assert not manager.drop_in.exists()
    told = capfd.readouterr()
    assert "can load" in told.err
    assert "hunter2" not in told.out + told.err, "what it is goes nowhere"
    command = (manager.root / "asked-to-decrypt").read_text().split()
    assert command == ["decrypt", "--name=product-secret", f"{manager.root}/sealed", "/dev/null"]


def test_what_still_fails_loses_every_credential(manager: Manager) -> None:
    """At once; then systemd has nothing to fail at, and nothing is left to change."""
    manager.decrypts(1)
    for is_last in (False, True):
        assert update_drop_in(manager.root, failed=True)
        assert manager.asked() == ["daemon-reload"]
        assert ("LoadCredential=\n" in manager.drop_in.read_text()) is is_last
    assert not update_drop_in(manager.root, failed=True)
    assert manager.asked() == []


def test_a_credential_of_somebody_elses_is_said_to_be_one(manager: Manager, capfd: pytest.CaptureFixture[str]) -> None:
    """It goes, and none of ours is named."""
    (manager.root / "unit").write_text("[Service]\nLoadCredential=other:/none\n")
    assert update_drop_in(manager.root, failed=True)
    assert read_drop_in(manager.drop_in.read_text()) == {}
    assert (
        "a credential that does not belong to iot-onboard (systemctl cat iot-onboard.service shows it)"
        in capfd.readouterr().err
    )


def test_without_a_failure_nothing_is_taken_away(manager: Manager) -> None:
    """No secret is even tried: another cause keeps the service from starting."""
    manager.decrypts(1)
    assert not update_drop_in(manager.root, failed=False)
    assert not manager.drop_in.exists()
    assert not (manager.root / "asked-to-decrypt").exists()


def test_a_systemd_that_does_not_answer_changes_nothing(manager: Manager) -> None:
    """There is a next look."""
    program(manager.root / "bin/systemctl", "#!/bin/sh\nexit 1\n")
    assert not update_drop_in(manager.root, failed=True)
    assert not manager.drop_in.exists()


def test_which_files_can_be_loaded(tmp_path: Path) -> None:
    """As systemd sees it: a missing one has a stand-in, a directory is loaded whole, 1 MiB is the most."""
    path = tmp_path / "secret"
    source = CredentialSource(name="product-secret", path=str(path))
    assert is_loadable(source) is None
    path.write_text("x")
    assert is_loadable(source)
    path.write_bytes(bytes(1024 * 1024 + 1))
    assert is_loadable(source) is False
    path.unlink()
    os.mkfifo(path)
    assert is_loadable(source) is False
    path.unlink()
    path.mkdir()
    assert is_loadable(source)
    assert is_loadable(CredentialSource(name="product-secret", path=f"{path}/" + "x" * 300)) is False
    assert is_loadable(CredentialSource(name="product-secret")) is False
