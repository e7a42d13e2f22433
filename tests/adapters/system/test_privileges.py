"""Whom root becomes, which directories it makes before, and that there is no way back."""

from __future__ import annotations

import json
import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from iot_onboard.core.failures import OnboardError
from iot_onboard.system.privileges import prepare_directories
from support.process.unprivileged import open_directory

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
NOBODY = pwd.getpwnam("nobody")
OTHER = 12345


@pytest.fixture
def directory() -> Iterator[Path]:
    with open_directory() as directory:
        yield directory


def owned(path: Path, uid: int = NOBODY.pw_uid, mode: int = 0o700) -> Path:
    path.mkdir(exist_ok=True)
    path.chmod(mode)
    os.chown(path, uid, uid)
    return path


def found(path: Path) -> tuple[int, int]:
    return path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)


def prepared(state: Path, run: Path | None = None, *usual: Path, user: str = "nobody") -> int:
    owner = prepare_directories(state, run, usual=usual, user=user)
    return owner.uid if owner is not None else 0


def test_the_usual_directories_are_given_to_the_service(directory: Path) -> None:
    """Made as systemd would make them, also after a crash in between; then root acts as the service's user."""
    state, run = directory / "state", directory / "run"
    for _ in range(2):
        assert prepared(state, run, state, run) == NOBODY.pw_uid
        assert (found(state), found(run)) == ((NOBODY.pw_uid, 0o700), (NOBODY.pw_uid, 0o755))
        os.chown(state, 0, 0)
        os.chown(run, 0, 0)


def test_what_a_root_run_has_left_in_the_runtime_directory_is_no_obstacle(directory: Path) -> None:
    """The directory becomes the service's, as with its next start; what is in it stays what it is."""
    state, run = owned(directory / "state"), directory / "run"
    run.mkdir()
    (run / "connects.json").write_text("{}")
    assert prepared(state, run, state, run) == NOBODY.pw_uid
    assert (found(run)[0], (run / "connects.json").stat().st_uid) == (NOBODY.pw_uid, 0)


def test_a_state_directory_that_holds_something_is_nobodys_gift(directory: Path) -> None:
    """An operator has put it there; with two owners nothing is done, and it is said who they are."""
    state, run = directory / "state", owned(directory / "run")
    (state / "credentials").mkdir(parents=True)
    with pytest.raises(OnboardError, match=r"state belongs to root and .*run belongs to nobody.* To do: "):
        prepared(state, run, state, run)
    assert found(state)[0] == 0


def test_without_the_user_all_stays_roots(directory: Path) -> None:
    """At a desk nobody has installed the package."""
    state, run = directory / "state", directory / "run"
    assert prepared(state, run, state, run, user="no-such-user") == 0
    assert (found(state), found(run)) == ((0, 0o700), (0, 0o755))


def test_what_is_missing_is_made_for_the_owner_of_the_rest(directory: Path) -> None:
    """Root could make it, and the owner could not."""
    state, run = owned(directory / "state"), directory / "run"
    assert prepared(state, run) == NOBODY.pw_uid
    assert found(run) == (NOBODY.pw_uid, 0o755)
    inside = state / "inside"
    assert prepared(inside) == NOBODY.pw_uid
    assert not inside.exists()


def test_a_link_of_the_operators_is_followed_and_no_other(directory: Path) -> None:
    """Where a link is somebody's, root becomes them, wherever it leads."""
    home, closed = owned(directory / "home"), directory / "closed"
    closed.mkdir(mode=0o700)
    (directory / "state").symlink_to(home)
    assert prepared(directory / "state") == NOBODY.pw_uid
    (home / "state").symlink_to(closed)
    assert prepared(home / "state") == NOBODY.pw_uid
    (directory / "theirs").symlink_to(closed)
    os.chown(directory / "theirs", OTHER, OTHER, follow_symlinks=False)
    assert prepared(directory / "theirs") == OTHER
    assert found(closed) == (0, 0o700)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_a_directory_that_others_may_change_is_refused(directory: Path, mode: int) -> None:
    """Whoever may write to it could have put a link there."""
    state = owned(directory / "state", 0, mode)
    with pytest.raises(OnboardError, match="users other than root may change state"):
        prepared(state)
    with pytest.raises(OnboardError, match="users other than root may change state"):
        prepared(directory / "good", state, state)


def test_what_cannot_be_opened_is_told(directory: Path) -> None:
    """A file in the place of a directory above."""
    (directory / "file").touch()
    with pytest.raises(OnboardError, match="file/state cannot be opened: Not a directory"):
        prepared(directory / "file" / "state")


BECOME = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from iot_onboard.disk.untrusted_path import PathPart
from iot_onboard.system.privileges import become
os.setgroups([0, 4, 27])
become(PathPart(name="state", mode=0, uid=int(sys.argv[2]), gid=int(sys.argv[2])))
try:
    os.setuid(0)
except PermissionError:
    pass
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(json.dumps([os.getresuid(), os.getresgid(), os.getgroups(), status["CapEff"], status["CapPrm"]]))
"""


@pytest.mark.parametrize("uid", [NOBODY.pw_uid, OTHER])
def test_there_is_no_way_back(uid: int) -> None:
    """No real, effective or saved id of root's, none of its groups, no capability; also where no account has the id."""
    package = Path(sys.modules["iot_onboard"].__file__ or "").parents[1]
    command = [sys.executable, "-c", BECOME, str(package), str(uid)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    uids, gids, groups, *capabilities = json.loads(done.stdout)
    assert (uids, gids) == ([uid] * 3, [uid] * 3)
    assert set(groups) <= {uid}
    assert {int(bits, 16) for bits in capabilities} == {0}
