"""The plain form means the same without YAML as with it."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from iot_onboard.config.plain_reader import plain_values
from iot_onboard.config.problems import Problems
from iot_onboard.config.reader import read_values
from iot_onboard.config.schema import SCHEMA, Document, Missing
from iot_onboard.config.yaml_reader import read_document
from support.text.configuration import SCHEMA as WIDE
from support.tree import ROOT

KEYS = ["product_key", "device_name", "region", "mqtt", "tls", "port", "on", "null", "proxy", "x"]
KEYS += ["bridge", "bridge", "spool", "spool", "max_mb", "enabled", "host", "rate", "down", "meters"]
SCALARS = """
a1b2|true|false|True|no|ON|Null|y|~|0|8883|08|0x1f|1_0|1e3|-5|190:20:30|2026-11-01|12:30|10.0.0.1|1.2.3|/var/lib/x|http://u:p@h:1
https://a.b:1/c|a:b|a: b|a:|"gw-{serial}"|'a b'|"a|'a''b'|"a\\nb"|"#"|'# x'|a#b|a # b|"a" b|gw-{serial}|{port: 1}
[1]|&a b|*a|!!int 1|> |>|- x|.5|=|<<|1.5|null_|a\tb|\u00e9|
""".strip().replace("\n", "|")
ODD_LINES = "|  |# comment|   # comment|#|---|...|%YAML 1.1|\t|text|? x|\r|\ufeff|\u2028"
LINES = st.one_of(
    st.builds(
        "{}{}{}{}{}".format,
        st.sampled_from(["", "", " ", "  ", "  ", "   ", "    ", "      ", "\t"]),
        st.sampled_from(KEYS),
        st.sampled_from([": ", ": ", ":", ":  ", " : "]),
        st.sampled_from([*SCALARS.split("|"), "| "]) | st.text("aA0/:._- #\"'{}", max_size=6),
        st.sampled_from(["", "", " ", " # comment", "# comment", " \t"]),
    ),
    st.sampled_from(ODD_LINES.split("|")),
)
NESTED = st.lists(
    st.builds(
        "{}{}:{}".format,
        st.sampled_from(["", "  ", "  ", "    ", "    ", "      "]),
        st.sampled_from(["bridge", "spool", "rate", "max_mb", "enabled", "x"]),
        st.sampled_from(["", "", " 5", " true", " {}", " null", " # words"]),
    ),
    max_size=7,
).map("\n".join)
TEXTS = st.builds("{}{}".format, st.lists(LINES, max_size=8).map("\n".join), st.sampled_from(["", "\n"]))


def by_yaml(text: str) -> dict[str, Any]:
    return emptied(yaml.safe_load(text) or {})


def emptied(found: dict[str, Any]) -> dict[str, Any]:
    """Put an empty mapping for what is left empty."""
    there = {key: {} if value is None else value for key, value in found.items()}
    return {key: emptied(value) if isinstance(value, dict) else value for key, value in there.items()}


def same(one: object, other: object) -> bool:
    """Equal, and of the same kinds all through: 1 is not true."""
    return repr(one) == repr(other)


@given(text=TEXTS | NESTED)
def test_what_is_taken_as_plain_is_what_yaml_says(text: str) -> None:
    """For any text: either the very values that YAML would read, or nothing."""
    found = plain_values(text)
    assert found is None or same(found, by_yaml(text))


@example(text="bridge:\n  enabled: true\n", ignored=["bridge"])
@given(text=TEXTS | NESTED, ignored=st.sampled_from([[], ["x"], ["mqtt"], ["bridge"]]))
def test_a_configuration_is_the_same_by_either_way(text: str, ignored: list[str]) -> None:
    """The values, and every problem with its line: a plain reading changes nothing for an operator."""
    document = Document(name="c.yaml", text=text, ignored_keys=frozenset(ignored))
    problems = Problems()
    by_key = read_document(document, problems, WIDE)
    values, found = read_values([document], schema=WIDE, names_required=False)
    assert found == problems.listed()
    if not found:
        for key, rule in WIDE.rules.items():
            default = "" if rule.default is Missing.REQUIRED else rule.default
            assert same(values[key], by_key.get(key, default))


@pytest.mark.parametrize(
    "text",
    [
        (ROOT / "config" / "config.yaml").read_text(),
        "",
        "# nothing but words\n",
        'product_key: a1b2c3d4e5f\ndevice_name: "gw-{serial}"\n',
        "mqtt:\n  host: 10.0.0.1 # ours\n  port: 443\nproxy: http://proxy.example:3128\ntls:\n",
        "mqtt:\n  # no other\n\n  port: 443\n# words\nregion: cn-shanghai\n",
    ],
    ids=["shipped", "empty", "comments", "names", "sections", "comments between"],
)
def test_the_usual_files_are_plain(text: str) -> None:
    """The shipped configuration and what setup writes start without the YAML library."""
    found = plain_values(text)
    assert found is not None
    assert same(found, by_yaml(text))
    assert all(not isinstance(value, dict) or name in SCHEMA.sections for name, value in found.items())


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("bridge:\n  enabled: true\n", {"bridge.enabled": True}),
        (
            "bridge:\n  spool:\n    max_mb: 5\n    drain: live_first\n  enabled: true\nregion: us-west-1\n",
            {
                "bridge.spool.max_mb": 5,
                "bridge.spool.drain": "live_first",
                "region": "us-west-1",
            },
        ),
        (
            "bridge:\n    rate:\n       # words\n\n     qos1_per_s: 2\n    host: 10.0.0.1\n",
            {"bridge.rate.qos1_per_s": 2},
        ),
        ("bridge:\n  spool:\n  rate:\n    qos1_per_s: 2\ntls:\n", {"bridge.rate.qos1_per_s": 2}),
    ],
)
def test_sections_in_sections_are_plain(text: str, values: dict[str, object]) -> None:
    """A section two deep in block style, as a package would install it, starts without the YAML library."""
    found = plain_values(text)
    assert found is not None
    assert same(found, by_yaml(text))
    by_key = read_values([Document(name="f", text=text)], schema=WIDE, names_required=False)[0]
    assert {key: by_key[key] for key in values} == values


@pytest.mark.parametrize(
    "text",
    [
        "a:\n  b:\n    c:\n      d: 1\n",
        "a:\n  b: 1\n   c: 2\n",
        "a:\n    b: 1\n  c: 2\n",
        "a: 1\n  b: 2\n",
        "  a: 1\n",
        "a:\n  b: 1\n  b: 2\n",
        "a:\n- b\n",
        "a: []\n",
        "a: {b: 1}\n",
        "a: null\n",
    ],
)
def test_what_is_left_to_yaml(text: str) -> None:
    """Three deep, indented otherwise, lists, one line: nothing is guessed."""
    assert plain_values(text) is None


def test_only_the_yaml_modules_import_yaml() -> None:
    """At a module's head, where every start would pay for it."""
    package = ROOT / "daemon" / "iot_onboard"
    importing = set()
    for path in package.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import) and any(alias.name == "yaml" for alias in node.names):
                importing.add(path.stem)
    assert importing == {"yaml_nodes", "yaml_reader", "plan", "boot_file"}
