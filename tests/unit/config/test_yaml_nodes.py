"""What a file is to YAML, by either of its parsers: nodes with lines, or one problem with the line of the fault."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from iot_onboard.config.problems import Problems
from iot_onboard.config.schema import Document
from iot_onboard.config.values import Bad
from iot_onboard.config.yaml_nodes import PARSERS, compose, is_null, line_of, plain, scalar
from support.text.configuration import BASE

PYTHON, C = (yaml.SafeLoader,), (yaml.CSafeLoader,)
BOTH = pytest.mark.parametrize("parsers", [PYTHON, C], ids=["python", "c"])


def composed(text: str, parsers: tuple[Any, ...] = PARSERS) -> tuple[yaml.MappingNode | None, list[str]]:
    problems = Problems()
    root = compose(Document(name="0.yaml", text=text), problems, parsers)
    return root, [str(problem) for problem in problems.listed()]


def node(text: str) -> yaml.Node:
    found = yaml.compose(text, Loader=yaml.SafeLoader)
    assert found is not None
    return found


@BOTH
def test_a_mapping_or_nothing(parsers: Any) -> None:
    """What holds nothing is no mapping and no problem."""
    for text in ("", "# words\n", "null\n", "~", "\ufeff", "---\n", "\r\n"):
        assert composed(text, parsers) == (None, [])
    root, problems = composed("\ufeff# a mark\r\na: 1\r\nb: 2\r\n", parsers)
    assert (root is not None, problems) == (True, [])
    assert root is not None
    assert [(key.value, line_of(key)) for key, _ in root.value] == [("a", 2), ("b", 3)]


@BOTH
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", "0.yaml:1: (file): must be a mapping"),
        ("text\n", "0.yaml:1: (file): must be a mapping"),
        ("\n\n- a\n", "0.yaml:3: (file): must be a mapping"),
        (BASE + "\tregion: x\n", "0.yaml:3: (file): is not YAML: it is indented with a tab (indent with blanks)"),
        (BASE + "mqtt:\n \tport: 1\n", "0.yaml:4: (file): is not YAML: it is indented with a tab"),
        (BASE + "mqtt:\r\n\tport: 1\r\n", "0.yaml:4: (file): is not YAML: it is indented with a tab"),
        (BASE + "region: [a\nmqtt: 1\n", "0.yaml:4: (file): is not YAML"),
        (BASE + 'region: "a\n', "0.yaml:4: (file): is not YAML"),
        (BASE + "---\nregion: cn\n", "0.yaml:3: (file): is not YAML"),
        (BASE + "region: \x07\n", "0.yaml:3: (file): is not YAML: it holds the character U+0007 (remove it)"),
        (BASE + "x: " + "[" * 1_000_000, "0.yaml:3: (file): nests more than 20 deep"),
        (BASE + "x:\n" + "".join(" " * depth + "x:\n" for depth in range(1, 700)), "0.yaml:23: (file): nests more"),
        (BASE + "x: " + "a: " * 300_000, "0.yaml:3: (file): is not YAML"),
        ("a: b: c\n", "0.yaml:1: (file): is not YAML"),
        ("a: 1\n\0", "0.yaml:2: (file): is not YAML: it holds the character U+0000 (remove it)"),
        ("a: &a [x]\nb: *a\n", "0.yaml:1: (file): anchors and aliases are not allowed"),
        ("a:\n  <<: *b\n", "0.yaml:2: (file): anchors and aliases are not allowed (write the value out)"),
        ("%YAML 3.0\n---\na: 1\n", "0.yaml:1: (file): is not YAML"),
        ("a: !x!y z\n", "0.yaml:1: (file): is not YAML"),
    ],
)
def test_what_is_no_mapping_is_one_problem(text: str, expected: str, parsers: Any) -> None:
    """File and line of the fault, and no guess about the keys that could not be read."""
    root, (problem,) = composed(text, parsers)
    assert root is None
    assert problem.startswith(expected)


@BOTH
def test_what_yaml_quotes_is_not_shown(parsers: Any) -> None:
    """A secret pasted into the wrong place is in no problem."""
    _, (problem,) = composed("a: !hunter2!hunter2 z\nb: [\n", parsers)
    assert "hunter2" not in problem


@BOTH
def test_a_bomb_of_aliases_costs_nothing(parsers: Any) -> None:
    """Nine lines that stand for a billion items are refused, not built."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for here, there in zip("bcdefghi", "abcdefgh", strict=True):
        lines.append(f"{here}: &{here} [{', '.join([f'*{there}'] * 10)}]")
    started = time.process_time()
    assert "anchors and aliases" in composed("\n".join(lines), parsers)[1][0]
    assert time.process_time() - started < 10


