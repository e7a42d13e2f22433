"""What is remembered within a boot holds across restarts of the service, and garbage does no harm."""

from __future__ import annotations

import json
import os
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.core.backoff import REREGISTER_CAP_S, REREGISTER_FIRST_S, earliest_s, restart_delay_s
from iot_onboard.reporting.history import History, Registration, with_session
from iot_onboard.reporting.runtime_files import (
    ConnectLog,
    HistoryLog,
    KeepAliveLog,
    RegistrationBudget,
    RegistrationLog,
    ReportLog,
    StartLog,
)
from support.process.unprivileged import open_directory, unprivileged

BOOT_ID = Path("/proc/sys/kernel/random/boot_id").read_text().strip()

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def put(directory: Path, name: str, record: object) -> None:
    (directory / name).write_text(json.dumps(record))


def test_connects_are_remembered(tmp_path: Path) -> None:
    """Another process of this boot reads the stamps; the file is the service's own."""
    now_s = time.monotonic()
    stamps = (now_s - 30.0, now_s - 20.25, now_s)
    assert ConnectLog(tmp_path / "run").write(stamps)
    assert ConnectLog(tmp_path / "run").read() == stamps
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["connects.json"]
    assert stat.S_IMODE((tmp_path / "run" / "connects.json").stat().st_mode) == 0o600


def test_nothing_remembered_is_nothing(tmp_path: Path) -> None:
    """The first start of a boot has the whole budget."""
    assert ConnectLog(tmp_path).read() == ()
    assert not ReportLog(tmp_path).reported("1.0")


def test_connects_of_another_boot_do_not_count(tmp_path: Path) -> None:
    """The monotonic clock starts over at each boot."""
    put(tmp_path, "connects.json", {"boot_id": "another", "connects": [time.monotonic()]})
    assert ConnectLog(tmp_path).read() == ()


def test_what_a_crash_left_half_written_is_removed_with_the_next_start(tmp_path: Path) -> None:
    """Its name is another one each time: they would pile up in memory."""
    for name in ("status.json", "connects.json", "lives.json"):
        (tmp_path / f"{name}.0123456789abcdef.new").write_text("half")
    StartLog(tmp_path).begin()
    assert [path.name for path in tmp_path.iterdir()] == ["lives.json"]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/null")])
def test_what_is_there_and_cannot_be_read_counts(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """As a whole budget, and as lives that a pause follows: the one before may have been a process of root's."""
    for name in ("connects.json", "lives.json", "reported.json", "history.json"):
        make(tmp_path / name)
    now_s = time.monotonic()
    assert now_s + 60.0 < earliest_s(ConnectLog(tmp_path).read(), now_s) < now_s + 61.0
    assert restart_delay_s(StartLog(tmp_path).begin()) == 10.0
    assert not ReportLog(tmp_path).reported("1.0")
    assert (HistoryLog(tmp_path).read(), HistoryLog(tmp_path).read_as_reader()) == (History(), History())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root leaves such files")
def test_what_a_process_of_roots_has_left_counts_and_is_replaced() -> None:
    """A `sudo iot-onboard run` of an older version left its stamps to root alone."""
    with open_directory() as directory:
        ConnectLog(directory / "run").write((time.monotonic(),) * 5)
        os.chown(directory / "run", 65534, 65534)
        with unprivileged():
            now_s = time.monotonic()
            assert earliest_s(ConnectLog(directory / "run").read(), now_s) > now_s + 60.0
            assert ConnectLog(directory / "run").write((now_s,))
            assert ConnectLog(directory / "run").read() == (now_s,)


def test_old_future_and_strange_stamps_do_not_count(tmp_path: Path) -> None:
    """A stamp in the future would keep the gateway off line until then."""
    now_s = time.monotonic()
    strange: list[object] = [
        now_s + 3600,
        1e300,
        10**400,
        -1,
        float("nan"),
        float("inf"),
        -float("inf"),
        True,
        None,
        "1",
        [1],
        {},
    ]
    put(tmp_path, "connects.json", {"boot_id": BOOT_ID, "connects": [now_s - 100, *strange, now_s - 1]})
    assert ConnectLog(tmp_path).read() == (now_s - 1,)


@given(st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()))
def test_garbage_does_no_harm(data: bytes) -> None:
    """Whatever the files hold, they are read without an exception."""
    with tempfile.TemporaryDirectory() as directory:
        for name in ("connects.json", "reported.json"):
            (Path(directory) / name).write_bytes(data)
        assert ConnectLog(Path(directory)).read() == ()
        assert not ReportLog(Path(directory)).reported("1.0")


