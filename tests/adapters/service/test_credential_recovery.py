"""The guard that starts the service without what systemd cannot hand out, against programs in systemd's place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from iot_onboard.config.unloadable import DROP_IN, CredentialSource, Stage, read_override
from iot_onboard.service.credential_recovery import main, opens

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

    def ended(self, status: int, at: int = 100) -> None:
        shown = f"ExecMainStatus={status}\nExecMainExitTimestampMonotonic={at}\n"
        (self.root / "shown").write_text(shown)

    def asked(self) -> list[str]:
        lines = (self.root / "asked").read_text().splitlines()
        (self.root / "asked").unlink()
        return lines[2:]

    @property
    def drop_in(self) -> Path:
        return self.root / DROP_IN.relative_to("/")

    def opens(self, code: int) -> None:
        program(self.root / "bin/systemd-creds", f"#!/bin/sh\necho hunter2\nexit {code}\n")


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
    """A drop-in, a reload, a start; before the next start nothing of it; once it opens, it is given back."""
    manager.ended(243)
    manager.opens(1)
    assert main(manager.root) == 0
    assert manager.asked() == ["daemon-reload", "start --no-block iot-onboard.service"]
    override = read_override(manager.drop_in.read_text())
    assert override is not None
    assert (override.stage, override.withheld[0].path) == (Stage.AS_SHIPPED, f"{manager.root}/sealed")
    told = capfd.readouterr()
    assert "encrypted product secret" in told.err

    assert main(manager.root) == 0
    assert "daemon-reload" not in manager.asked()
    manager.ended(0)
    assert main(manager.root) == 0
    assert manager.asked() == []
    manager.opens(0)
    assert main(manager.root) == 0
    assert manager.asked() == ["daemon-reload"]
    assert not manager.drop_in.exists()
    told = capfd.readouterr()
    assert "can hand out" in told.err
    assert "hunter2" not in told.out + told.err, "what it is goes nowhere"


def test_what_still_fails_loses_every_credential(manager: Manager) -> None:
    """Then systemd has nothing to set up, and nothing to fail at."""
    manager.opens(1)
    for at in (100, 200, 300):
        manager.ended(243, at)
        assert main(manager.root, pause_s=0) == 0
        assert manager.asked() == ["daemon-reload", "start --no-block iot-onboard.service"]
    override = read_override(manager.drop_in.read_text())
    assert override is not None
    assert override.stage is Stage.NONE
    assert "LoadCredential=product" not in manager.drop_in.read_text()


@pytest.mark.parametrize("status", [0, 1, 78])
def test_another_end_is_left_alone(manager: Manager, status: int) -> None:
    """A wrong configuration ends the service too: nothing is changed, and nothing is started."""
    manager.ended(status)
    assert main(manager.root) == 0
    assert manager.asked() == []
    assert not manager.drop_in.exists()


def test_a_systemd_that_does_not_answer_is_asked_again(manager: Manager) -> None:
    """The unit's own Restart= does that, by the exit code."""
    program(manager.root / "bin/systemctl", "#!/bin/sh\nexit 1\n")
    assert main(manager.root) == 1


def test_which_files_can_be_handed_out(tmp_path: Path) -> None:
    """As systemd sees it: a missing one has a stand-in, a directory is loaded whole, 1 MiB is the most."""
    path = tmp_path / "secret"
    given = CredentialSource(name="product-secret", path=str(path))
    assert opens(given)
    path.write_text("x")
    assert opens(given)
    path.write_bytes(bytes(1024 * 1024 + 1))
    assert not opens(given)
    path.unlink()
    os.mkfifo(path)
    assert not opens(given)
    path.unlink()
    path.mkdir()
    assert opens(given)
    assert not opens(CredentialSource(name="product-secret"))
