"""The status file says how the running daemon is, and never misleads about a dead one."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.events.model import Context, Event
from iot_onboard.fast_start.fast_dataclasses import as_dict, replace
from iot_onboard.reporting.headline import Trouble
from iot_onboard.reporting.history import History
from iot_onboard.reporting.status import SCHEMA, Status
from iot_onboard.reporting.status_file import StatusFile, own_status, read, read_checked, start_ticks
from iot_onboard.reporting.status_view import line, text, view_of
from iot_onboard.system.text_style import Style
from support.machine.namespace import UNSHARE, why_no_namespace

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STATUS = Status(
    schema=SCHEMA,
    state="waiting",
    goal="connect",
    since="2026-01-02T03:00:00+00:00",
    product_key="a1b2c3d4e5f",
    device_name="gw-0001",
    endpoint="mqtt.example:8883",
    attempt=2,
    next_try_at="2026-01-02T03:04:35+00:00",
    since_monotonic_s=995.0,
    secret="on disk",
    last_cure="check the cable",
    paho_version="2.1.0",
    online_since=None,
    last_error="connection refused by 10.0.0.1 port 8883",
    last_event="CONNECT_FAILED",
    agent_version="0.1.0",
    pid=os.getpid(),
    pid_start_ticks=start_ticks(os.getpid()),
)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Another process reads the same record; the file is readable by all, and nothing else is left."""
    runtime_dir = tmp_path / "run"
    assert StatusFile(runtime_dir).write(STATUS)
    assert read(runtime_dir) == STATUS
    assert [path.name for path in runtime_dir.iterdir()] == ["status.json"]
    assert stat.S_IMODE((runtime_dir / "status.json").stat().st_mode) == 0o644


def test_what_a_process_tells_of_itself_is_believed(tmp_path: Path) -> None:
    """Its own numbers, its device and version, and the last trouble with its cure, where there was one."""
    context = Context(product_key="pk", device_name="gw-0001", version="1.0", endpoint="host:8883")
    last = Trouble(what="No route.", at=NOW.isoformat(), cause="network", cure="check the cable")
    status = own_status("waiting", NOW.isoformat(), 12.5, context, last, Event.CONNECT_FAILED)
    assert StatusFile(tmp_path).write(status)
    assert read(tmp_path) == status
    assert (status.product_key, status.device_name, status.endpoint) == ("pk", "gw-0001", "host:8883")
    assert (status.last_error, status.last_error_at) == ("No route.", NOW.isoformat())
    assert (status.last_cause, status.last_cure, status.last_event) == ("network", "check the cable", "connect-failed")
    assert (status.attempt, status.agent_version, status.pid) == (0, "1.0", os.getpid())
    untroubled = own_status("boot", NOW.isoformat(), 12.5, context, None, None)
    assert (untroubled.last_error, untroubled.last_cause, untroubled.last_event) == (None, None, None)


def test_an_unchanged_status_is_not_written_again(tmp_path: Path) -> None:
    """The same record costs no write; a changed one replaces the file whole."""
    file, path = StatusFile(tmp_path), tmp_path / "status.json"
    file.write(STATUS)
    before = path.stat().st_ino
    assert file.write(STATUS)
    assert path.stat().st_ino == before
    with path.open() as reader:
        assert file.write(replace(STATUS, attempt=3))
        assert json.load(reader)["attempt"] == 2, "a reader keeps the file that it opened"
    assert read(tmp_path) == replace(STATUS, attempt=3)


def test_a_failed_write_is_told_and_tried_again(tmp_path: Path) -> None:
    """A runtime directory that is not one is no exception; the same status is written as soon as that works."""
    runtime_dir = tmp_path / "run"
    runtime_dir.write_text("in the way")
    file = StatusFile(runtime_dir)
    assert not file.write(STATUS)
    assert not file.write(STATUS), "a failure is not taken for an unchanged status"
    runtime_dir.unlink()
    assert file.write(STATUS)
    assert read(runtime_dir) == STATUS


def test_a_failed_write_leaves_no_temporary_file(tmp_path: Path) -> None:
    """Where the rename fails, the file beside it goes away."""
    (tmp_path / "status.json").mkdir()
    assert not StatusFile(tmp_path).write(STATUS)
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_no_file_is_no_status(tmp_path: Path) -> None:
    """A daemon that never ran has no status."""
    assert read(tmp_path) is None
    assert read(tmp_path / "nowhere") is None