@given(values | st.lists(st.integers() | st.floats() | st.floats(0, 1e9), max_size=80))
def test_no_content_delays_a_connect_past_the_window(stamps: object) -> None:
    """Whatever the stamps are, the next CONNECT is at most the budget's window away."""
    with tempfile.TemporaryDirectory() as directory:
        put(Path(directory), "connects.json", {"boot_id": BOOT_ID, "connects": stamps})
        found = ConnectLog(Path(directory)).read()
        now_s = time.monotonic()
        assert now_s <= earliest_s(found, now_s) <= now_s + 61.0


def test_a_report_is_remembered_for_its_version(tmp_path: Path) -> None:
    """An update is reported again, and so is the same version after a boot."""
    assert ReportLog(tmp_path).mark("1.0")
    assert ReportLog(tmp_path).reported("1.0")
    assert not ReportLog(tmp_path).reported("1.1")
    put(tmp_path, "reported.json", {"boot_id": "another", "version": "1.0"})
    assert not ReportLog(tmp_path).reported("1.0")


def test_a_shorter_keep_alive_is_remembered_until_a_boot(tmp_path: Path) -> None:
    """While it is shorter than the configured one, and within the platform's bounds; whatever else stands there."""
    log = KeepAliveLog(tmp_path)
    assert log.read(300) is None
    assert log.write(36)
    assert (log.read(300), log.read(36), log.read(30)) == (36, None, None)
    others: tuple[object, ...] = (None, 29, 1e3, True, "36", 10**400, [])
    for other in others:
        put(tmp_path, "keepalive.json", {"boot_id": BOOT_ID, "keepalive_s": other})
        assert log.read(300) is None
    put(tmp_path, "keepalive.json", {"boot_id": "another", "keepalive_s": 36})
    assert log.read(300) is None


def test_a_report_that_was_lost_is_remembered_for_its_version(tmp_path: Path) -> None:
    """It does not count as reported."""
    log = ReportLog(tmp_path)
    assert log.note("1.0", {"tags": [False, 1, None]})
    assert (log.progress("1.0"), log.progress("1.1")) == ({"tags": [False, 1, None]}, None)
    assert not log.reported("1.0")
    assert log.mark("1.0")
    assert (log.progress("1.0"), log.reported("1.0")) == (None, True)


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A runtime directory that is not one is no exception."""
    (tmp_path / "run").write_text("in the way")
    assert not ConnectLog(tmp_path / "run").write((1.0,))
    assert not ReportLog(tmp_path / "run").mark("1.0")
    assert ConnectLog(tmp_path / "run").read() == ()


def test_a_history_is_of_one_boot_and_for_all_to_read(tmp_path: Path) -> None:
    """`status` of any user counts sessions; after a reboot the count starts over."""
    registered = History(registration=Registration(at="2026-11-24T12:00:00+00:00", outcome="registered"))
    history = with_session(registered, time.monotonic(), reconnect=False)
    assert HistoryLog(tmp_path / "run").write(history)
    assert HistoryLog(tmp_path / "run").read() == history
    path = tmp_path / "run" / "history.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    path.write_text(json.dumps({**json.loads(path.read_text()), "boot_id": "another"}))
    assert HistoryLog(tmp_path / "run").read() == History()
    assert HistoryLog(tmp_path / "run").read_as_reader() == history, "a container's boot has two ids"


@given(values)
def test_any_history_can_be_read(record: object) -> None:
    """Garbage is none."""
    with tempfile.TemporaryDirectory() as directory:
        put(Path(directory), "history.json", record)
        assert HistoryLog(Path(directory)).read() == History()


def test_lives_that_end_soon_are_counted(tmp_path: Path) -> None:
    """In a row, whatever ended them; a long one, another boot or an end in order starts over."""
    assert [StartLog(tmp_path).begin() for _ in range(4)] == [0, 1, 2, 3]
    long_ago = {"boot_id": BOOT_ID, "begins_at": time.monotonic() - 61.0, "short": 3}
    put(tmp_path, "lives.json", long_ago)
    assert StartLog(tmp_path).begin() == 0
    put(tmp_path, "lives.json", {**long_ago, "begins_at": time.monotonic() - 30.0})
    assert StartLog(tmp_path).begin() == 4
    put(tmp_path, "lives.json", {**long_ago, "begins_at": time.monotonic(), "boot_id": "another"})
    assert StartLog(tmp_path).begin() == 0
    StartLog(tmp_path).end()
    assert StartLog(tmp_path).begin() == 0


def test_a_life_that_ended_in_its_pause_counts(tmp_path: Path) -> None:
    """The next pause is no shorter for it, and no count is too large to be read."""
    counts = [StartLog(tmp_path).begin() for _ in range(14)]
    assert counts == list(range(14))
    assert restart_delay_s(13) == 40.0
    put(tmp_path, "lives.json", {"boot_id": BOOT_ID, "begins_at": time.monotonic(), "short": 10**400})
    assert restart_delay_s(StartLog(tmp_path).begin()) == 600.0


@given(values, values)
def test_any_record_of_lives_leads_to_a_pause_of_ten_minutes_at_most(begins_at: object, short: object) -> None:
    """A damaged file keeps no gateway off line."""
    with tempfile.TemporaryDirectory() as name:
        put(Path(name), "lives.json", {"boot_id": BOOT_ID, "begins_at": begins_at, "short": short})
        assert 0 <= restart_delay_s(StartLog(Path(name)).begin()) <= 600.0


def test_registrations_are_remembered(tmp_path: Path) -> None:
    """Another process of this boot obeys the same budget; the file is the service's own."""
    now_s = time.monotonic()
    for at in (float("-inf"), now_s + 300.0):
        budget = RegistrationBudget(
            registrations=(now_s - 30.0, now_s), reregister_at=at, reregister_gap_s=2 * REREGISTER_FIRST_S
        )
        assert RegistrationLog(tmp_path / "run").write(budget)
        assert RegistrationLog(tmp_path / "run").read() == budget
    path = tmp_path / "run" / "registrations.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_first_start_of_a_boot_has_the_whole_budget(tmp_path: Path) -> None:
    """No file, or one of another boot: the first registration is not held up."""
    assert RegistrationLog(tmp_path).read() == RegistrationBudget()
    put(tmp_path, "registrations.json", {"boot_id": "another", "registrations": [time.monotonic()] * 5})
    assert RegistrationLog(tmp_path).read() == RegistrationBudget()


