"""`forget`: the stored secret is set aside once somebody has said that it is meant."""

from __future__ import annotations

import io
import sys

import pytest

from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.disk.credentials import Store
from support.process.commands import Etc

IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw-0001")


@pytest.fixture
def store(etc: Etc) -> Store:
    """Return the store of a gateway that has registered."""
    made = Store(etc.state_dir, IDENTITY)
    with made.lock():
        made.save(Credentials(identity=IDENTITY, device_secret=Secret("hunter2hunter2")))
    return made


def aside(etc: Etc) -> list[bytes]:
    return [data for path, data in etc.files().items() if ".forgotten-" in path]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(("typed", "code"), [("gw-0001\n", 0), ("gw-0002\n", 1), ("\n", 1), ("", 1)])
def test_the_device_name_has_to_be_typed(etc: Etc, monkeypatch: pytest.MonkeyPatch, typed: str, code: int) -> None:
    """Anything else, and no answer at all, changes nothing."""
    before = etc.files()
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    done = etc.command("forget")
    assert done.code == code
    assert "An activated device then needs a reset" in done.out
    if code:
        assert (etc.files(), done.err) == (before, "iot-onboard: nothing was changed\n")
    else:
        assert len(aside(etc)) == 1


@pytest.mark.usefixtures("store")
def test_nothing_is_deleted(etc: Etc) -> None:
    """The file is renamed, and its new name is told; a second time there is none."""
    before = {data for path, data in etc.files().items() if path.endswith(".json")}
    done = etc.command("forget", "--yes")
    assert (done.code, done.err) == (0, "")
    assert set(aside(etc)) == before
    assert "The next start registers again" in done.out
    again = etc.command("forget", "--yes")
    assert (again.code, again.out) == (0, "No device secret is stored.\n")


def test_a_running_daemon_is_in_the_way(etc: Etc, store: Store) -> None:
    """It has the secret in memory: refused before any question, with the way round."""
    with store.lock():
        done = etc.command("forget")
    assert (done.code, done.out) == (1, "")
    assert "systemctl stop iot-onboard, then this again" in done.err
    assert aside(etc) == []
