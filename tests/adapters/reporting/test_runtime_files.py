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

from iot_onboard.core.backoff import (
    REREGISTER_CAP_S,
    REREGISTER_FIRST_S,
    Budget,
    Via,
    login_at,
    registration_at,
    restart_delay_s,
    with_connect,
    with_registration,
)
from iot_onboard.fast_start.fast_dataclasses import replace
from iot_onboard.reporting.history import History, Registration, with_session
from iot_onboard.reporting.runtime_files import (
    BudgetLog,
    HistoryLog,
    KeepAliveLog,
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
    assert BudgetLog(tmp_path / "run").write(Budget(connects=stamps))
    assert BudgetLog(tmp_path / "run").read() == Budget(connects=stamps)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["connects.json"]
    assert stat.S_IMODE((tmp_path / "run" / "connects.json").stat().st_mode) == 0o600


def test_nothing_remembered_is_nothing(tmp_path: Path) -> None:
    """The first start of a boot has the whole budget."""
    assert BudgetLog(tmp_path).read() == Budget()
    assert not ReportLog(tmp_path).reported("1.0")


def test_connects_of_another_boot_do_not_count(tmp_path: Path) -> None:
    """The monotonic clock starts over at each boot."""
    stamps = [time.monotonic()] * 5
    put(tmp_path, "connects.json", {"boot_id": "another", "connects": stamps, "registrations": stamps})
    assert BudgetLog(tmp_path).read() == Budget()


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
    assert now_s + 60.0 < login_at(BudgetLog(tmp_path).read(), now_s) < now_s + 61.0
    assert restart_delay_s(StartLog(tmp_path).begin()) == 10.0
    assert not ReportLog(tmp_path).reported("1.0")
    assert (HistoryLog(tmp_path).read(), HistoryLog(tmp_path).read_as_reader()) == (History(), History())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root leaves such files")
def test_what_a_process_of_roots_has_left_counts_and_is_replaced() -> None:
    """A `sudo iot-onboard run` of an older version left its stamps to root alone."""
    with open_directory() as directory:
        BudgetLog(directory / "run").write(Budget(connects=(time.monotonic(),) * 5))
        os.chown(directory / "run", 65534, 65534)
        with unprivileged():
            now_s = time.monotonic()
            assert login_at(BudgetLog(directory / "run").read(), now_s) > now_s + 60.0
            assert BudgetLog(directory / "run").write(Budget(connects=(now_s,)))
            assert BudgetLog(directory / "run").read() == Budget(connects=(now_s,))


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
    assert BudgetLog(tmp_path).read() == Budget(connects=(now_s - 1,))


@given(st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()))
def test_garbage_does_no_harm(data: bytes) -> None:
    """Whatever the file holds, it is read without an exception."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "reported.json").write_bytes(data)
        assert not ReportLog(Path(directory)).reported("1.0")


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
    assert not BudgetLog(tmp_path / "run").write(Budget(connects=(1.0,)))
    assert not ReportLog(tmp_path / "run").mark("1.0")
    assert BudgetLog(tmp_path / "run").read() == Budget()


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
    """Another process of this boot obeys the same budget; there is one file of it, and it is the service's own."""
    now_s = time.monotonic()
    for at in (float("-inf"), now_s + 300.0):
        budget = Budget(
            connects=(now_s - 20.0,),
            registrations=(now_s - 30.0, now_s),
            reregister_at=at,
            reregister_gap_s=2 * REREGISTER_FIRST_S,
        )
        assert BudgetLog(tmp_path / "run").write(budget)
        assert BudgetLog(tmp_path / "run").read() == budget
    (path,) = (tmp_path / "run").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_upgrade_within_a_boot_goes_on_with_the_budget(tmp_path: Path) -> None:
    """Older versions kept registrations in a file of their own, and only what they knew counts from it."""
    now_s = time.monotonic()
    older = {"boot_id": BOOT_ID, "registrations": [now_s - 3.0], "reregister_gap_s": 1200.0, "reregister_at": now_s + 9}
    put(tmp_path, "registrations.json", older)
    expected = Budget(registrations=(now_s - 3.0,), reregister_at=now_s + 9, reregister_gap_s=1200.0)
    assert BudgetLog(tmp_path).read() == expected
    put(tmp_path, "connects.json", {"boot_id": BOOT_ID, "connects": [now_s - 5.0]})
    assert BudgetLog(tmp_path).read() == replace(expected, connects=(now_s - 5.0,))
    assert BudgetLog(tmp_path).write(Budget(connects=(now_s - 5.0, now_s)))
    assert BudgetLog(tmp_path).read() == Budget(connects=(now_s - 5.0, now_s))
    put(tmp_path, "connects.json", {"boot_id": BOOT_ID, "connects": [now_s]})
    (tmp_path / "registrations.json").write_text("torn")
    assert BudgetLog(tmp_path).read().connects == (now_s,)
    assert len(BudgetLog(tmp_path).read().registrations) == 5


