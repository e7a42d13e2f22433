"""How the doctor judges the directories, and the disk below them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iot_onboard.disk.mounts import Mount
from iot_onboard.doctor.checks import state
from iot_onboard.doctor.checks.files import FileFacts
from iot_onboard.doctor.checks.state import DirectoryFacts, StorageFacts
from iot_onboard.fast_start.fast_dataclasses import replace as replace_fast
from support.text.judged import FAIL, NOTHING, OK, SERVICE, SKIPPED, WARN, Row, directory, file

CHAIN = (directory("/", 0o755, 0), directory("/var", 0o755, 0), directory("/var/lib/iot-onboard", 0o700))
DISK = Mount(number=22, parent=1, device="179:2", root="/", point="/", kind="ext4", source="/dev/mmcblk0p2")
PLACE = DirectoryFacts(
    path="/var/lib/iot-onboard", chain=CHAIN, account=SERVICE, mount=DISK, free_bytes=10**9, free_inodes=10**5, errors=0
)
MEMORY = StorageFacts(path="/var/lib/iot-onboard", volatile="tmpfs at /var, which is in memory")


def place(*above: FileFacts, own: FileFacts = CHAIN[-1]) -> DirectoryFacts:
    return replace(PLACE, chain=(*(above or CHAIN[:-1]), own))


STATE = [
    Row("good", state.directory, PLACE, OK, "belongs to iot-onboard, mode 0700"),
    Row("a link", state.directory, replace(PLACE, link="/data/s"), FAIL, "a link to /data/s", "sudo cp -a /data/s"),
    Row(
        "a link, of one's own",
        state.directory,
        replace(PLACE, path="/s", chain=(directory("/s", 0o700),), link="/data"),
        OK,
    ),
    Row("missing", state.directory, replace(PLACE, chain=CHAIN[:-1]), FAIL, "does not exist", "systemctl start"),
    Row("a file", state.directory, place(own=file(PLACE.path, 0o600)), FAIL, "is a file", "sudo mv"),
    Row(
        "root's",
        state.directory,
        place(own=directory(PLACE.path, 0o700, 0)),
        FAIL,
        "does not belong to",
        "chown -Rh iot-onboard:",
    ),
    Row("open", state.directory, place(own=directory(PLACE.path, 0o755)), WARN, "(mode 0755)", "chmod 700"),
    Row("writable", state.writable, PLACE, OK, "can write"),
    Row(
        "read-only",
        state.writable,
        replace(PLACE, mount=replace_fast(DISK, options=("ro", "noatime"))),
        FAIL,
        "/ is mounted read-only",
        "remount,rw /",
    ),
    Row(
        "closed above",
        state.writable,
        place(directory("/", 0o755, 0), directory("/var", 0o700, 0)),
        FAIL,
        "cannot enter /var",
        "chmod a+x /var",
    ),
    Row("not writable", state.writable, place(own=directory(PLACE.path, 0o755, 0)), FAIL, "cannot write", "sudo chown"),
    Row("nobody", state.writable, replace(PLACE, account=None), NOTHING),
    Row("room", state.space, PLACE, OK, "953 MB free on /"),
    Row("full", state.space, replace(PLACE, free_bytes=0), FAIL, "The disk is full: 0 bytes", "du -xh /"),
    Row(
        "little",
        state.space,
        replace(PLACE, free_bytes=10**6),
        WARN,
        "Little space is left: 976 kB",
        "delete large files",
    ),
    Row("no inodes", state.space, replace(PLACE, free_inodes=0), FAIL, "no more files (0 inodes", "--inodes"),
    Row("few inodes", state.space, replace(PLACE, free_inodes=50), WARN, "50 more files"),
    Row("inodes not counted", state.space, replace(PLACE, free_inodes=None), OK, "There is enough space"),
    Row("ext4", state.filesystem, PLACE, OK, "/dev/mmcblk0p2 (ext4 at /)"),
    Row("unknown", state.filesystem, replace(PLACE, mount=None), SKIPPED, "does not show"),
    Row("persistent", state.persistent, replace(MEMORY, volatile=""), OK, "survives a reboot."),
    Row(
        "unseen",
        state.persistent,
        replace(MEMORY, volatile="", unseen="the upper layer of the overlay at / is not visible here"),
        OK,
        "the upper layer of the overlay at / is not visible here, so it is taken as persistent",
    ),
    Row(
        "in memory",
        state.persistent,
        MEMORY,
        FAIL,
        "tmpfs at /var, which is in memory. So the gateway does not register",
        "state_dir",
    ),
    Row("in memory, stored", state.persistent, replace(MEMORY, stored=True), WARN, "used until then", "state_dir"),
    Row("in memory, meant", state.persistent, replace(MEMORY, allowed=True), WARN, "allow_volatile", "state_dir"),
    Row("in memory, by hand", state.persistent, replace(MEMORY, own_secret=True), OK, "is not stored there"),
    Row(
        "errors",
        state.filesystem,
        replace(PLACE, errors=3),
        WARN,
        "3 errors on /dev/mmcblk0p2",
        "fsck",
    ),
    Row("no runtime directory", state.runtime, replace(PLACE, chain=CHAIN[:-1]), OK, "does not exist"),
    Row("runtime", state.runtime, PLACE, OK, "can write"),
    Row("runtime closed", state.runtime, place(own=directory(PLACE.path, 0o755, 0)), FAIL, "cannot write", "chown"),
    Row("runtime full", state.runtime, replace(PLACE, free_bytes=0), WARN, "no space", "/run"),
]


@pytest.mark.parametrize("row", STATE, ids=str)
def test_judgements(row: Row) -> None:
    """These facts, this level, these words, this fix."""
    row.holds()
