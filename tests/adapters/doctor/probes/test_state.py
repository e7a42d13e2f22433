"""What the doctor sees of the directories that the daemon writes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from iot_onboard.doctor.checks import state
from iot_onboard.doctor.model import Level
from iot_onboard.doctor.probes.state import RUNTIME, STATE, STATE_STORAGE, mount_of
from support.process.probing import bring


def test_the_state_directory(gateway: Path) -> None:
    """Each directory above it, the disk below it, and what is left there."""
    facts = bring(STATE, gateway / "config.yaml")
    assert [file.path for file in facts.chain] == [
        str(path) for path in (*reversed((gateway / "state").parents), gateway / "state")
    ]
    assert facts.mount is not None
    assert facts.free_bytes > 0
    missing = bring(RUNTIME, gateway / "config.yaml")
    assert (missing.found, state.runtime(missing).level) == (None, Level.OK)


MOUNTS = r"""
22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw
30 22 0:26 / /run rw,nosuid - tmpfs tmpfs rw,size=1k
31 22 179:3 / /var/lib ro,relatime - ext4 /dev/mmcblk0p3 rw,errors=remount-ro
32 31 179:4 / /var/lib/a\040b rw - ext4 /dev/mmcblk0p4 ro
a line that makes no sense
"""


@pytest.mark.parametrize(
    ("path", "point", "read_only"),
    [
        ("/etc", "/", False),
        ("/run/x", "/run", False),
        ("/var/lib/x", "/var/lib", True),
        ("/var/lib/a b", "/var/lib/a b", True),
    ],
)
def test_the_mount_of_a_path(tmp_path: Path, path: str, point: str, read_only: bool) -> None:
    """The innermost counts; read-only by its own options or by its disk's."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text(MOUNTS)
    mount = mount_of(tmp_path, Path(path))
    assert mount is not None
    assert (mount.point, mount.read_only) == (point, read_only)
    assert mount_of(tmp_path / "nowhere", Path(path)) is None


def test_what_ext4_has_met(gateway: Path, tmp_path: Path) -> None:
    """Its count of errors is the kernel's, found by the name of the disk; other file systems have none."""
    root = tmp_path / "root"
    (root / "proc/self").mkdir(parents=True)
    (root / "sys/fs/ext4/mmcblk0p2").mkdir(parents=True)
    (root / "sys/fs/ext4/mmcblk0p2/errors_count").write_text("3\n")
    (root / "proc/self/mountinfo").write_text(MOUNTS)
    assert bring(STATE, gateway / "config.yaml", root).errors == 3
    (root / "proc/self/mountinfo").write_text(MOUNTS.replace("mmcblk0p2", "vda"))
    assert bring(STATE, gateway / "config.yaml", root).errors is None


def test_whether_it_lasts(gateway: Path, tmp_path: Path) -> None:
    """By the same rule as the daemon's; a secret that is there and a switch that is set change what it means."""
    root = tmp_path / "root"
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/mountinfo").write_text("22 1 0:26 / / rw - tmpfs tmpfs rw\n")
    facts = bring(STATE_STORAGE, gateway / "config.yaml", root)
    assert facts.volatile == "tmpfs at /, which is in memory"
    assert not facts.allowed
