"""What starts the service without a secret that systemd cannot load, against programs in systemd's place."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from iot_onboard.config.unloadable import DROP_IN, CredentialSource, read_drop_in
from iot_onboard.service.credential_recovery import is_loadable, main

_SYSTEMCTL = """#!/bin/sh
echo "$*" >>{0}/asked
case $1 in
    show) cat {0}/shown ;;
    cat) cat {0}/unit ;;
esac
"""


@dataclass
class Manager:
    """A systemd that answers as it is told."""

    root: Path

    def ended(self, status: int, job: str = "") -> None:
        (self.root / "shown").write_text(f"ExecMainStatus={status}\nJob={job}\n")

    def asked(self) -> list[str]:
        lines = (self.root / "asked").read_text().splitlines()
        (self.root / "asked").unlink()
        return lines[2:]

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
    """A drop-in, a reload, a start; before the next start a look; once it opens, it is given back."""
    manager.ended(243)
    manager.decrypts(1)
    assert main(manager.root) == 0
    assert manager.asked() == ["daemon-reload", "start --no-block iot-onboard.service"]
    assert f"{manager.root}/sealed" in read_drop_in(manager.drop_in.read_text())["product-secret"]
    told = capfd.readouterr()
    assert "encrypted product secret" in told.err

    # Whatever the end before was: with a job it is about to start.
    for status in (0, 9, 243):
        manager.ended(status, job="42")
        assert main(manager.root) == 0
        assert manager.asked() == []
    manager.decrypts(0)
    assert main(manager.root) == 0
    assert manager.asked() == ["daemon-reload"]
    assert not manager.drop_in.exists()
    told = capfd.readouterr()
    assert "can hand out" in told.err
    assert "hunter2" not in told.out + told.err, "what it is goes nowhere"
    command = (manager.root / "asked-to-decrypt").read_text().split()
    assert command == ["decrypt", "--name=product-secret", f"{manager.root}/sealed", "/dev/null"]


def test_what_still_fails_loses_every_credential(manager: Manager) -> None:
    """At once; then systemd has nothing to fail at, and where it does all the same it is tried without haste."""
    manager.ended(243)
    manager.decrypts(1)
    for is_last in (False, True):
        assert main(manager.root) == 0
        assert manager.asked() == ["daemon-reload", "start --no-block iot-onboard.service"]
        assert ("LoadCredential=\n" in manager.drop_in.read_text()) is is_last
    before = time.monotonic()
    assert main(manager.root, pause_s=0.3) == 0
    assert time.monotonic() - before > 0.3
    assert manager.asked() == ["start --no-block iot-onboard.service"]


def test_a_credential_of_somebody_elses_is_said_to_be_one(manager: Manager, capfd: pytest.CaptureFixture[str]) -> None:
    """It goes, and none of ours is named."""
    (manager.root / "unit").write_text("[Service]\nLoadCredential=other:/none\n")
    manager.ended(243)
    assert main(manager.root) == 0
    assert read_drop_in(manager.drop_in.read_text()) == {}
    assert "a credential that is not ours (systemctl cat iot-onboard.service shows it)" in capfd.readouterr().err


@pytest.mark.parametrize("status", [0, 1, 78])
def test_another_end_is_left_alone(manager: Manager, status: int) -> None:
    """A wrong configuration ends the service too: nothing is changed, and nothing is started."""
    manager.ended(status)
    manager.decrypts(1)
    assert main(manager.root) == 0
    assert manager.asked() == []
    assert not manager.drop_in.exists()


def test_a_systemd_that_does_not_answer_is_asked_again(manager: Manager) -> None:
    """The unit's own Restart= does that, by the exit code."""
    program(manager.root / "bin/systemctl", "#!/bin/sh\nexit 1\n")
    assert main(manager.root) == 1


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
