"""The state directory that root makes for the service."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

import pytest

from iot_onboard.system.accounts import make_state_directory, service_group
from support.process.unprivileged import unprivileged

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@as_root
def test_it_belongs_to_the_service(tmp_path: Path) -> None:
    """Closed, and the service's own, also after a crash in between; one that holds something is left as it is."""
    nobody = pwd.getpwnam("nobody")
    make_state_directory(tmp_path / "state", "nobody")
    found = (tmp_path / "state").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o700, nobody.pw_uid, nobody.pw_gid)
    (tmp_path / "crashed").mkdir(mode=0o700)
    make_state_directory(tmp_path / "crashed", "nobody")
    assert (tmp_path / "crashed").stat().st_uid == nobody.pw_uid
    (tmp_path / "other" / "credentials").mkdir(parents=True)
    make_state_directory(tmp_path / "other", "nobody")
    assert (tmp_path / "other").stat().st_uid == 0


def test_without_the_user_nothing_is_made(tmp_path: Path) -> None:
    """The store makes its own then."""
    make_state_directory(tmp_path / "state", "no-such-user")
    assert not (tmp_path / "state").exists()
    assert service_group("no-such-user") == -1


def test_only_root_gives_away(tmp_path: Path) -> None:
    """Nobody else tries."""
    with unprivileged():
        make_state_directory(tmp_path / "state", "nobody")
        assert service_group("nobody") == -1
    assert not (tmp_path / "state").exists()
