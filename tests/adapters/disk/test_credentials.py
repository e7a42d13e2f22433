"""The device secret survives what a disk can do."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from iot_onboard.core.failures import OnboardError, StoreFailure, StoreFault
from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.disk.credentials import Store, StoreBusy, Stored, save_subdevices
from iot_onboard.disk.credentials_format import SUBDEVICES, encode
from support.disk import faults
from support.disk.writers import IDENTITY, credentials

OLDEST, OLD, NEW = "oldestSecret1", "oldSecret2", "newSecret3"
needs_strace = pytest.mark.skipif(faults.why_no_strace() is not None, reason=str(faults.why_no_strace()))


def store(state_dir: Path) -> Store:
    return Store(state_dir, IDENTITY)


def current(state_dir: Path) -> Path:
    return state_dir / "credentials" / f"{IDENTITY}.json"


def previous(state_dir: Path) -> Path:
    return state_dir / "credentials" / f"{IDENTITY}.json.1"


def stored(state_dir: Path) -> str | None:
    found = store(state_dir).load().credentials
    return found.device_secret.reveal() if found else None


def names(state_dir: Path) -> list[str]:
    return sorted(path.name for path in (state_dir / "credentials").iterdir())


def fault_of(act: Callable[[], object]) -> StoreFailure:
    with pytest.raises(OnboardError) as caught:
        act()
    assert isinstance(caught.value.failure, StoreFailure)
    return caught.value.failure


def test_a_saved_secret_is_found_again(tmp_path: Path) -> None:
    """What was saved is loaded, with its time; the file is 0600 in a 0700 directory; nothing else is left."""
    given = Credentials(identity=IDENTITY, device_secret=Secret(NEW), issued_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    state_dir = tmp_path / "not" / "yet"
    store(state_dir).save(given)
    assert store(state_dir).load().credentials == given
    assert names(state_dir) == [f"{IDENTITY}.json"]
    assert stat.S_IMODE(current(state_dir).stat().st_mode) == 0o600
    assert stat.S_IMODE(current(state_dir).parent.stat().st_mode) == 0o700


def test_nothing_stored_leaves_nothing_behind(tmp_path: Path) -> None:
    """An empty store is found writable by trying, and the trial leaves no file."""
    found = store(tmp_path).load()
    assert (found.credentials, found.writable, found.set_aside, found.recovered) == (None, True, (), False)
    assert names(tmp_path) == []


def test_secrets_of_other_devices_are_named(tmp_path: Path) -> None:
    """Where this device has none: its card was in other gateways before. Files set aside are nobody's."""
    for name in ("gw-2", "gw.json.1"):
        device = Identity(product_key="a1b2", device_name=name)
        Store(tmp_path, device).save(Credentials(identity=device, device_secret=Secret("x")))
    gone = Identity(product_key="a1b2", device_name="gw-3")
    Store(tmp_path, gone).save(Credentials(identity=gone, device_secret=Secret("x")))
    Store(tmp_path, gone).forget()
    assert store(tmp_path).load().others == ("a1b2.gw-2", "a1b2.gw.json.1")
    store(tmp_path).save(credentials(NEW))
    assert store(tmp_path).load().others == ()


def test_the_secret_before_stays_as_the_previous_generation(tmp_path: Path) -> None:
    """A replaced secret is kept; saving the same one again does not push the other one out."""
    for secret in (OLDEST, OLD, NEW, NEW):
        store(tmp_path).save(credentials(secret))
    assert names(tmp_path) == [f"{IDENTITY}.json", f"{IDENTITY}.json.1"]
    assert previous(tmp_path).read_bytes() == encode(credentials(OLD))


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\0" * 300,
        encode(credentials(NEW))[:-20],
        encode(credentials(NEW)).replace(b"newSecret3", b"newSecret2"),
        encode(Credentials(identity=Identity(product_key="a", device_name="other"), device_secret=Secret(NEW))),
        b"x" * 70_000,
        b"\xff\xfe{}",
    ],
    ids=["empty", "zeros", "truncated", "flipped", "of-another-device", "too-large", "not-text"],
)
def test_a_damaged_file_is_set_aside_and_the_one_before_is_used(tmp_path: Path, damage: bytes) -> None:
    """The damaged bytes are kept under another name, and the previous generation is put back in place, for good."""
    for secret in (OLD, NEW):
        store(tmp_path).save(credentials(secret))
    current(tmp_path).write_bytes(damage)
    found = store(tmp_path).load()
    assert found.credentials == credentials(OLD)
    assert found.recovered
    assert len(found.set_aside) == 1
    aside = [path for path in current(tmp_path).parent.iterdir() if ".corrupt-" in path.name]
    assert [path.read_bytes() for path in aside] == [damage]
    again = store(tmp_path).load()
    assert (again.credentials, again.recovered, again.set_aside) == (credentials(OLD), False, ())
    assert not current(tmp_path).samefile(previous(tmp_path)), "one bad block would take both generations"


