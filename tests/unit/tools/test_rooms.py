"""The picture of the rooms is that of the imports."""

from __future__ import annotations

import re

import pytest

from support.tree import ROOT
from tools.rooms import arrows, below, imports, mermaid, refreshed, room, table

ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()


def test_the_architecture_shows_the_rooms_as_they_are() -> None:
    """After a change of a room or of its imports: make reference."""
    assert mermaid() in ARCHITECTURE
    assert table() in ARCHITECTURE


def test_what_is_out_of_date_is_replaced() -> None:
    """And nothing else of the page."""
    old = ARCHITECTURE.replace("    cli --> commands\n", "    cli --> nowhere\n").replace("| `cli` |", "| `edge` |")
    assert old != ARCHITECTURE
    assert refreshed(old) == ARCHITECTURE


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z_]+/[a-z_/*.]*)`", ARCHITECTURE))))
def test_the_architecture_names_what_is_there(name: str) -> None:
    """A room and its module, or a path of the tree."""
    places = [ROOT, ROOT / "daemon" / "iot_onboard"]
    assert any(list(place.glob(name)) or list(place.glob(f"{name}.py")) for place in places)


def test_late_and_relative_imports_count() -> None:
    """The daemon's start imports what it needs when it needs it, and that is an arrow all the same."""
    assert (".commands.run", "run") in set(imports("cli"))
    assert ("argparse", "") in set(imports("cli"))


def test_the_picture_leaves_out_no_way() -> None:
    """Whoever reaches a room by imports reaches it in the picture, too."""
    drawn: dict[str, set[str]] = {name: set() for name in arrows()}
    for line in mermaid().splitlines()[1:]:
        start, _, ends = line.strip().partition(" --> ")
        drawn[start] |= set(filter(None, ends.split(" & ")))
    assert {name: below(drawn, name) for name in drawn} == {name: below(arrows(), name) for name in drawn}
    assert sum(map(len, drawn.values())) < sum(map(len, arrows().values()))


def test_a_room_is_the_first_part_of_a_name() -> None:
    """Of a module in a room within a room, too."""
    assert [room(name) for name in ("cli", "core", "doctor.checks.tls")] == ["cli", "core", "doctor"]