def test_an_operator_who_restarts_the_service_waits_ten_minutes_at_the_most(tmp_path: Path) -> None:
    """The device may have been reset; the gap goes on doubling from where it was."""
    now_s = time.monotonic()
    budget = RegistrationBudget(reregister_at=now_s + REREGISTER_CAP_S, reregister_gap_s=REREGISTER_CAP_S)
    assert RegistrationLog(tmp_path).write(budget)
    found = RegistrationLog(tmp_path).read()
    assert now_s < found.reregister_at <= time.monotonic() + REREGISTER_FIRST_S
    assert found.reregister_gap_s == REREGISTER_CAP_S


@given(st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()))
def test_a_file_that_cannot_be_read_costs_a_minute(data: bytes) -> None:
    """Torn or garbage, it counts as a spent budget, and never as more."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "registrations.json").write_bytes(data)
        found, now_s = RegistrationLog(Path(directory)).read(), time.monotonic()
        assert earliest_s(found.registrations, now_s) <= now_s + 61.0
        assert found.reregister_at <= now_s
        if not isinstance(_read(data), dict):
            assert earliest_s(found.registrations, now_s) > now_s + 55.0


def _read(data: bytes) -> object:
    try:
        return json.loads(data)
    except ValueError:
        return None


@pytest.mark.parametrize("kind", ["directory", "link-to-nothing", "fifo", "unreadable"])
def test_what_is_no_file_of_ours_costs_a_minute_too(tmp_path: Path, kind: str) -> None:
    """And is not waited for."""
    path = tmp_path / "registrations.json"
    match kind:
        case "directory":
            path.mkdir()
        case "link-to-nothing":
            path.symlink_to(path)
        case "fifo":
            os.mkfifo(path)
        case _:
            path.write_bytes(b"\0" * 100)
    found, now_s = RegistrationLog(tmp_path).read(), time.monotonic()
    assert now_s + 55.0 < earliest_s(found.registrations, now_s) <= now_s + 61.0


@given(values | st.lists(st.integers() | st.floats() | st.floats(0, 1e9), max_size=80), values | st.floats(), values)
def test_no_content_holds_a_registration_up_for_long(stamps: object, at: object, gap_s: object) -> None:
    """A minute for one, ten for one after refused logins, and a gap within its bounds."""
    with tempfile.TemporaryDirectory() as directory:
        record = {"boot_id": BOOT_ID, "registrations": stamps, "reregister_at": at, "reregister_gap_s": gap_s}
        put(Path(directory), "registrations.json", record)
        found, now_s = RegistrationLog(Path(directory)).read(), time.monotonic()
        assert now_s <= earliest_s(found.registrations, now_s) <= now_s + 61.0
        assert found.reregister_at <= now_s + REREGISTER_FIRST_S
        assert REREGISTER_FIRST_S <= found.reregister_gap_s <= REREGISTER_CAP_S
