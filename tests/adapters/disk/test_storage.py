"""What a directory lies on, by real mounts in a name space of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from iot_onboard.disk.storage import mount_changed, mount_id, read_mounts, storage_of
from support.machine.namespace import UNSHARE, why_no_namespace
from support.tree import DAEMON

LOOK = """
import sys
from pathlib import Path
from iot_onboard.disk.storage import storage_of
found = storage_of(Path(sys.argv[1]))
print(found.volatile or found.unseen or "lasts")
"""


def look(directory: Path, script: str, where: str = "state") -> str:
    """Mount as a script says, in `directory`, and return what is said of a place in it."""
    if (reason := why_no_namespace()) is not None:
        pytest.skip(reason)
    if os.geteuid():
        pytest.skip("only root mounts these")
    (directory / "state").mkdir(exist_ok=True)
    environment = os.environ | {"PYTHONPATH": str(DAEMON)}
    command = [sys.executable, "-c", LOOK, str(directory / where)]
    done = subprocess.run(
        [*UNSHARE, "sh", "-ec", f'cd {directory}\n{script}\nexec "$@"', "sh", *command],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


LAYERS = "-o lowerdir=low,upperdir=$PWD/up/u,workdir=$PWD/up/w"
OVERLAY = f"mkdir low up && {{}} && mkdir up/u up/w && mount -t overlay o {LAYERS} state"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("true", "lasts"),
        ("mount -t tmpfs t state", "tmpfs at {}/state, which is in memory"),
        ("mkdir state/credentials && mount -t tmpfs t state/credentials", "tmpfs at {}/state/credentials"),
        ("mkdir m && mount -t tmpfs t m && ln -s ../m state/credentials", "tmpfs at {}/m"),
        ("mount -t tmpfs t state && mkdir d state/credentials && mount --bind d state/credentials", "lasts"),
        ("mount -t ramfs t state", "ramfs at {}/state, which is in memory"),
        ("mkdir m && mount -t tmpfs t m && mkdir m/d && mount --bind m/d state", "tmpfs at {}/state"),
        ("mount -t tmpfs t state && mkdir d && mount --bind d state", "lasts"),
        ("mkdir d && mount --bind d state && mount -t tmpfs t state", "tmpfs at {}/state"),
        ("mount -t tmpfs t . && cd $PWD && mkdir d && mount --bind /usr/share d && ln -s d state", "lasts"),
        ("mount -t tmpfs t /mnt && rmdir state && ln -s /mnt/later state", "tmpfs at /mnt"),
        (OVERLAY.format("mount -t tmpfs t up"), "and its upper layer {}/up/u is on tmpfs at {}/up"),
        (OVERLAY.format("true"), "lasts"),
        (OVERLAY.format("mount -t tmpfs -o size=50% t up") + " && umount -l up", "it is 50 % of the memory"),
        (OVERLAY.format("true") + " && mv up elsewhere", "is not visible here"),
    ],
)
def test_real_mounts(tmp_path: Path, script: str, words: str) -> None:
    """A symbolic link counts as where it leads to, also before that is there."""
    assert words.replace("{}", str(tmp_path)) in look(tmp_path, script)


def test_a_file_in_memory(tmp_path: Path) -> None:
    """A file system in a file on a tmpfs, by a loop device."""
    script = "mkdir m && mount -t tmpfs t m && truncate -s 8M m/f && mkfs.ext4 -q m/f && mount -o loop m/f state"
    if subprocess.run(["losetup", "--find"], capture_output=True, check=False).returncode:
        pytest.skip("no loop devices")
    told = look(tmp_path, script)
    assert told == (
        f"ext4 at {tmp_path}/state, a file ({tmp_path}/m/f) that is on tmpfs at {tmp_path}/m, which is in memory"
    )


def test_what_the_kernel_was_told(tmp_path: Path) -> None:
    """Its command line is read, but in a container, where it is of another system."""
    (tmp_path / "proc/self").mkdir(parents=True)
    line = "22 1 0:50 / / rw - overlay o rw,lowerdir=/a,upperdir=/nowhere/b,workdir=/nowhere/c\n"
    (tmp_path / "proc/self/mountinfo").write_text(line)
    (tmp_path / "proc/cmdline").write_text("quiet overlayroot=tmpfs\n")
    assert "overlayroot=tmpfs" in storage_of(Path("/var/lib"), tmp_path).volatile
    (tmp_path / "run/systemd").mkdir(parents=True)
    (tmp_path / "run/systemd/container").write_text("systemd-nspawn")
    assert storage_of(Path("/var/lib"), tmp_path).volatile == ""


def test_disks_as_the_kernel_names_them(tmp_path: Path) -> None:
    """A partition is of its disk, and what is put together names its parts."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text("22 1 253:0 / / rw - ext4 /dev/mapper/x rw\n")
    crypt, swap = tmp_path / "sys/devices/dm-0", tmp_path / "sys/devices/zram0"
    (crypt / "slaves").mkdir(parents=True)
    (swap / "zram0p1").mkdir(parents=True)
    (swap / "zram0p1/partition").write_text("1\n")
    (swap / "zram0p1/dev").write_text("252:1\n")
    (crypt / "slaves/zram0p1").symlink_to(swap / "zram0p1")
    (tmp_path / "sys/dev/block").mkdir(parents=True)
    (tmp_path / "sys/dev/block/253:0").symlink_to(crypt)
    (tmp_path / "sys/dev/block/252:1").symlink_to(swap / "zram0p1")
    assert storage_of(Path("/var/lib"), tmp_path).volatile == "ext4 at / on zram0, a disk in memory"