def newer(secret: str | None) -> bytes:
    """Write what a later version might, with its secret under our name or under one of its own."""
    record = {**json.loads(encode(credentials(secret or NEW))), "format": 2, "more": 1}
    del record["sha256"]
    if secret is None:
        record["sealed"] = record.pop("device_secret")
    checksum = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    return json.dumps({**record, "sha256": checksum}).encode()


def test_a_newer_format_that_holds_our_names_is_used_and_left_alone(tmp_path: Path) -> None:
    """After a downgrade the secret is found, not a byte is written, and a successor keeps it as the previous one."""
    store(tmp_path).save(credentials(OLD))
    current(tmp_path).write_bytes(newer(NEW))
    assert stored(tmp_path) == NEW
    assert current(tmp_path).read_bytes() == newer(NEW)
    store(tmp_path).save(credentials("another4"))
    assert (stored(tmp_path), previous(tmp_path).read_bytes()) == ("another4", newer(NEW))


def test_a_newer_format_that_only_a_newer_version_reads_is_left_alone(tmp_path: Path) -> None:
    """It is neither set aside nor overwritten, and the previous generation is not taken in its place."""
    for secret in (OLDEST, OLD):
        store(tmp_path).save(credentials(secret))
    current(tmp_path).write_bytes(newer(None))
    failure = fault_of(store(tmp_path).load)
    assert failure.fault is StoreFault.UNREADABLE
    assert failure.detail == f"{current(tmp_path)} is in format 2, which a newer iot-onboard has written"
    assert fault_of(lambda: store(tmp_path).save(credentials(NEW))).fault is StoreFault.NOT_WRITABLE
    assert current(tmp_path).read_bytes() == newer(None)
    assert names(tmp_path) == [f"{IDENTITY}.json", f"{IDENTITY}.json.1"]


def test_two_files_damaged_in_one_second_are_both_kept(tmp_path: Path) -> None:
    """Files set aside never overwrite each other, and no secret is reported where none is good."""
    current(tmp_path).parent.mkdir()
    for damage in (b"one", b"two", b"three"):
        current(tmp_path).write_bytes(damage)
        assert store(tmp_path).load().credentials is None
    kept = {path.read_bytes() for path in current(tmp_path).parent.iterdir()}
    assert kept == {b"one", b"two", b"three"}


def test_a_damaged_file_never_pushes_out_a_good_previous_one(tmp_path: Path) -> None:
    """A save over a damaged current file keeps the good previous generation, and the damaged bytes."""
    for secret in (OLDEST, OLD):
        store(tmp_path).save(credentials(secret))
    current(tmp_path).write_bytes(b"rot")
    store(tmp_path).save(credentials(NEW))
    assert stored(tmp_path) == NEW
    assert previous(tmp_path).read_bytes() == encode(credentials(OLDEST))
    assert b"rot" in {path.read_bytes() for path in current(tmp_path).parent.iterdir()}


def test_a_save_after_links_of_a_crash_leaves_no_stray_file(tmp_path: Path) -> None:
    """Where a crash left both generations as one file and temporary files beside them, a save tidies up."""
    store(tmp_path).save(credentials(OLD))
    previous(tmp_path).hardlink_to(current(tmp_path))
    number = "0123456789abcdef"
    for name in ("json.new", "json.1.new", f"json.{number}.new", f"json.1.{number}.new"):
        (current(tmp_path).parent / f"{IDENTITY}.{name}").write_text("stale")
    store(tmp_path).save(credentials(NEW))
    assert names(tmp_path) == [f"{IDENTITY}.json", f"{IDENTITY}.json.1"]
    assert (stored(tmp_path), previous(tmp_path).read_bytes()) == (NEW, encode(credentials(OLD)))


