"""A power cut at any moment, on a disk that loses, halves and reorders whatever was not synced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from iot_onboard.disk.credentials import Store
from iot_onboard.disk.credentials_format import encode
from support.disk import faults, lostwrites
from support.disk.store_driver import IDENTITY, credentials

OLDEST, OLD, NEW = "oldestSecret1", "oldSecret2", "newSecret3"
ROT = b"rot"
pytestmark = pytest.mark.skipif(faults.why_no_strace() is not None, reason=str(faults.why_no_strace()))


def file(directory: Path, suffix: str = "") -> Path:
    return directory / "credentials" / f"{IDENTITY}.json{suffix}"


def two_generations(directory: Path) -> None:
    for secret in (OLDEST, OLD):
        Store(directory, IDENTITY).save(credentials(secret))


def damaged(directory: Path) -> None:
    two_generations(directory)
    Store(directory, IDENTITY).save(credentials(NEW))
    file(directory).write_bytes(ROT)


def nothing(directory: Path) -> None:
    directory.mkdir()


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Say what the store does, which secrets may be found if the power goes meanwhile, and which one afterwards.

    Where the file was `rotten` before, its bytes have to be somewhere still. Else, and afterwards, no damage is met.
    """

    before: Callable[[Path], None]
    action: str
    meanwhile: frozenset[str | None]
    afterwards: str | None
    rotten: bool = False
    without_links: bool = False


STORIES = {
    "replace": Story(before=two_generations, action="save", meanwhile=frozenset({OLD, NEW}), afterwards=NEW),
    "replace without links": Story(
        before=two_generations, action="save", meanwhile=frozenset({OLD, NEW}), afterwards=NEW, without_links=True
    ),
    "first": Story(before=nothing, action="save", meanwhile=frozenset({None, NEW}), afterwards=NEW),
    "replace what is damaged": Story(
        before=damaged, action="save", meanwhile=frozenset({OLD, NEW}), afterwards=NEW, rotten=True
    ),
    "recover": Story(before=damaged, action="load", meanwhile=frozenset({OLD}), afterwards=OLD, rotten=True),
    "forget": Story(before=two_generations, action="forget", meanwhile=frozenset({OLD, None}), afterwards=None),
}


def play(story: Story, directory: Path) -> tuple[lostwrites.Disk, list[lostwrites.Step]]:
    """Let the real store do it under strace; return the disk before, and what was done to it."""
    story.before(directory)
    inject = None
    if story.without_links:
        twin = directory.with_name("twin")
        story.before(twin)
        first = next(call for call in faults.calls(story.action, twin, NEW) if call.name.startswith("link"))
        inject = f"{first.name}:error=EPERM:when={first.number}"
    disk = lostwrites.Disk(directory)
    secret = NEW if story.action == "save" else ""
    return disk, lostwrites.steps(disk, faults.run(story.action, directory, secret, inject).trace)


def complaint(story: Story, directory: Path, *, done: bool) -> str | None:
    """Say what is wrong with what a power cut has left, or None."""
    found = Store(directory, IDENTITY).load()
    secret = found.credentials.device_secret.reveal() if found.credentials else None
    if secret not in (story.meanwhile | {story.afterwards}) or (done and secret != story.afterwards):
        return f"finds {secret}"
    if (found.set_aside or found.recovered) and (done or not story.rotten):
        return f"finds damage: {found.set_aside}"
    if story.rotten:
        kept = {path.read_bytes() for path in file(directory).parent.iterdir()}
        return None if ROT in kept else "has deleted what it could not read"
    replaced = secret == NEW and OLD in story.meanwhile
    if replaced and file(directory, ".1").read_bytes() != encode(credentials(OLD)):
        return "has lost the previous generation"
    Store(directory, IDENTITY).save(credentials("another4"))
    return None


def complaints(
    story: Story, disk: lostwrites.Disk, steps: list[lostwrites.Step], scratch: Path
) -> tuple[int, list[str]]:
    """Cut the power after each step, try every state that this may leave, and return how many and what was wrong."""
    scratch.mkdir()
    count, found = 0, []
    for end in range(len(steps) + 1):
        for tree in lostwrites.after_power_cuts(disk, steps[:end]):
            count += 1
            wrong = complaint(story, lostwrites.lay_out(tree, scratch / str(count)), done=end == len(steps))
            if wrong is not None:
                found.append(f"after {end} steps it {wrong}: {[name for name, _ in tree]}")
    return count, found


@pytest.mark.parametrize("name", STORIES)
def test_a_power_cut_never_loses_the_secret(tmp_path: Path, name: str) -> None:
    """Whichever unsynced writes and names are lost: the old secret or the new one is whole, and nothing in between."""
    disk, steps = play(STORIES[name], tmp_path / "run")
    count, found = complaints(STORIES[name], disk, steps, tmp_path / "states")
    assert count > len(steps)
    assert found == []


@pytest.mark.parametrize("name", STORIES)
def test_every_sync_is_needed(tmp_path: Path, name: str) -> None:
    """Without any one of them some power cut does harm: the model sees what it is there to see."""
    disk, steps = play(STORIES[name], tmp_path / "run")
    syncs = [at for at, step in enumerate(steps) if isinstance(step, lostwrites.Syncing)]
    assert syncs
    for at in syncs:
        _, found = complaints(STORIES[name], disk, steps[:at] + steps[at + 1 :], tmp_path / str(at))
        assert found, f"sync number {syncs.index(at)} of {len(syncs)} changes nothing"
