"""The campaign of mutants itself: what it calls caught was caught, and what it cannot judge it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.tree import ROOT
from torture.mutants.campaign import Copy, Mutant, Outcome, Verdict, failing, load, table

MODULE = "daemon/bounds.py"
DID_NOT_END = "the tests did not end"
LIMIT_S = 50.0


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A tree with one module and its tests, one of which never ends where the module says so."""
    tree = tmp_path / "tree"
    for name, text in {
        MODULE: "MOST = 3\n\n\ndef fits(number):\n    return number <= MOST\n\n\ndef waits():\n    return False\n",
        "tests/test_bounds.py": (
            "import bounds\n\n\ndef test_the_bound():\n    assert bounds.fits(3)\n\n\n"
            "def test_it_ends():\n    while bounds.waits():\n        pass\n"
        ),
        "tests/test_wrong.py": "def test_wrong():\n    assert False\n",
    }.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return Copy(tmp_path / "copy", tree)


def mutant(before: str, after: str, *tests: str) -> Mutant:
    return Mutant(
        name="one", promise="it breaks", file=MODULE, before=before, after=after, tests=tests or ("test_bounds.py",)
    )


def test_what_becomes_of_a_mutant(copy: Copy) -> None:
    """One after the other, each in the code as it was."""
    # Only the tests that never end may reach the limit, also on a busy machine.
    for before, after, verdict, by in (
        ("<= MOST", "< MOST", Verdict.CAUGHT, "test_bounds.py::test_the_bound"),
        ("MOST = 3", "MOST = 4", Verdict.SURVIVED, ""),
        ("return False", "return True", Verdict.CAUGHT, DID_NOT_END),
        ("MOST", "LEAST", Verdict.STALE, "its text stands there 2 times"),
        ("minimum", "maximum", Verdict.STALE, "its text stands there 0 times"),
    ):
        found = copy.judge(mutant(before, after), limit_s=5.0 if by == DID_NOT_END else LIMIT_S)
        assert (found.verdict, found.by) == (verdict, by)


def test_a_mutant_that_no_test_could_meet_is_not_caught(copy: Copy) -> None:
    """Where the tests cannot even be collected, or there are none, nobody has noticed anything."""
    found = copy.judge(mutant("<= MOST", "<= MOST", "test_none.py"), LIMIT_S)
    assert found.verdict is Verdict.BROKEN
    assert "pytest ended with 4" in found.by


def test_a_test_that_fails_anyway_is_named(copy: Copy) -> None:
    """What it notices proves nothing."""
    assert failing(copy, [mutant("MOST", "LEAST")], LIMIT_S) == []
    assert failing(copy, [mutant("MOST", "LEAST", "test_wrong.py", "test_bounds.py")], LIMIT_S) == [
        "test_wrong.py::test_wrong"
    ]


def test_the_list_is_whole() -> None:
    """Each names a module and tests that there are; no two have one name, and the rooms that it is about are in it."""
    found = load()
    assert len(found) >= 100
    for one in found:
        assert (ROOT / one.file).is_file(), one.name
        assert all((ROOT / "tests" / test.partition("::")[0]).exists() for test in one.tests), one.name
    rooms = {Path(one.file).parts[2] for one in found}
    assert rooms >= {"disk", "provisioning", "bundle", "net", "mqtt", "lifecycle", "service"}


def test_what_is_no_mutant_is_refused(tmp_path: Path) -> None:
    """One that changes nothing, and two of one name."""
    row = '[[mutant]]\nname = "{}"\npromise = "x"\nfile = "x"\nbefore = "a"\nafter = "{}"\ntests = ["x"]\n'
    (tmp_path / "x.toml").write_text(row.format("same", "a"))
    with pytest.raises(ValueError, match="no mutant, or no test for it: same"):
        load(tmp_path)
    (tmp_path / "x.toml").write_text(row.format("one", "b") + row.format("one", "c"))
    with pytest.raises(ValueError, match="two mutants of one name: one"):
        load(tmp_path)


def test_the_table_says_what_was_not_caught() -> None:
    """In Markdown, by module and promise."""
    outcome = Outcome(mutant=mutant("a", "b"), verdict=Verdict.SURVIVED)
    assert table([outcome]).splitlines()[-1] == f"| `{MODULE.removesuffix('.py')}` | it breaks | **SURVIVED** |"


def test_every_mutant_stands_in_the_code_once() -> None:
    """The list follows the code: a mutant that does not apply proves nothing."""
    stale = [mutant.name for mutant in load() if (ROOT / mutant.file).read_text().count(mutant.before) != 1]
    assert not stale