def test_the_code_of_before_goes_on_with_the_connects(tmp_path: Path) -> None:
    """It takes over where new code cannot be loaded, and reads this one key: five a minute hold for both together."""
    now_s = time.monotonic()
    assert BudgetLog(tmp_path).write(Budget(connects=(now_s,) * 5))
    assert json.loads((tmp_path / "connects.json").read_text())["connects"] == [now_s] * 5


def test_an_operator_who_restarts_the_service_waits_ten_minutes_at_the_most(tmp_path: Path) -> None:
    """The device may have been reset; the gap goes on doubling from where it was."""
    now_s = time.monotonic()
    budget = Budget(reregister_at=now_s + REREGISTER_CAP_S, reregister_gap_s=REREGISTER_CAP_S)
    assert BudgetLog(tmp_path).write(budget)
    found = BudgetLog(tmp_path).read()
    assert now_s < found.reregister_at <= time.monotonic() + REREGISTER_FIRST_S
    assert found.reregister_gap_s == REREGISTER_CAP_S


@given(
    st.sampled_from(["connects.json", "registrations.json"]),
    st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()),
)
def test_a_file_that_cannot_be_read_costs_a_minute(name: str, data: bytes) -> None:
    """Torn or garbage, it counts as a spent budget, and never as more."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / name).write_bytes(data)
        found, now_s = BudgetLog(Path(directory)).read(), time.monotonic()
        assert found.reregister_at <= now_s
        is_spent = not isinstance(_read(data), dict)
        assert (registration_at(found, Via.HTTPS, now_s) > now_s + 55.0) is is_spent
        assert (login_at(found, now_s) > now_s + 55.0) is (is_spent and name == "connects.json")
        assert registration_at(found, Via.MQTT, now_s) <= now_s + 61.0


def _read(data: bytes) -> object:
    try:
        return json.loads(data)
    except ValueError:
        return None


@pytest.mark.parametrize("name", ["connects.json", "registrations.json"])
@pytest.mark.parametrize("kind", ["directory", "link-to-nothing", "fifo", "unreadable"])
def test_what_is_no_file_of_ours_costs_a_minute_too(tmp_path: Path, name: str, kind: str) -> None:
    """And is not waited for."""
    path = tmp_path / name
    match kind:
        case "directory":
            path.mkdir()
        case "link-to-nothing":
            path.symlink_to(path)
        case "fifo":
            os.mkfifo(path)
        case _:
            path.write_bytes(b"\0" * 100)
    found, now_s = BudgetLog(tmp_path).read(), time.monotonic()
    assert now_s + 55.0 < registration_at(found, Via.HTTPS, now_s) <= now_s + 61.0


stamps = values | st.lists(st.integers() | st.floats() | st.floats(0, 1e9), max_size=80)


@given(stamps, stamps, values | st.floats(), values)
def test_no_content_holds_a_gateway_up_for_long(connects: object, sent: object, at: object, gap_s: object) -> None:
    """A minute for a login or a registration, ten for one after refused logins, and a gap within its bounds."""
    with tempfile.TemporaryDirectory() as directory:
        record = {"connects": connects, "registrations": sent, "reregister_at": at, "reregister_gap_s": gap_s}
        put(Path(directory), "connects.json", {"boot_id": BOOT_ID, **record})
        found, now_s = BudgetLog(Path(directory)).read(), time.monotonic()
        assert now_s <= login_at(found, now_s) <= now_s + 61.0
        assert now_s <= registration_at(found, Via.MQTT, now_s) <= now_s + 61.0
        assert found.reregister_at <= now_s + REREGISTER_FIRST_S
        assert REREGISTER_FIRST_S <= found.reregister_gap_s <= REREGISTER_CAP_S


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["login", "https", "mqtt", "restart"]),
            # Mostly at once: what is spread over minutes meets no budget.
            st.just(0.0) | st.floats(0, 40),
            st.sampled_from([0.0, 0.5]) | st.floats(0, 0.5),
            st.just(0.0) | st.floats(0, 30),
        ),
        min_size=8,
        max_size=40,
    )
)
def test_no_mixture_sends_a_sixth_connect_within_a_minute(
    schedule: list[tuple[str, float, float, float]],
) -> None:
    """Invariant 3, over logins, registrations of both kinds and new processes; a packet leaves a little late."""
    now_s, left_at = 1000.0, list[float]()
    with tempfile.TemporaryDirectory() as directory:
        log = BudgetLog(Path(directory), lambda: now_s)
        budget = log.read()
        for what, pause_s, late_s, dial_s in schedule:
            now_s += pause_s
            if what == "restart":
                budget = log.read()
                continue
            via = Via.MQTT if what == "mqtt" else Via.HTTPS
            now_s = login_at(budget, now_s) if what == "login" else registration_at(budget, via, now_s)
            if what != "login":
                budget = with_registration(budget, now_s)
                log.write(budget)
            if what != "https":
                # The dial comes between the decision and the count.
                now_s += dial_s
                budget = with_connect(budget, now_s)
                log.write(budget)
                left_at.append(now_s + late_s)
    assert all(later - first >= 60.0 for first, later in zip(left_at, left_at[5:], strict=False))
