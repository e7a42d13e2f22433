"""A power cut at any moment, on a disk that loses, halves and reorders whatever was not synced.

One proof for all that is written through `disk.files`: each file is the old one or the new one, whole, and once the
work is done it is the new one, for good. What else a power cut must not do to one of them stands in its story.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from iot_onboard.config.files import load
from iot_onboard.config.identity_memory import decode
from iot_onboard.disk import files
from iot_onboard.disk.credentials import Store
from iot_onboard.disk.credentials_format import SUBDEVICES, encode
from iot_onboard.disk.credentials_format import decode as decode_credentials
from iot_onboard.provisioning.boot_file import TAKEN, wiped
from support.disk import lostwrites, writers
from support.disk.tracing import why_no_strace
from support.disk.writers import IDENTITY, credentials

OLDEST, OLD, NEW = "oldestSecret1", "oldSecret2", "newSecret3"
ROT = b"rot"
pytestmark = pytest.mark.skipif(why_no_strace() is not None, reason=str(why_no_strace()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Hold what a power cut has left; `directory` has it, too, as real files that a check may go on with."""

    directory: Path
    found: dict[str, bytes | None]
    unnamed: tuple[bytes, ...]
    before: dict[str, bytes | None]
    after: dict[str, bytes | None]
    done: bool


