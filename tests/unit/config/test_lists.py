"""Lists of several files become one, and what stands there twice is named with both places."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.config.lists import Entry, joined, listing
from iot_onboard.config.problems import Problems
from iot_onboard.config.reader import list_entries
from iot_onboard.config.schema import EntryRules, ListRule, Missing, Rule
from iot_onboard.config.values import text
from support.text.configuration import SCHEMA, documents, meter, wide

WORDS = ListRule(text)
PAIRS = ListRule(
    EntryRules(rules={key: Rule(text, Missing.REQUIRED) for key in "abc"}, record=dict, unique=(("a",), ("b", "c")))
)


def word(value: str, line: int, file: str = "f") -> Entry:
    return Entry(file=file, line=line, path=f"x[{line}]", value=value, keys={}, lines={})


def pair(a: str, b: str, c: str, line: int) -> Entry:
    keys = {"a": a, "b": b, "c": c}
    return Entry(file="f", line=line, path=f"x[{line}]", value=keys, keys=keys, lines={"a": line, "b": line + 1})


def test_lists_of_all_files_are_joined() -> None:
    """In the order of the files, while of any other key the last one counts."""
    values, problems = wide(
        "meters:\n" + meter("a", 1) + "bridge: {down: [x, y], host: one}\n",
        "bridge: {down: [z], host: two}\n",
        "meters:\n" + meter("b", 2) + meter("c", 3),
    )
    assert problems == []
    assert [entry.name for entry in values["meters"]] == ["a", "b", "c"]  # type: ignore[attr-defined]  # a tuple
    assert (values["bridge.down"], values["bridge.host"]) == (("x", "y", "z"), "two")


def test_the_same_name_twice_is_named_with_both_places() -> None:
    """In one file or in two; a third one is held against the first."""
    texts = ("meters:\n" + meter("a", 1) + meter("a", 2), "# words\nmeters:\n" + meter("b", 3) + meter("a", 4))
    assert wide(*texts)[1] == [
        "0.yaml:3: meters[1].name: name a is already at 0.yaml:2 (remove one of the two)",
        "1.yaml:4: meters[1].name: name a is already at 0.yaml:2 (remove one of the two)",
    ]


def test_several_keys_that_are_unique_together() -> None:
    """Each of them may stand there twice; together they may not. The line is that of the first key."""
    block = "meters:\n- name: {}\n  device_name: m1\n  product_key: {}\n"
    assert wide(block.format("a", "k1"), block.format("b", "k2"))[1] == []
    assert wide(block.format("a", "k1"), block.format("b", "k1"))[1] == [
        "1.yaml:4: meters[0].product_key: product_key k1 and device_name m1 is already at 0.yaml:4"
        " (remove one of the two)"
    ]


def test_the_same_word_twice_counts_once() -> None:
    """Two packages may want the same, and neither is wrong."""
    values, problems = wide("bridge: {down: [x, y, x]}\n", "bridge: {down: [y, z]}\n")
    assert (values["bridge.down"], problems) == (("x", "y", "z"), [])


def test_two_thousand_of_the_same() -> None:
    """A problem for each would hide what is wrong."""
    problems = wide("meters:\n" + meter("a", 1) * 2000)[1]
    assert len(problems) == 21
    assert problems[-1] == "0.yaml:13: (more): 3978 more problems; the first is here (correct those above first)"


@given(st.lists(st.tuples(st.sampled_from("pq"), st.sampled_from("rs"), st.sampled_from("tu")), max_size=8))
def test_what_is_kept_is_unique_and_the_rest_is_refused(rows: list[tuple[str, str, str]]) -> None:
    """Whatever the entries: no two that are kept are the same in a group, and each other one has a problem."""
    problems = Problems()
    entries = [pair(*row, line) for line, row in enumerate(rows, 1)]
    kept = joined(entries, PAIRS, problems)
    for group in (("a",), ("b", "c")):
        assert len({tuple(entry.keys[key] for key in group) for entry in kept}) == len(kept)
    assert {problem.key.partition(".")[0] for problem in problems.listed()} == {
        entry.path for entry in entries if entry not in kept
    }


@given(st.lists(st.sampled_from("abcd")))
def test_words_are_kept_in_order(words: list[str]) -> None:
    """Each at its first place, without a problem."""
    problems = Problems()
    kept = joined([word(value, line) for line, value in enumerate(words)], WORDS, problems)
    assert [entry.value for entry in kept] == list(dict.fromkeys(words))
    assert problems.listed() == ()


def test_a_listing_says_where_each_entry_comes_from() -> None:
    """By what names it, with file and line; a list that nobody sets is not shown."""
    entries = list_entries(documents("meters:\n" + meter("a") + meter("long-name", 1), "bridge: {down: [x]}\n"), SCHEMA)
    assert listing(entries, SCHEMA.lists) == [
        "meters: 2 entries",
        "  a          0.yaml:2",
        "  long-name  0.yaml:3",
        "bridge.down: 1 entry",
        "  x  1.yaml:1",
    ]
    assert list_entries(documents("region: cn-shanghai\nmeters:\n"), SCHEMA) == {"meters": []}
    assert word("x", 3, "/etc/f").place == "/etc/f:3"


def test_an_empty_list_has_no_listing() -> None:
    """It is as good as none."""
    entries = list_entries(documents("bridge: {down: []}\n"), SCHEMA)
    assert not [line for line in listing(entries, SCHEMA.lists) if "down" in line]
