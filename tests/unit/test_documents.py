"""The documents tell people what there is: commands, links, and the words of the lines that they will see."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from iot_onboard.cli import _parse
from iot_onboard.events.explain import find
from support.text.wording import commands_in
from support.tree import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/man").iterdir()])
GUIDE = ROOT / "docs" / "operator-guide.md"


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_command_is_understood(document: Path) -> None:
    """A reader who types it gets no usage error."""
    text = document.read_text().replace("\\e\n", "\\\n")
    for words in commands_in(text):
        # Not a line of the journal, which may begin so too.
        if words and words[0].islower():
            assert understood(words), f"iot-onboard {' '.join(words)}"


def understood(words: list[str]) -> bool:
    try:
        _parse(words)
    except SystemExit as ended:
        return not ended.code
    return True


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if path.suffix == ".md"], ids=name)
def test_every_link_leads_somewhere(document: Path) -> None:
    """To a file of the tree, and to a heading in it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        file = document.parent / path if path else document
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text()), target


def test_the_guide_quotes_lines_that_there_are() -> None:
    """What a reader looks for in the table of faults is what stands in the journal or in status."""
    shown = "".join((ROOT / "docs" / document).read_text() for document in ("gallery.md", "troubleshooting.md"))
    section = GUIDE.read_text().partition("## The usual faults")[2].partition("\n## ")[0]
    rows = [row.split(" | ")[0] for row in section.splitlines() if row.startswith("| ")][1:]
    assert len(rows) >= 20
    for row in rows:
        for quoted in re.findall(r"`([^`]+)`", row):
            for part in quoted.split("..."):
                assert part.strip() in shown, quoted


def test_the_guide_names_codes_that_there_are() -> None:
    """And `explain` knows them."""
    codes = set(re.findall(r"\bcode (\d{3,4})\b", GUIDE.read_text()))
    assert codes
    assert all(find(code) is not None for code in codes)


def test_the_attacks_name_tests_that_there_are() -> None:
    """Each row of docs/security.md is held by something that runs."""
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / "security.md").read_text()))
    assert len(named) >= 30
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(), f"{file}::{test}"
