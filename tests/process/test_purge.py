"""Purging the package, by its real script, in a world of its own: what its user has laid out there harms nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.tree import ROOT

OWNER = 54321
SCRIPT = ROOT / "debian" / "iot-onboard.postrm"
SECRET = "a1b2c3d4e5f.gw-0001.json"
# What the script sees is ours, and its own secrets stay where they are.
IN_ITS_WORLD = 'mount --bind "$1" /var/lib && mount --bind "$2" /var/backups && exec sh -e "$3" purge'
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root purges, and mounts"
)


class World:
    """Hold what stands in the place of /var/lib and /var/backups."""

    def __init__(self, directory: Path) -> None:
        self.state = directory / "lib" / "iot-onboard"
        self.credentials = self.state / "credentials"
        self.backups = directory / "backups"
        self.victim = directory / "victim"
        self.credentials.mkdir(parents=True)
        self.backups.mkdir()
        self.victim.mkdir()
        (self.victim / "root.json").write_text("of root's")
        (self.victim / "root.json").chmod(0o600)

    def give(self) -> None:
        """Let all of it be the service's user's, as on a gateway."""
        for path in (self.state, *self.state.rglob("*")):
            os.chown(path, OWNER, OWNER, follow_symlinks=False)
        self.state.chmod(0o700)

    def purge(self) -> subprocess.CompletedProcess[str]:
        command = ["unshare", "--mount", "sh", "-c", IN_ITS_WORLD, "sh"]
        words = [str(self.state.parent), str(self.backups), str(SCRIPT)]
        return subprocess.run([*command, *words], capture_output=True, text=True, check=False, timeout=30)

    def archived(self) -> dict[str, bytes]:
        """Return the files of the one archive; the directory is in it, closed."""
        (archive,) = self.backups.iterdir()
        assert (archive.stat().st_mode & 0o777, archive.stat().st_uid) == (0o600, 0)
        with tarfile.open(archive) as tar:
            found = {member.name: tar.extractfile(member) for member in tar if not member.isdir()}
            return {name: file.read() for name, file in found.items() if file is not None}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def stored(world: World) -> None:
    (world.credentials / SECRET).write_text("the secret")
    (world.credentials / SECRET).chmod(0o600)


def pipes_and_links(world: World) -> None:
    stored(world)
    os.mkfifo(world.credentials / "pipe.json")
    (world.credentials / "shadow.json").symlink_to("/etc/shadow")
    (world.credentials / "folder.json").mkdir()
    (world.credentials / "new\nline.json").symlink_to(world.victim / "root.json")


def without_end(world: World) -> None:
    stored(world)
    with (world.credentials / "huge.json").open("wb") as file:
        file.truncate(1 << 40)
    (world.credentials / "large.json").write_bytes(b"x" * 100_000)


def elsewhere(world: World) -> None:
    stored(world)
    world.credentials.rename(world.state / "moved")
    world.credentials.symlink_to("moved")


@pytest.mark.parametrize("lay_out", [stored, pipes_and_links, without_end, elsewhere], ids=lambda made: made.__name__)
def test_the_secret_is_kept_whatever_lies_beside_it(world: World, lay_out: Callable[[World], None]) -> None:
    """For root alone, in bounded time and size, with nothing of root's in it; then all is gone."""
    lay_out(world)
    world.give()
    began_at = time.monotonic()
    done = world.purge()
    assert time.monotonic() - began_at < 20.0
    assert done.returncode == 0, done.stderr
    kept = world.archived()
    assert kept[f"credentials/{SECRET}"] == b"the secret"
    assert not [name for name, data in kept.items() if b"root" in data or "shadow" in name]
    assert not world.state.exists()
    assert (world.victim / "root.json").read_text() == "of root's"


def test_a_flood_of_files_ends(world: World) -> None:
    """Whoever can lay them out can remove the secret as well; what is packed has a bound, and the purge an end."""
    for number in range(20_000):
        (world.credentials / f"{number}.json").write_bytes(os.urandom(100))
    world.give()
    done = world.purge()
    assert (done.returncode, len(world.archived()), world.state.exists()) == (0, 200, False), done.stderr


def to_roots(world: World) -> None:
    world.credentials.rmdir()
    world.credentials.symlink_to(world.victim)


def dangling(world: World) -> None:
    world.credentials.rmdir()
    world.credentials.symlink_to("nowhere")


def a_pipe(world: World) -> None:
    world.credentials.rmdir()
    os.mkfifo(world.credentials)


def nothing(world: World) -> None:
    pass


@pytest.mark.parametrize("lay_out", [to_roots, dangling, a_pipe, nothing], ids=lambda made: made.__name__)
def test_where_nothing_is_stored_nothing_is_packed(world: World, lay_out: Callable[[World], None]) -> None:
    """Nothing of root's either, and nobody waits."""
    lay_out(world)
    world.give()
    done = world.purge()
    assert (done.returncode, list(world.backups.iterdir()), world.state.exists()) == (0, [], False), done.stderr
    assert (world.victim / "root.json").exists()


def test_a_secret_that_cannot_be_kept_stays(world: World) -> None:
    """One that its owner may not read, as an operator who copied it as root leaves it: the purge ends there."""
    stored(world)
    world.give()
    os.chown(world.credentials / SECRET, 0, 0)
    done = world.purge()
    assert done.returncode != 0
    assert "could not be moved" in done.stderr
    assert "Permission denied" in done.stderr
    assert (world.credentials / SECRET).exists()
    assert list(world.backups.iterdir()) == []


def test_a_state_directory_of_roots_is_kept_too(world: World) -> None:
    """As an image builder leaves it."""
    stored(world)
    done = world.purge()
    assert (done.returncode, world.archived()) == (0, {f"credentials/{SECRET}": b"the secret"}), done.stderr