def test_a_dead_daemon_has_no_status(tmp_path: Path) -> None:
    """The file of a daemon that was killed is not believed, nor where its number went to another process."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    for pid, ticks in ((gone.pid, STATUS.pid_start_ticks), (gone.pid, -1), (True, STATUS.pid_start_ticks + 1)):
        assert StatusFile(tmp_path).write(replace(STATUS, pid=pid, pid_start_ticks=ticks))
        assert read(tmp_path) is None


def test_the_start_of_a_process_is_field_22() -> None:
    """A process name with blanks and brackets does not shift the fields."""
    with tempfile.TemporaryDirectory() as directory:
        odd = Path(directory) / "a) S 1 (b"
        odd.symlink_to("/bin/sleep")
        process = subprocess.Popen([odd, "60"])
        try:
            assert start_ticks(process.pid) >= start_ticks(os.getpid()) > 0
        finally:
            process.kill()
            process.wait()
    assert start_ticks(process.pid) == -1


@given(st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()))
def test_garbage_is_no_status(data: bytes) -> None:
    """Whatever the file holds, reading it is no exception."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "status.json").write_bytes(data)
        assert read(Path(directory)) is None


@pytest.mark.parametrize("data", [b"[" * 60_000, b"1" * 60_000, b" " * 200_000])
def test_hostile_garbage_is_no_status(tmp_path: Path, data: bytes) -> None:
    """Deep nesting, endless numbers and large files are no exception either."""
    (tmp_path / "status.json").write_bytes(data)
    assert read(tmp_path) is None


@given(st.sampled_from(sorted(as_dict(STATUS))), values)
def test_a_record_with_one_strange_value_is_safe(name: str, value: object) -> None:
    """A record of the right names with a wrong value is no status, or one that can be shown."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "status.json").write_text(json.dumps({**as_dict(STATUS), name: value}))
        status = read(Path(directory))
        if status is not None:
            view = view_of(status, History(), NOW, 1000.0)
            assert text(view, NOW, Style(width=80))
            assert line(view, NOW)


def test_another_version_may_know_more_or_less(tmp_path: Path) -> None:
    """An upgrade leaves the old daemon running; names that are new to a reader are passed over, missing ones null."""
    record = as_dict(STATUS)
    for name in ("since_monotonic_s", "secret", "paho_version", "last_cure"):
        del record[name]
    (tmp_path / "status.json").write_text(json.dumps({**record, "of_a_later_version": [1]}))
    assert read(tmp_path) == replace(STATUS, since_monotonic_s=None, secret=None, paho_version=None, last_cure=None)
    (tmp_path / "status.json").write_text(json.dumps({**record, "schema": SCHEMA + 1}))
    assert read(tmp_path) is None


FULL = """
mount -t tmpfs -o size=16k none {0}
exec {1} -c '
import pathlib, sys
from iot_onboard.disk.files import write_atomically
place = pathlib.Path(sys.argv[1])
assert write_atomically(place / "status.json", b"online", 0o644)
try:
    (place / "filler").write_bytes(b"x" * 100_000)
except OSError:
    pass
assert write_atomically(place / "status.json", b"off", 0o644)
print((place / "status.json").read_text())
assert not write_atomically(place / "status.json", b"x" * 5000, 0o644)
print(sorted(path.name for path in place.iterdir()))
(place / "status.json").symlink_to(sys.argv[2])
write_atomically(place / "status.json", b"off", 0o644)
' {0} {2}
"""


@pytest.mark.skipif(why_no_namespace() is not None, reason=str(why_no_namespace()))
def test_a_full_runtime_directory_holds_the_truth_or_nothing(tmp_path: Path) -> None:
    """In a tmpfs without room what is there is written over; where that fails, it goes."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "run").mkdir()
    script = FULL.format(tmp_path / "run", sys.executable, victim)
    done = subprocess.run([*UNSHARE, "sh", "-ec", script], capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (0, "off\n['filler']\n"), done.stderr
    assert victim.read_text() == "precious"


@pytest.mark.parametrize(
    ("same", "text", "state"),
    [
        (True, "waiting to connect, attempt 3 at 12:00:00: no route", "waiting"),
        (True, "online at host:8883", "online"),
        (True, "", "online"),
        (True, "something else", "online"),
        (False, "waiting to connect", "online"),
    ],
)
def test_an_old_file_does_not_say_online(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, state: str, *, same: bool
) -> None:
    """What the same process has told systemd since counts; of another one, or of none, nothing is known."""
    context = Context(product_key="pk", device_name="gw", version="1")
    StatusFile(tmp_path).write(own_status("online", "2026-11-01T00:00:00+00:00", 1.0, context, None, None))
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    program = tmp_path / "systemctl"
    program.write_text(f"#!/bin/sh\necho MainPID={os.getpid() if same else 1}\necho 'StatusText={text}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = read_checked(tmp_path, tmp_path)
    assert found is not None
    assert found.state == state
    assert (found.last_error == text) is (state == "waiting")
    assert found.device_name == "gw"