def link(path: Path) -> None:
    path.symlink_to("/dev/null")


@pytest.mark.parametrize("make", [link, Path.mkdir, os.mkfifo], ids=["link", "directory", "fifo"])
def test_what_is_no_plain_file_is_unreadable(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """It is not taken for an absent secret, is not moved, and does not hold up the boot."""
    current(tmp_path).parent.mkdir()
    make(current(tmp_path))
    failure = fault_of(store(tmp_path).load)
    assert failure.fault is StoreFault.UNREADABLE
    assert str(current(tmp_path)) in failure.detail
    assert os.path.lexists(current(tmp_path))
    assert fault_of(lambda: store(tmp_path).save(credentials(NEW))).fault is StoreFault.NOT_WRITABLE


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o604])
def test_a_file_that_others_can_read_is_closed_to_them(tmp_path: Path, mode: int) -> None:
    """A credentials file that its group or everybody has a hand in is used, and its mode put right."""
    store(tmp_path).save(credentials(OLD))
    current(tmp_path).chmod(mode)
    assert stored(tmp_path) == OLD
    assert stat.S_IMODE(current(tmp_path).stat().st_mode) == 0o600


def test_credentials_of_another_device_are_not_saved(tmp_path: Path) -> None:
    """A store keeps its own device's secret only."""
    other = Credentials(identity=Identity(product_key="a", device_name="other"), device_secret=Secret(NEW))
    store(tmp_path).save(credentials(OLD))
    assert fault_of(lambda: store(tmp_path).save(other)).fault is StoreFault.NOT_WRITABLE
    assert (stored(tmp_path), names(tmp_path)) == (OLD, [f"{IDENTITY}.json"])


def test_names_of_devices_do_not_collide(tmp_path: Path) -> None:
    """Devices whose names look like our own suffixes keep their secrets apart."""
    tails = [
        "gw",
        "gw.json",
        "gw.json.1",
        "gw.json.new",
        "gw.json.1.new",
        "gw.json.0123456789abcdef.new",
        "gw.json.corrupt-20260101T000000",
    ]
    devices = [Identity(product_key="a1b2", device_name=name) for name in tails]
    for turn in ("1", "2"):
        for device in devices:
            Store(tmp_path, device).save(Credentials(identity=device, device_secret=Secret(device.device_name + turn)))
    for device in devices:
        found = Store(tmp_path, device).load()
        assert found.credentials is not None
        assert (found.credentials.device_secret.reveal(), found.set_aside) == (device.device_name + "2", ())


def test_forget_sets_everything_aside(tmp_path: Path) -> None:
    """No secret is found afterwards, not the previous one either; all bytes are still there; twice is harmless."""
    for secret in (OLD, NEW):
        store(tmp_path).save(credentials(secret))
    aside = store(tmp_path).forget()
    assert aside is not None
    assert aside.read_bytes() == encode(credentials(NEW))
    assert f"{IDENTITY}.json.forgotten-" in aside.name
    kept = {path.read_bytes() for path in aside.parent.iterdir()}
    assert kept == {encode(credentials(OLD)), encode(credentials(NEW))}
    assert stored(tmp_path) is None
    assert store(tmp_path).forget() is None


def test_one_process_works_on_a_store(tmp_path: Path) -> None:
    """A second one is told so, and may try again when the first is gone."""
    with store(tmp_path).lock():
        with pytest.raises(StoreBusy), store(tmp_path).lock():
            raise AssertionError("two at once")
        code = (
            "import sys; from pathlib import Path; from iot_onboard.disk.credentials import *; "
            "from iot_onboard.core.identity import *\n"
            f"identity = Identity(product_key='a', device_name='{IDENTITY.device_name}')\n"
            "with Store(Path(sys.argv[1]), identity).lock(): pass"
        )
        other = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
        assert "StoreBusy" in other.stderr
    with store(tmp_path).lock():
        pass


def test_no_directory_needs_no_lock(tmp_path: Path) -> None:
    """Where the directory cannot be made there is nothing to protect, and the daemon goes on to say why."""
    (tmp_path / "file").write_text("")
    with store(tmp_path / "file" / "state").lock():
        pass


