"""A boot out of a journal of our making: as timed entries, as lines, as a timeline."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from iot_onboard.boot_log.journalctl import Unreadable
from iot_onboard.boot_log.listing import columns_of
from iot_onboard.boot_log.listing_text import entries_of, follow_entries, lines_of, timeline_of
from iot_onboard.boot_log.timeline_model import Kind
from iot_onboard.system.text_style import Style
from support.process.journal import CONTAINER, Journal


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def make(**parts: str) -> None:
        monkeypatch.setenv("PATH", Journal(tmp_path, **parts).path)

    return make


def test_one_boot_and_all(journal: Callable[..., None]) -> None:
    """Each entry with the number of its boot and its time in it."""
    journal()
    earlier = [(-1, 9_000_000, None), (-1, 9_500_000, 500_000)]
    present = [(0, 8_000_000, None), (0, 8_100_000, 100_000), (0, 8_400_000, 300_000)]
    for boot, expected in ((0, present), (-1, earlier), (None, [*earlier, *present])):
        found = entries_of(boot)
        assert [(one.offset, one.since_boot_us, one.since_previous_us) for one in found] == expected


def test_the_present_boot_as_it_goes_on(journal: Callable[..., None]) -> None:
    """Each entry with the times that it has when the boot is read as a whole."""
    journal(manager=CONTAINER)
    assert tuple(islice(follow_entries(), 3)) == entries_of(0)


def test_a_boot_that_begins_late(journal: Callable[..., None]) -> None:
    """In a container times count from its service manager, in the listing as in the timeline."""
    journal(manager=CONTAINER)
    assert [one.since_boot_us for one in entries_of(0)] == [1_000_000, 1_100_000, 1_400_000]
    assert timeline_of(0).whole_us == 1_400_000


def test_a_heading_for_each_boot(journal: Callable[..., None]) -> None:
    """With an empty line before the second one, and all in the same columns."""
    journal()
    logged = entries_of(None)
    shown = list(lines_of(logged, columns_of(logged), Style))
    assert [line.split(" (")[0] for line in shown if "Boot" in line] == ["Boot -1", "\nBoot 0"]
    assert len(shown) == 7
    assert len({line.index("This is") for line in shown if "This is" in line}) == 1


def test_a_timeline_ends_with_its_boot(journal: Callable[..., None]) -> None:
    """One that was online at that moment; what is not there is told."""
    journal()
    shown = timeline_of(-1)
    assert (shown.boot, shown.online, shown.whole_us) == (-1, True, 9_500_000)
    assert timeline_of(0).kinds[0] is Kind.KERNEL
    with pytest.raises(Unreadable):
        timeline_of(-7)
