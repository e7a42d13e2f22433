"""A configuration as YAML: what YAML takes and we do not, by file and line."""

from __future__ import annotations

import time

import pytest
import yaml

from iot_onboard.config.problems import Problem
from iot_onboard.config.schema import Document
from iot_onboard.config.values import Bad
from iot_onboard.config.yaml_reader import compose, is_null, plain, read_document
from support.text.configuration import BASE


def problems_of(text: str) -> list[str]:
    problems: list[Problem] = []
    read_document(Document(name="0.yaml", text=text), problems)
    return [str(problem) for problem in problems]


def node(text: str) -> yaml.Node:
    found = yaml.compose(text, Loader=yaml.SafeLoader)
    assert found is not None
    return found


def test_good_keys_are_read_beside_bad_ones() -> None:
    """Each as its rule reads it, sections by their dotted names, an empty one as its default; the rest are problems."""
    problems: list[Problem] = []
    text = "region: cn-shanghai\nregon: x\nmqtt: {port: 443, host: a b}\ntls:\nproxy:\nproduct_key:\nregion: x\n"
    values = read_document(Document(name="f", text=text), problems)
    assert values == {"region": "cn-shanghai", "mqtt.port": 443, "proxy": None}
    assert [(problem.line, problem.key) for problem in problems] == [
        (2, "regon"), (3, "mqtt.host"), (6, "product_key"), (7, "region"),
    ]  # fmt: skip


def test_a_mapping_or_nothing() -> None:
    """What holds nothing is no mapping and no problem."""
    for text in ("", "# words\n", "null\n", "~"):
        problems: list[Problem] = []
        assert compose(Document(name="f", text=text), problems) is None
        assert problems == []
    root = compose(Document(name="f", text="a: 1\n"), [])
    assert root is not None
    assert [key.value for key, _ in root.value] == ["a"]


def test_values_as_yaml_has_them() -> None:
    """Numbers, words, lists; what YAML's safe loader refuses is a problem, not an object."""
    assert [plain(node(text)) for text in ("1", "yes", "'1'", "[a, 2]")] == [1, True, "1", ["a", 2]]
    for text in ("!!python/object:os.system x", "2020-13-45", "9" * 5000):
        with pytest.raises(Bad, match="makes no sense"):
            plain(node(text))
    assert [is_null(node(text)) for text in ("~", "null", "''", "0", "{}")] == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", "0.yaml:1: (file): must be a mapping"),
        ("text\n", "0.yaml:1: (file): must be a mapping"),
        (
            BASE + "\tregion: x\n",
            "0.yaml:3: (file): is not YAML: found character '\\t' that cannot start any token (indent",
        ),
        (BASE + "region: [a\nmqtt: 1\n", "0.yaml:4: (file): is not YAML"),
        (BASE + 'region: "a\n', "0.yaml:4: (file): is not YAML"),
        (BASE + "---\nregion: cn\n", "0.yaml:3: (file): is not YAML"),
        (BASE + "region: \x07\n", "0.yaml:1: (file): is not YAML"),
        (BASE + "x: " + "[" * 250_000, "0.yaml:3: (file): nests more than 20 deep"),
        (BASE + "x:\n" + "".join(" " * depth + "x:\n" for depth in range(1, 700)), "0.yaml:23: (file): nests more"),
        ("a: b: c\n", "0.yaml:1: (file): is not YAML"),
        ("\0", "0.yaml:1: (file): is not YAML"),
        ("a: &a [x]\nb: *a\n", "0.yaml:1: (file): anchors and aliases are not taken"),
    ],
)
def test_what_is_no_mapping_is_one_problem(text: str, expected: str) -> None:
    """File and line of the fault, and no guess about the keys that could not be read."""
    (problem,) = problems_of(text)
    assert problem.startswith(expected)


def test_a_bomb_of_aliases_costs_nothing() -> None:
    """Nine lines that stand for a billion items are refused, not built."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for here, there in zip("bcdefghi", "abcdefgh", strict=True):
        lines.append(f"{here}: &{here} [{', '.join([f'*{there}'] * 10)}]")
    started = time.monotonic()
    assert "anchors and aliases" in problems_of("\n".join(lines))[0]
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "line",
    [
        "product_secret: hunter2",
        "device_secret: [hunter2]",
        "secret: {a: hunter2}",
        "ProductSecret: hunter2",
        "device-secret: hunter2",
        "mqtt: {password: hunter2}",
    ],
)
def test_a_secret_is_never_a_value(line: str) -> None:
    """Whatever its spelling, the key is refused, the file keys are named, and the value is not echoed."""
    (problem,) = problems_of(BASE + line + "\n")
    assert "a secret is never a value here (put it into a file: product_secret_file, device_secret_file)" in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize("line", ["{product_secret:hunter2}", '{"Device Secret=hunter2"}', "? password:hunter2"])
def test_a_secret_glued_to_its_key_is_not_shown(line: str) -> None:
    """Without a blank after the colon it is part of the key, and a problem shows its key."""
    (problem, *_) = problems_of(line + "\n")
    assert "(a blank is missing after the colon)" in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize("key", ["hunter2hunter2", "ffFnFlKQW3HYjjPR", "0123456789abcdef", "p@ss!w0rd"])
def test_a_key_that_may_be_a_secret_is_not_shown(key: str) -> None:
    """A secret pasted in the place of a key, or behind one without its colon, is in no line and no note."""
    for text in (f"{key}: x\n", f"mqtt: {{{key}: x}}\n", f"{key}:\n{key}:\n", f"? !{key}!x y\n: z\n"):
        problems: list[Problem] = []
        read_document(Document(name="f", text=text), problems)
        assert problems
        assert key not in str(problems)