def each(points: list[faults.Call], check: Callable[[int, faults.Call], None]) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(check, range(len(points)), points))


def prepared(directory: Path, *secrets: str) -> Path:
    for secret in secrets:
        store(directory).save(credentials(secret))
    return directory


def kinds(points: list[faults.Call]) -> set[str]:
    return {point.name.removesuffix("at").removesuffix("at2") for point in points}


@needs_strace
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_a_failed_system_call_never_loses_the_secret(tmp_path: Path, error: str) -> None:
    """Whichever call of a replace fails: the failure names file and reason, the old or the new secret is found."""
    points = faults.calls("save", prepared(tmp_path / "whole", OLDEST, OLD), NEW)
    assert {"open", "read", "write", "fsync", "rename", "unlink"} <= kinds(points)

    def check(number: int, point: faults.Call) -> None:
        directory = prepared(tmp_path / str(number), OLDEST, OLD)
        outcome = faults.run("save", directory, NEW, f"{point.name}:error={error}:when={point.number}")
        assert outcome.answer is not None, point
        if "fault" in outcome.answer:
            assert outcome.answer["fault"] == "NOT_WRITABLE", point
            assert str(directory) in outcome.answer["detail"], point
            assert os.strerror(28 if error == "ENOSPC" else 5) in outcome.answer["detail"], point
            assert stored(directory) in {OLD, NEW}, point
        else:
            assert stored(directory) == NEW, point
        assert previous(directory).exists(), point
        # A removal that fails once is tried again on the way out.
        assert not [name for name in names(directory) if name.endswith(".new")], point
        store(directory).save(credentials(NEW))
        assert stored(directory) == NEW, point

    each(points, check)


@needs_strace
def test_a_kill_at_any_system_call_never_loses_the_secret(tmp_path: Path) -> None:
    """Killed at any call of a replace, the old or the new secret is found, and the next save succeeds."""
    points = faults.calls("save", prepared(tmp_path / "whole", OLDEST, OLD), NEW)
    seen: set[str | None] = set()

    def check(number: int, point: faults.Call) -> None:
        directory = prepared(tmp_path / str(number), OLDEST, OLD)
        outcome = faults.run("save", directory, NEW, f"{point.name}:signal=SIGKILL:when={point.number}")
        assert outcome.answer is None, point
        found = store(directory).load()
        assert found.credentials in {credentials(OLD), credentials(NEW)}, point
        assert not found.recovered, point
        seen.add(stored(directory))
        store(directory).save(credentials("another4"))
        assert names(directory) == [f"{IDENTITY}.json", f"{IDENTITY}.json.1"], point

    each(points, check)
    assert seen == {OLD, NEW}


@needs_strace
def test_a_kill_while_recovering_never_loses_the_previous_one(tmp_path: Path) -> None:
    """Killed anywhere while a damaged file is set aside and the previous one put back, the secret is still found."""

    def damaged(directory: Path) -> Path:
        current(prepared(directory, OLD, NEW)).write_bytes(b"rot")
        return directory

    points = faults.calls("load", damaged(tmp_path / "whole"))

    def check(number: int, point: faults.Call) -> None:
        directory = damaged(tmp_path / str(number))
        faults.run("load", directory, "", f"{point.name}:signal=SIGKILL:when={point.number}")
        assert stored(directory) == OLD, point
        assert b"rot" in {path.read_bytes() for path in current(directory).parent.iterdir()}, point

    each(points, check)


@needs_strace
def test_a_kill_while_forgetting_never_brings_an_old_secret_back(tmp_path: Path) -> None:
    """Killed anywhere, forget leaves the newest secret or none, and deletes no byte."""
    points = faults.calls("forget", prepared(tmp_path / "whole", OLD, NEW))

    def check(number: int, point: faults.Call) -> None:
        directory = prepared(tmp_path / str(number), OLD, NEW)
        faults.run("forget", directory, "", f"{point.name}:signal=SIGKILL:when={point.number}")
        assert stored(directory) in {NEW, None}, point
        kept = {path.read_bytes() for path in current(directory).parent.iterdir()}
        assert kept == {encode(credentials(OLD)), encode(credentials(NEW))}, point

    each(points, check)