def test_many_values_are_refused_before_they_are_built() -> None:
    """A megabyte of short ones would take 140 MB; 100,000 are taken, and one more is not."""
    assert composed("a: [" + "b," * 99_997 + "]\n")[1] == []
    for text in (
        "a: [" + "b," * 99_998 + "]\n",
        "a:\n" + "- b\n" * 260_000,
        "".join(f"k{n}:\n" for n in range(120_000)),
    ):
        (problem,) = composed(text)[1]
        assert "holds more than 100000 values (spread them over several files in conf.d)" in problem


def test_values_as_yaml_has_them() -> None:
    """Numbers, words, lists; what YAML's safe loader refuses is a problem, not an object."""
    assert [plain(node(text)) for text in ("1", "yes", "'1'", "[a, 2]")] == [1, True, "1", ["a", 2]]
    for text in ("!!python/object:os.system x", "2020-13-45", "!!int x"):
        with pytest.raises(Bad, match="has an invalid value"):
            plain(node(text))
    assert [is_null(node(text)) for text in ("~", "null", "''", "0", "{}")] == [True, True, False, False, False]


@pytest.mark.parametrize("text", ["a" * 1_000_000, "9" * 5000, "1:" * 400_000 + "1", "1." + "0" * 9000])
def test_a_long_value_is_refused_before_it_is_read(text: str) -> None:
    """YAML has numbers to the base of 60: one that fills a file would take hours."""
    started = time.process_time()
    with pytest.raises(Bad, match=rf"has {len(text)} characters; at most 4096 are allowed"):
        plain(yaml.ScalarNode("tag:yaml.org,2002:int", text))
    assert time.process_time() - started < 10


def test_a_list_where_a_scalar_belongs_is_not_built() -> None:
    """Its kind alone counts, whatever it holds."""
    assert [scalar(node(text)) for text in ("1", "[!!python/none x]", "{a: !!int b}")] == [1, [], {}]


WORDS = "b: -- --- ... <<: 0x1f : - a:"
PIECES = st.sampled_from(
    [
        *"a-[]{},'\"#|>&*!%@`?:~1 \n\t\x85\u2028\ufeff\xe9\0\x07",
        *WORDS.split(" "),
        *("", "  ", ": ", "- ", "a: ", "\r\n", "\n\n", "\n  ", "\nb: ", "\n- ", "\n  - x"),
    ]
)
SHAPED = st.lists(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "  ", "    ", "- ", "  - "]),
        st.sampled_from(["a: ", "b:", "c: ", ""]),
        PIECES,
    )
).map("\n".join)


@given(text=SHAPED | st.lists(PIECES, max_size=12).map("".join))
@example("{a:}")
@example("a:\tb")
def test_what_the_parser_in_python_takes_is_taken(text: str) -> None:
    """Whatever the one in C thinks of it, and to the same nodes by the same lines: an upgrade refuses nothing."""
    before, problems = composed(text, PYTHON)
    # A tag without a name is nothing to the one and text to the other; a second byte order mark is text to the one.
    if not problems and "!" not in text and "\ufeff\ufeff" not in text:
        now, problems = composed(text)
        assert problems == []
        assert shape(before) == shape(now)


def test_a_large_file_is_not_read_again() -> None:
    """The parser in Python would take seconds for it, to refuse it once more."""
    text = "abcdefghijkl: mnopqrstu\n" * 40_000 + "b: [\n"
    started = time.process_time()
    (problem,) = composed(text, C)[1]
    once = time.process_time() - started
    assert composed(text)[1] == [problem]
    assert time.process_time() - started < 5 * once


def test_the_parser_in_c_is_used() -> None:
    """Where it is there, as on every Debian."""
    assert yaml.__with_libyaml__
    assert (*C, *PYTHON) == PARSERS


def shape(node: Any) -> Any:
    """Return tags, values and lines of a tree."""
    if not isinstance(node, yaml.CollectionNode):
        return None if node is None else (node.tag, node.value)
    value = [tuple(map(shape, item)) if isinstance(item, tuple) else shape(item) for item in node.value]
    return node.tag, line_of(node), value
