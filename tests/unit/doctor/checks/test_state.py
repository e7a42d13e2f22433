"""How the doctor judges directories, disk and clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from iot_onboard.doctor.checks import clock, state
from iot_onboard.doctor.checks.clock import ClockFacts
from iot_onboard.doctor.checks.files import FileFacts
from iot_onboard.doctor.checks.state import DirectoryFacts, Mount
from support.text.judged import FAIL, OK, SERVICE, SKIPPED, WARN, Row, directory, file

CHAIN = (directory("/", 0o755, 0), directory("/var", 0o755, 0), directory("/var/lib/iot-onboard", 0o700))
DISK = Mount(point="/", kind="ext4", source="/dev/mmcblk0p2", options=("rw",), errors=0)
PLACE = DirectoryFacts(
    path="/var/lib/iot-onboard", chain=CHAIN, account=SERVICE, mount=DISK, free_bytes=10**9, free_inodes=10**5
)


def place(*above: FileFacts, own: FileFacts = CHAIN[-1]) -> DirectoryFacts:
    return replace(PLACE, chain=(*(above or CHAIN[:-1]), own))


STATE = [
    Row("good", state.directory, PLACE, OK, "belongs to iot-onboard, mode 0700"),
    Row("missing", state.directory, replace(PLACE, chain=CHAIN[:-1]), FAIL, "does not exist", "systemctl start"),
    Row("a file", state.directory, place(own=file(PLACE.path, 0o600)), FAIL, "is a file", "sudo mv"),
    Row(
        "root's",
        state.directory,
        place(own=directory(PLACE.path, 0o700, 0)),
        FAIL,
        "does not belong to",
        "chown -R iot-onboard:",
    ),
    Row("open", state.directory, place(own=directory(PLACE.path, 0o755)), WARN, "(mode 0755)", "chmod 700"),
    Row("writable", state.writable, PLACE, OK, "may write"),
    Row(
        "read-only",
        state.writable,
        replace(PLACE, mount=replace(DISK, options=("ro",))),
        FAIL,
        "/ is mounted read-only",
        "remount,rw /",
    ),
    Row(
        "closed above",
        state.writable,
        place(directory("/", 0o755, 0), directory("/var", 0o700, 0)),
        FAIL,
        "may not pass /var",
        "chmod a+x /var",
    ),
    Row(
        "not writable", state.writable, place(own=directory(PLACE.path, 0o755, 0)), FAIL, "may not write", "sudo chown"
    ),
    Row("nobody", state.writable, replace(PLACE, account=None), SKIPPED, "no service user"),
    Row("room", state.space, PLACE, OK, "953 MB free on /"),
    Row("full", state.space, replace(PLACE, free_bytes=0), FAIL, "The disk is full: 0 bytes", "du -xh /"),
    Row("little", state.space, replace(PLACE, free_bytes=10**6), WARN, "Little room: 976 kB", "free space"),
    Row("no inodes", state.space, replace(PLACE, free_inodes=0), FAIL, "no more files (0 inodes", "--inodes"),
    Row("few inodes", state.space, replace(PLACE, free_inodes=50), WARN, "50 more files"),
    Row("inodes not counted", state.space, replace(PLACE, free_inodes=None), OK, "There is room"),
    Row("ext4", state.filesystem, PLACE, OK, "/dev/mmcblk0p2 (ext4 at /)"),
    Row("unknown", state.filesystem, replace(PLACE, mount=None), SKIPPED, "does not say"),
    Row(
        "in memory",
        state.filesystem,
        replace(PLACE, mount=replace(DISK, kind="tmpfs")),
        FAIL,
        "lost at each boot",
        "state_dir",
    ),
    Row("overlay", state.filesystem, replace(PLACE, mount=replace(DISK, kind="overlay")), OK, "upper layer"),
    Row(
        "errors",
        state.filesystem,
        replace(PLACE, mount=replace(DISK, errors=3)),
        WARN,
        "3 errors on /dev/mmcblk0p2",
        "fsck",
    ),
    Row("no runtime directory", state.runtime, replace(PLACE, chain=CHAIN[:-1]), OK, "is not there"),
    Row("runtime", state.runtime, PLACE, OK, "can be written"),
    Row("runtime closed", state.runtime, place(own=directory(PLACE.path, 0o755, 0)), FAIL, "may not write", "chown"),
    Row("runtime full", state.runtime, replace(PLACE, free_bytes=0), WARN, "no room", "/run"),
]

NOW = datetime(2026, 12, 24, 12, tzinfo=UTC)
TIME = ClockFacts(now=NOW, built_at=datetime(2026, 11, 1, tzinfo=UTC))
BEFORE = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)

CLOCK = [
    Row("plausible", clock.plausible, TIME, OK, "2026-12-24 12:00:00 UTC"),
    Row("1970", clock.plausible, replace(TIME, now=BEFORE), FAIL, "1970-01-01 00:01:00 UTC, before", "timedatectl"),
    Row(
        "far ahead",
        clock.plausible,
        replace(TIME, now=NOW.replace(year=2060)),
        FAIL,
        "more than 15 years",
        "timedatectl",
    ),
    Row("flag", clock.synchronised, replace(TIME, timesyncd_flag=True), OK, "timesyncd"),
    Row("kernel", clock.synchronised, replace(TIME, kernel_synchronised=True), OK, "kernel"),
    Row(
        "not synchronised",
        clock.synchronised,
        replace(TIME, kernel_synchronised=False),
        WARN,
        "not synchronised",
        "set-ntp true",
    ),
    Row("unknown", clock.synchronised, TIME, SKIPPED, "Nobody says"),
    Row("nothing lived", clock.forward, TIME, SKIPPED, "Nothing"),
    Row("forward", clock.forward, replace(TIME, lived=(("a", BEFORE),)), OK, "not gone back: a"),
    Row(
        "back",
        clock.forward,
        replace(TIME, lived=(("a", BEFORE), ("b", NOW + timedelta(days=3)))),
        FAIL,
        "went back by 3 days: it says 2026-12-24 12:00:00 UTC, but b is of 2026-12-27",
        "timedatectl",
    ),
    Row(
        "a little back", clock.forward, replace(TIME, lived=(("a", NOW + timedelta(seconds=30)),)), OK, "not gone back"
    ),
    Row("no service", clock.steady, TIME, SKIPPED, "does not run"),
    Row("steady", clock.steady, replace(TIME, step_since_start=timedelta(seconds=3)), OK, "by little"),
    Row("set at boot", clock.steady, replace(TIME, step_since_start=NOW - BEFORE), OK, "as it is after a boot"),
    Row(
        "stepped forward",
        clock.steady,
        replace(TIME, step_since_start=timedelta(hours=3)),
        WARN,
        "forward by 3 hours",
        "two programs",
    ),
    Row(
        "stepped back", clock.steady, replace(TIME, step_since_start=timedelta(minutes=-20)), WARN, "back by 20 minutes"
    ),
]


@pytest.mark.parametrize("row", [*STATE, *CLOCK], ids=str)
def test_judgements(row: Row) -> None:
    """These facts, this level, these words, this fix."""
    row.holds()