def test_disks_by_their_paths(tmp_path: Path) -> None:
    """A file system with a number of its own names its disk, also by the name that the device mapper gives."""
    for name in ("zram0", "dm-0"):
        (tmp_path / "devices" / name).mkdir(parents=True)
    (tmp_path / "devices/dm-0/dm").mkdir()
    (tmp_path / "devices/dm-0/dm/name").write_text("nope-cellar\n")
    (tmp_path / "devices/dm-0/slaves/zram0").mkdir(parents=True)
    (tmp_path / "devices/dm-0/slaves/zram0/dev").write_text("252:0\n")
    (tmp_path / "sys/class/block").mkdir(parents=True)
    (tmp_path / "sys/dev/block").mkdir(parents=True)
    for link, name in (("class/block/zram0", "zram0"), ("class/block/dm-0", "dm-0"), ("dev/block/252:0", "zram0")):
        (tmp_path / "sys" / link).symlink_to(tmp_path / "devices" / name)
    (tmp_path / "proc/self").mkdir(parents=True)
    for source in ("/dev/zram0", "/dev/mapper/nope-cellar"):
        (tmp_path / "proc/self/mountinfo").write_text(f"22 1 0:44 / / rw - btrfs {source} rw\n")
        assert "a disk in memory" in storage_of(tmp_path / "state", tmp_path).volatile


def test_another_mount_is_noticed(tmp_path: Path) -> None:
    """A later one on the directory, and a right to write; not what happens elsewhere, nor a kernel that is silent."""
    (tmp_path / "proc/self").mkdir(parents=True)
    mounts = tmp_path / "proc/self/mountinfo"
    mounts.write_text("22 1 8:1 / / ro - ext4 /dev/sda1 rw\n")
    known = mount_id(read_mounts(tmp_path)[0])
    assert not mount_changed("/var/lib/x", known, tmp_path)
    mounts.write_text("22 1 8:1 / / ro - ext4 /dev/sda1 rw\n30 22 0:9 / /run rw - tmpfs t rw\n")
    assert not mount_changed("/var/lib/x", known, tmp_path)
    mounts.write_text("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    assert mount_changed("/var/lib/x", known, tmp_path)
    mounts.write_text("22 1 8:1 / / ro - ext4 /dev/sda1 rw\n30 22 8:2 / /var rw - ext4 /dev/sda2 rw\n")
    assert mount_changed("/var/lib/x", known, tmp_path)
    mounts.unlink()
    assert not mount_changed("/var/lib/x", known, tmp_path)