@needs_strace
@pytest.mark.parametrize("error", ["EACCES", "EIO", "ELOOP"])
def test_an_unreadable_secret_is_not_an_absent_one(tmp_path: Path, error: str) -> None:
    """Opening and reading may fail: that is said, and the file stays where it is."""
    prepared(tmp_path, OLD)
    points = [point for point in faults.calls("load", tmp_path) if point.name in {"openat", "read"}]
    assert points
    for point in points:
        outcome = faults.run("load", tmp_path, "", f"{point.name}:error={error}:when={point.number}")
        assert outcome.answer is not None
        assert outcome.answer["fault"] == "UNREADABLE", point
        assert names(tmp_path) == [f"{IDENTITY}.json"]


@needs_strace
def test_a_stored_secret_costs_no_write(tmp_path: Path) -> None:
    """With the secret on disk a load opens and reads one file, and that is all."""
    prepared(tmp_path, OLD)
    points = faults.calls("load", tmp_path)
    assert {point.name for point in points} == {"openat", "read"}
    assert not [point for point in points if "O_CREAT" in point.arguments or "O_WRONLY" in point.arguments]


@needs_strace
@pytest.mark.parametrize("error", ["EROFS", "ENOSPC", "EACCES"])
def test_an_empty_store_says_when_it_cannot_be_written(tmp_path: Path, error: str) -> None:
    """Whichever call of the trial fails, the store is called not writable, with file and reason."""
    points = faults.calls("load", tmp_path / "whole")
    points = [
        point
        for point in points
        if point.name in {"mkdir", "mkdirat", "write", "fsync"} or "O_CREAT" in point.arguments
    ]
    assert {"open", "write", "fsync", "mkdir"} <= kinds(points)

    def check(number: int, point: faults.Call) -> None:
        directory = tmp_path / str(number)
        outcome = faults.run("load", directory, "", f"{point.name}:error={error}:when={point.number}")
        assert outcome.answer is not None, point
        assert outcome.answer["writable"] is False, point
        assert str(directory / "credentials") in outcome.answer["detail"], point
        if (directory / "credentials").exists():
            assert names(directory) == [], point

    each(points, check)


@needs_strace
@pytest.mark.parametrize("error", ["ENOMEM", "EIO"])
def test_a_store_that_cannot_be_tried_now_is_tried_again(tmp_path: Path, error: str) -> None:
    """A shortage of this gateway, or a disk that stumbled, is no word on the disk: the look is repeated soon."""
    points = faults.calls("load", tmp_path / "whole")
    points = [point for point in points if point.name.startswith("mkdir") or "O_CREAT" in point.arguments]

    def check(number: int, point: faults.Call) -> None:
        injected = f"{point.name}:error={error}:when={point.number}"
        outcome = faults.run("load", tmp_path / str(number), "", injected)
        assert outcome.answer is not None, point
        assert outcome.answer.get("temporary") is True, point

    each(points, check)


@needs_strace
def test_a_damaged_file_that_cannot_be_set_aside_is_not_written_over(tmp_path: Path) -> None:
    """Nothing is deleted: what could not be renamed now stays, and the previous generation is used."""
    for name in ("whole", "full"):
        current(prepared(tmp_path / name, OLD, NEW)).write_bytes(b"rot")
    first = next(point for point in faults.calls("load", tmp_path / "whole") if point.name.startswith("rename"))
    directory = tmp_path / "full"
    # This once: what is written after it would take its place.
    outcome = faults.run("load", directory, "", f"{first.name}:error=ENOSPC:when={first.number}")
    assert outcome.answer is not None
    assert outcome.answer["secret"] == OLD
    assert current(directory).read_bytes() == b"rot"


@needs_strace
def test_a_read_only_disk_still_gives_the_previous_secret(tmp_path: Path) -> None:
    """Where nothing can be renamed, the damaged file stays and the previous generation is used all the same."""
    for name in ("whole", "read-only"):
        current(prepared(tmp_path / name, OLD, NEW)).write_bytes(b"rot")
    first = next(point for point in faults.calls("load", tmp_path / "whole") if point.name.startswith("rename"))
    directory = tmp_path / "read-only"
    outcome = faults.run("load", directory, "", f"{first.name}:error=EROFS:when={first.number}+")
    assert outcome.answer is not None
    assert (outcome.answer["secret"], outcome.answer["recovered"]) == (OLD, True)
    assert current(directory).read_bytes() == b"rot"
    assert names(directory) == [f"{IDENTITY}.json", f"{IDENTITY}.json.1"]