def no_harm(_: Cut) -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Say what there is before, what is done, and what else would be wrong with what is left.

    Of the files in `free` the story itself says what they may be. Where syncs `overlap`, one covers for another. What
    lies in memory is lost with the power: there a reader finds the old one or the new one at every moment, and nothing
    is synced.
    """

    before: Callable[[Path], None]
    work: Callable[[Path], Callable[[], object]]
    harm: Callable[[Cut], str | None] = no_harm
    free: frozenset[str] = field(default_factory=frozenset)
    inject: tuple[str, ...] = ()
    overlap: bool = False
    in_memory: bool = False


# The device secret


def current(directory: Path, suffix: str = "") -> Path:
    return directory / "credentials" / f"{IDENTITY}.json{suffix}"


def two_generations(directory: Path) -> None:
    for secret in (OLDEST, OLD):
        Store(directory, IDENTITY).save(credentials(secret))


def damaged(directory: Path) -> None:
    two_generations(directory)
    Store(directory, IDENTITY).save(credentials(NEW))
    current(directory).write_bytes(ROT)


def nothing(directory: Path) -> None:
    directory.mkdir()


def stored(cut: Cut, meanwhile: set[str | None], afterwards: str | None, *, rotten: bool = False) -> str | None:
    """Say what is wrong with the stored secret; where the file was `rotten` before, its bytes are somewhere still."""
    found = Store(cut.directory, IDENTITY).load()
    secret = found.credentials.device_secret.reveal() if found.credentials else None
    if secret not in (meanwhile | {afterwards}) or (cut.done and secret != afterwards):
        return f"finds {secret}"
    if (found.set_aside or found.recovered) and (cut.done or not rotten):
        return f"finds damage: {found.set_aside}"
    if rotten:
        kept = {path.read_bytes() for path in current(cut.directory).parent.iterdir()}
        return None if ROT in kept else "has deleted what it could not read"
    replaced = secret == NEW and OLD in meanwhile
    if replaced and current(cut.directory, ".1").read_bytes() != encode(credentials(OLD)):
        return "has lost the previous generation"
    Store(cut.directory, IDENTITY).save(credentials("another4"))
    return None


def store_entries(
    before: Callable[[Path], None],
    action: str,
    meanwhile: set[str | None],
    afterwards: str | None,
    *,
    rotten: bool = False,
    inject: tuple[str, ...] = (),
) -> Scenario:
    secret = NEW if action == "save" else ""
    return Scenario(
        before=before,
        work=lambda directory: partial(writers.use_store, action, directory, secret),
        harm=lambda cut: stored(cut, meanwhile, afterwards, rotten=rotten),
        # What is rotten is out of the way before another one stands there.
        free=frozenset({f"credentials/{IDENTITY}.json"}) if rotten else frozenset(),
        inject=inject,
    )


# The secrets of sub-devices


def meters(directory: Path) -> None:
    writers.save_subdevices(directory, OLDEST, OLDEST)
    writers.save_subdevices(directory, OLD, OLD)


def stored_meters(cut: Cut) -> str | None:
    """Each is one that it had, or the new one; the previous generation of a new one is the one before it."""
    for meter in writers.METERS:
        found = Store(cut.directory, meter, SUBDEVICES).load()
        secret = found.credentials.device_secret.reveal() if found.credentials else None
        if secret not in {OLD, NEW} or (cut.done and secret != NEW) or found.set_aside or found.recovered:
            return f"finds {secret}"
        before = decode_credentials((cut.directory / "subdevices" / f"{meter}.json.1").read_bytes(), meter)
        if secret == NEW and before.device_secret.reveal() != OLD:
            return "has lost the previous generation"
    writers.save_subdevices(cut.directory, "another4", "another4")
    return None


# The product identity

FRAGMENT = "etc/conf.d/50-identity.yaml"
FIRST, SECOND = "gw-0001", "gw-0002"


def shipped(directory: Path, *, conf_d: bool = True) -> None:
    (directory / "etc" / "conf.d" if conf_d else directory / "etc").mkdir(parents=True)
    (directory / "etc" / "config.yaml").write_text("region: us-east-1\n")


def has_own_secret(directory: Path) -> None:
    shipped(directory)
    writers.give_identity(directory / "etc", FIRST, device_secret="own")


def registered(directory: Path) -> None:
    shipped(directory)
    writers.give_identity(directory / "etc", FIRST, product_secret="hunter1")


def give_second(directory: Path) -> Callable[[], object]:
    return partial(writers.give_identity, directory / "etc", SECOND, product_secret="hunter2")


def names_without_secret(cut: Cut) -> str | None:
    secret = "etc/product-secret"
    alone = cut.found.get(FRAGMENT) == cut.after[FRAGMENT] and cut.found.get(secret) != cut.after[secret]
    return "has the names without their secret" if alone else None


def identity(cut: Cut) -> str | None:
    """Names never stand without what belongs to them, no secret is deleted, and the next try ends in order."""
    names_alone = names_without_secret(cut)
    if names_alone is not None:
        return names_alone
    if "etc/device-secret" in cut.before and b"own\n" not in cut.found.values():
        return "has lost the device's own secret"
    give_second(cut.directory)()
    if load(cut.directory / "etc" / "config.yaml").device_name != SECOND:
        return "cannot be set up again"
    return None if not list(cut.directory.rglob("*.new")) else "leaves what it wrote beside"


# The boot partition

BOOT = "boot/iot-onboard.yaml"
NAMES = f"product_key: a1b2c3d4e5f\ndevice_name: {FIRST}\n"
# The secret lies in two sectors, so that half of it looks like a whole one, and more come after it.
_LINE = "\nproduct_secret: hunter2hunter2\n"
TEXT = (NAMES + "# ").ljust(lostwrites.SECTOR_BYTES - len(_LINE) + 5, "x") + _LINE + "# " + "x" * 700 + "\n"
TAKEN_TEXT = TAKEN.decode() + TEXT[len(TAKEN) :]
NOTE = "boot/iot-onboard-taken.txt"


def dropped(directory: Path, text: str = TEXT) -> None:
    shipped(directory)
    (directory / "boot").mkdir()
    (directory / BOOT).write_text(text)


def cut_off(directory: Path) -> None:
    registered(directory)
    (directory / "boot").mkdir()
    (directory / BOOT).write_text(TAKEN_TEXT)


def take_boot_file(directory: Path) -> Callable[[], object]:
    return partial(writers.take_boot_file, directory / "boot", directory / "etc")


def boot_file(cut: Cut, secret: str) -> str | None:
    """The file is whole, or known as taken; gone, its blocks hold nothing of it; and the next boot ends the work."""
    left = cut.found.get(BOOT)
    if left is not None and left != cut.before[BOOT] and not left.startswith(TAKEN):
        return "leaves half a file"
    if FRAGMENT not in cut.found and left != cut.before[BOOT]:
        return "has lost what was not taken in yet"
    if left is None and cut.found.get(NOTE) != cut.after[NOTE]:
        return "leaves no note of what became of it"
    if left is None and any(len(data) == len(TEXT) and data != wiped(len(data)) for data in cut.unnamed):
        return "leaves the secret in blocks without a name"
    take_boot_file(cut.directory)()
    if load(cut.directory / "etc" / "config.yaml").device_name != FIRST:
        return "leaves the next boot without names"
    product_secret = cut.directory / "etc" / "product-secret"
    if not product_secret.exists() or product_secret.read_text() != f"{secret}\n":
        return "makes the next boot take in half a secret, or none"
    on_boot = [path.relative_to(cut.directory).as_posix() for path in (cut.directory / "boot").iterdir()]
    return None if on_boot == [NOTE] else f"leaves {on_boot} to the next boot"


# The drop-in


def unloadable(directory: Path) -> None:
    directory.mkdir()
    (directory / "bin").mkdir()
    shown = "ExecMainStatus=243\\nExecMainExitTimestampMonotonic=100"
    unit = f"[Service]\\nLoadCredentialEncrypted=product-secret:{directory}/sealed"
    programs = {
        "systemctl": f"case $1 in show) printf '{shown}\\n' ;; cat) printf '{unit}\\n' ;; esac",
        "systemd-creds": "exit 1",
    }
    for name, text in programs.items():
        (directory / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (directory / "bin" / name).chmod(0o755)
    (directory / "sealed").touch()


# What `disk.files` offers


def one_file(directory: Path) -> None:
    directory.mkdir()
    (directory / "file").write_text("old")


def remembered_name(cut: Cut) -> str | None:
    """Say so where nothing is remembered: the gateway would be another one."""
    found = decode(cut.found.get("identity.json") or b"")
    return None if found is not None else "no name is remembered"


SCENARIOS = {
    "a secret replaced": store_entries(two_generations, "save", {OLD, NEW}, NEW),
    "a secret replaced without links": store_entries(
        two_generations, "save", {OLD, NEW}, NEW, inject=("?link,linkat:error=EPERM",)
    ),
    "a first secret": store_entries(nothing, "save", {None, NEW}, NEW),
    "a damaged secret replaced": store_entries(damaged, "save", {OLD, NEW}, NEW, rotten=True),
    "a secret recovered": store_entries(damaged, "load", {OLD}, OLD, rotten=True),
    "a secret forgotten": store_entries(two_generations, "forget", {OLD, None}, None),
    "a batch of sub-devices' secrets": Scenario(
        before=meters,
        work=lambda directory: partial(writers.save_subdevices, directory, NEW, NEW),
        harm=stored_meters,
        # Two files, two previous generations: one sync of their directory may cover for another.
        overlap=True,
    ),
    "a first batch of sub-devices' secrets": Scenario(
        before=nothing,
        work=lambda directory: partial(writers.save_subdevices, directory, NEW, NEW),
        harm=lambda cut: (
            "has not stored all" if cut.done and len([*(cut.directory / "subdevices").glob("*.json")]) < 2 else None
        ),
    ),
    "a first identity": Scenario(before=shipped, work=give_second, harm=identity),
    "a first identity without conf.d": Scenario(
        before=partial(shipped, conf_d=False), work=give_second, harm=identity, overlap=True
    ),
    "an identity replaced": Scenario(before=registered, work=give_second, harm=identity),
    "an own secret retired": Scenario(before=has_own_secret, work=give_second, harm=identity),
    "a boot file taken in": Scenario(
        before=dropped,
        work=take_boot_file,
        harm=lambda cut: boot_file(cut, "hunter2hunter2"),
        free=frozenset({BOOT}),
    ),
    "a boot file whose clearing was cut off": Scenario(
        before=cut_off,
        work=take_boot_file,
        harm=lambda cut: boot_file(cut, "hunter1"),
        free=frozenset({BOOT}),
        overlap=True,
    ),
    "a boot file refused": Scenario(before=lambda directory: dropped(directory, "regon: x\n"), work=take_boot_file),
    "a credential that cannot be loaded": Scenario(
        before=unloadable, work=lambda directory: partial(writers.update_drop_in_of_credentials, directory)
    ),
    "a name remembered": Scenario(
        before=lambda directory: writers.remember_name(directory, "gw-0001"),
        work=lambda directory: partial(writers.remember_name, directory, "gw-0002"),
        harm=remembered_name,
    ),
    "a file": Scenario(
        before=one_file, work=lambda directory: partial(files.write_durably, directory / "file", b"new", 0o644)
    ),
    "a file found as a killed process left it": Scenario(
        before=one_file,
        work=lambda directory: partial(writers.write_again_after_a_kill, directory / "file"),
        harm=lambda cut: "lost what was found" if cut.done and cut.found.get("file") != b"new" else None,
        free=frozenset({"file", "killed"}),
    ),
    "a file removed": Scenario(
        before=one_file, work=lambda directory: partial(files.remove_durably, directory / "file")
    ),
    "a file set aside": Scenario(
        before=one_file, work=lambda directory: partial(writers.set_aside, directory / "file")
    ),
    "directories": Scenario(
        before=nothing, work=lambda directory: partial(files.make_directory, directory / "a" / "b")
    ),
    "connects remembered": Scenario(
        before=lambda directory: writers.remember_connects(directory, 1.0),
        work=lambda directory: partial(writers.remember_connects, directory, 1.0, 2.0),
        in_memory=True,
    ),
    "a first connect remembered": Scenario(
        before=nothing,
        work=lambda directory: partial(writers.remember_connects, directory / "run", 1.0),
        in_memory=True,
    ),
}
ON_DISK = [name for name, scenario in SCENARIOS.items() if not scenario.in_memory and not scenario.overlap]
IN_MEMORY = [name for name, scenario in SCENARIOS.items() if scenario.in_memory]


def wrong(scenario: Scenario, cut: Cut) -> str | None:
    """Say what is wrong with what a power cut has left, or None."""
    absent = "no such file"
    for name in cut.found | cut.before | cut.after:
        kept = cut.found.get(name, absent)
        checked = name not in scenario.free and not name.endswith(".new")
        if checked and kept not in (cut.before.get(name, absent), cut.after.get(name, absent)):
            return f"leaves {name} neither old nor new: {kept!r}"
    if cut.done and cut.found != cut.after:
        return f"is not done for good: {sorted(cut.found)}"
    return scenario.harm(cut)


class Play:
    """Let the real code do it under strace once, and look at what power cuts leave of it."""

    def __init__(self, scenario: Scenario, scratch: Path) -> None:
        self._scenario = scenario
        self._scratch = scratch
        self._judged: dict[tuple[lostwrites.Remains, bool], str | None] = {}
        scenario.before(scratch / "run")
        self._disk = lostwrites.Disk(scratch / "run")
        self.steps = lostwrites.record(self._disk, scenario.work(scratch / "run"), scenario.inject)
        self._before = dict(lostwrites.as_seen(self._disk, []))
        self._after = dict(lostwrites.as_seen(self._disk, self.steps))
        assert self._before != self._after

    def complaints(self, steps: Sequence[lostwrites.Step]) -> Iterator[str]:
        """Cut the power after each step, try every state that this may leave, and say what is wrong."""
        for end in range(len(steps) + 1):
            for remains in self._left(steps[:end]):
                found = self._complaint(remains, done=end == len(steps))
                if found is not None:
                    yield f"after {end} steps it {found}: {[name for name, _ in remains.tree]}"

    def _left(self, done: Sequence[lostwrites.Step]) -> Iterator[lostwrites.Remains]:
        if self._scenario.in_memory:
            yield lostwrites.Remains(lostwrites.as_seen(self._disk, done), ())
        else:
            yield from lostwrites.after_power_cut(self._disk, done)

    def _complaint(self, remains: lostwrites.Remains, *, done: bool) -> str | None:
        if (remains, done) not in self._judged:
            directory = lostwrites.lay_out(remains.tree, self._scratch / str(len(self._judged)))
            cut = Cut(
                directory=directory,
                found=dict(remains.tree),
                unnamed=remains.unnamed,
                before=self._before,
                after=self._after,
                done=done,
            )
            self._judged[remains, done] = wrong(self._scenario, cut)
        return self._judged[remains, done]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_power_cut_leaves_the_old_or_the_new(tmp_path: Path, name: str) -> None:
    """Whichever unsynced writes and names are lost: what is found is whole, and what was done stays done."""
    play = Play(SCENARIOS[name], tmp_path)
    assert list(play.complaints(play.steps)) == []


@pytest.mark.parametrize("name", ON_DISK)
def test_every_sync_is_needed(tmp_path: Path, name: str) -> None:
    """Without any one of them some power cut does harm: the model sees what it is there to see."""
    play = Play(SCENARIOS[name], tmp_path)
    syncs = [at for at, step in enumerate(play.steps) if isinstance(step, lostwrites.Syncing)]
    assert syncs
    for at in syncs:
        without = play.steps[:at] + play.steps[at + 1 :]
        found = next(play.complaints(without), None)
        assert found, f"sync number {syncs.index(at)} of {len(syncs)} changes nothing"


def test_a_batch_of_secrets_is_synced_file_by_file_and_its_directory_once(tmp_path: Path) -> None:
    """Each sync takes an SD card tens of milliseconds: those of the new directory, of two files, and one for both."""
    steps = Play(SCENARIOS["a first batch of sub-devices' secrets"], tmp_path).steps
    assert len([step for step in steps if isinstance(step, lostwrites.Syncing)]) == 1 + 2 + 1


@pytest.mark.parametrize("name", IN_MEMORY)
def test_what_lies_in_memory_is_not_synced(tmp_path: Path, name: str) -> None:
    """It would cost a start, and keep nothing."""
    steps = Play(SCENARIOS[name], tmp_path).steps
    assert not [step for step in steps if isinstance(step, lostwrites.Syncing)]
