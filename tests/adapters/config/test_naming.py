"""The one door: hardware and memory become a name, and a stumbling disk makes no other one."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from iot_onboard.config.environment import identity_of
from iot_onboard.config.identity_memory import Remembered, decode
from iot_onboard.config.naming import decision_of, forget, past_of, remember
from iot_onboard.config.problems import MissingFact
from iot_onboard.config.reader import parse
from iot_onboard.config.schema import Document
from support.disk import tracing, writers
from support.disk.tracing import why_no_strace
from support.process.descriptors import none_left
from support.process.unprivileged import open_directory, unprivileged

KEY = "a1b2c3d4e5f"
MEMORY = Remembered(product_key=KEY, device_name="gateway7", template="{hostname}", board="10000000abcdef01")


def board(root: Path, hostname: str, serial: str = "10000000abcdef01") -> Path:
    for name, text in (("etc/hostname", hostname), ("proc/cpuinfo", f"Serial\t\t: {serial}")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    return root


def test_a_name_and_its_memory(tmp_path: Path) -> None:
    """Taken, remembered, kept when the host is renamed, and taken anew where it was forgotten."""
    first = decision_of("{hostname}", KEY, tmp_path, board(tmp_path, "gateway7"))
    assert (first.device_name, first.to_remember is not None) == ("gateway7", True)
    assert first.to_remember is not None
    remember(tmp_path, first.to_remember)
    file = tmp_path / "identity.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert decode(file.read_bytes()) == first.to_remember
    second = decision_of("{hostname}", KEY, tmp_path, board(tmp_path, "gateway8"))
    assert (second.device_name, second.fresh, second.to_remember) == ("gateway7", "gateway8", None)
    moved = decision_of("{hostname}", KEY, tmp_path, board(tmp_path, "gateway8", "100000003d1d1c36"))
    assert (moved.device_name, moved.mismatch) == ("gateway8", "")
    board(tmp_path, "gateway8")
    forget(tmp_path)
    assert decision_of("{hostname}", KEY, tmp_path, tmp_path).device_name == "gateway8"


@pytest.mark.parametrize("data", [b"", b"\0" * 300, b"{}", b"[" * 9000, b"x" * 100_000])
def test_a_memory_that_makes_no_sense_is_none(tmp_path: Path, data: bytes) -> None:
    """The gateway starts as at its first boot, and by the name that has a secret."""
    (tmp_path / "identity.json").write_bytes(data)
    past = past_of(KEY, tmp_path)
    assert (past.remembered, past.unread) == (None, "")
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / f"{KEY}.raspberrypi.json").touch()
    assert decision_of("{hostname}", KEY, tmp_path, board(tmp_path, "raspberrypi")).device_name == "raspberrypi"


def test_a_secret_given_by_hand_is_known_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the configuration or through systemd: an update from 0.1.0 leaves the gateway its name."""
    board(tmp_path, "raspberrypi")

    def name(text: str) -> str:
        common = f"product_key: {KEY}\ndevice_name: '{{hostname}}'\nstate_dir: {tmp_path}\n"
        config, problems = parse([Document(name="c", text=common + text)])
        assert config is not None, problems
        return identity_of(config, tmp_path).device_name

    with pytest.raises(MissingFact, match="which many gateways have"):
        name("")
    assert name(f"device_secret_file: {tmp_path}/secret") == "raspberrypi"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "device-secret").write_text("\n")
    with pytest.raises(MissingFact):
        name("")
    (tmp_path / "device-secret").write_text("g1venByHandg1venByHandg1venByHa\n")
    assert name("") == "raspberrypi"


@pytest.mark.parametrize("kind", ["directory", "link", "fifo"])
def test_what_is_no_file_is_said(tmp_path: Path, kind: str) -> None:
    """It is not followed, does not block, and is not taken for no memory."""
    path = tmp_path / "identity.json"
    if kind == "directory":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("/etc/passwd")
    else:
        os.mkfifo(path)
    with pytest.raises(MissingFact, match=r"identity\.json cannot be read"):
        decision_of("{hostname}", KEY, tmp_path, board(tmp_path, "gateway7"))


def test_without_a_descriptor_there_is_no_other_name(tmp_path: Path) -> None:
    """What cannot be read now is waited for."""
    remember(tmp_path, MEMORY)
    board(tmp_path, "gateway8")
    with none_left(), pytest.raises(MissingFact):
        decision_of("{hostname}", KEY, tmp_path, tmp_path)
    assert decision_of("{hostname}", KEY, tmp_path, tmp_path).device_name == "gateway7"


@pytest.mark.skipif(why_no_strace() is not None, reason=str(why_no_strace()))
def test_a_disk_that_stumbles_makes_no_other_name(tmp_path: Path) -> None:
    """Whether there is a memory, and whether a secret of the name of 0.1.0 is here, has to be known."""
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / f"{KEY}.raspberrypi.json.1").touch()
    traced, read = "?lstat,?newfstatat,openat", partial(writers.name_of, tmp_path, board(tmp_path, "raspberrypi"))
    whole = tracing.run(read, traced)
    assert whole.answer == "raspberrypi"
    calls = [
        call for call in whole.calls if f"{KEY}.raspberrypi" in call.arguments or "identity.json" in call.arguments
    ]
    assert len(calls) >= 3
    for call in calls:
        stumbled = tracing.run(read, traced, [f"{call.name}:error=EIO:when={call.number}"])
        if "identity.json" in call.arguments:
            # The secret of the name of 0.1.0 is seen, and says enough.
            assert stumbled.answer == "raspberrypi", call
        else:
            assert "cannot be read: Input/output error" in stumbled.answer, call


def test_an_ordinary_user_sees_what_the_hardware_gives() -> None:
    """The state directory is closed to them, and that is as it should be."""
    with open_directory() as directory:
        state_dir = directory / "state"
        state_dir.mkdir(mode=0o700)
        remember(state_dir, MEMORY)
        board(directory, "gateway8")
        with unprivileged():
            assert decision_of("{hostname}", KEY, state_dir, directory).device_name == "gateway8"
        assert decision_of("{hostname}", KEY, state_dir, directory).device_name == "gateway7"