@needs_strace
def test_a_mode_that_cannot_be_changed_hides_no_secret(tmp_path: Path) -> None:
    """On a read-only file system a readable-by-all file is used as it is."""
    current(prepared(tmp_path, OLD)).chmod(0o644)
    first = next(point for point in faults.calls("load", tmp_path) if point.name == "fchmod")
    current(tmp_path).chmod(0o644)
    outcome = faults.run("load", tmp_path, "", f"fchmod:error=EROFS:when={first.number}")
    assert outcome.answer is not None
    assert outcome.answer["secret"] == OLD


@needs_strace
def test_a_write_that_lies_is_found_by_reading_back(tmp_path: Path) -> None:
    """Where the disk says that it took bytes and did not, the old secret stays in place."""
    points = faults.calls("save", prepared(tmp_path / "whole", OLD), NEW)
    first = next(point for point in points if point.name == "write")
    directory = prepared(tmp_path / "short", OLD)
    # The call answers 10 and writes nothing; what is left over is then written.
    outcome = faults.run("save", directory, NEW, f"write:retval=10:when={first.number}")
    assert outcome.answer is not None
    assert outcome.answer["fault"] == "NOT_WRITABLE"
    assert "differs from the data written" in outcome.answer["detail"]
    assert (stored(directory), names(directory)) == (OLD, [f"{IDENTITY}.json"])


METERS = [Identity(product_key="a1subsubsub", device_name=f"meter.{number}") for number in range(3)]


def batch(secret: str) -> list[Credentials]:
    return [Credentials(identity=meter, device_secret=Secret(f"{secret}-{meter.device_name}")) for meter in METERS]


def meters_secrets(state_dir: Path) -> list[str | None]:
    found = [Store(state_dir, meter, SUBDEVICES).load().credentials for meter in METERS]
    return [credentials.device_secret.reveal() if credentials else None for credentials in found]


def test_secrets_of_sub_devices_lie_apart(tmp_path: Path) -> None:
    """Closed to others as the gateway's own, and no card of another gateway is seen in them."""
    save_subdevices(tmp_path, batch("one"))
    save_subdevices(tmp_path, batch("two"))
    assert meters_secrets(tmp_path) == [f"two-{meter.device_name}" for meter in METERS]
    directory = tmp_path / "subdevices"
    names = sorted(path.name for path in directory.iterdir())
    assert names == sorted(f"{meter}.json{ending}" for meter in METERS for ending in ("", ".1"))
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
    assert store(tmp_path).load().others == ()
    gone = Identity(product_key="a1subsubsub", device_name="meter.9")
    assert Store(tmp_path, gone, SUBDEVICES).load() == Stored()


@pytest.mark.parametrize("why", ["file in the way", "damaged", "foreign"])
def test_a_batch_that_cannot_be_stored_is_an_error(tmp_path: Path, why: str) -> None:
    """Every secret of before is there still, none is half written, and the same batch may be saved again."""
    save_subdevices(tmp_path, batch("one"))
    obstacle = tmp_path / "subdevices" / f"{METERS[1]}.json.1"
    wanted = batch("two")
    if why == "file in the way":
        obstacle.mkdir()
    elif why == "damaged":
        wanted[1] = Credentials(identity=METERS[1], device_secret=Secret("x" * 70_000))
    else:
        (tmp_path / "subdevices" / f"{METERS[1]}.json").unlink()
        (tmp_path / "subdevices" / f"{METERS[1]}.json").symlink_to("/dev/null")
    with pytest.raises(OnboardError):
        save_subdevices(tmp_path, wanted)
    assert not [path for path in (tmp_path / "subdevices").iterdir() if path.name.endswith(".new")]
    if why == "file in the way":
        assert meters_secrets(tmp_path) == [f"one-{meter.device_name}" for meter in METERS]
        obstacle.rmdir()
        save_subdevices(tmp_path, batch("two"))
        assert meters_secrets(tmp_path) == [f"two-{meter.device_name}" for meter in METERS]


def test_an_empty_batch_is_done_at_once(tmp_path: Path) -> None:
    """Nothing is to be stored."""
    save_subdevices(tmp_path, [])
    assert store(tmp_path).load().others == ()
