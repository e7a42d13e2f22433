"""Turn the text of a configuration file into YAML's nodes, within bounds. Pure.

A node knows its line, a plain Python value does not. Depth and number of values of a file are bounded, and aliases are
refused. The parser in C (libyaml; Debian's python3-yaml always brings it) takes about a second for 1 MB. The one in
Python, used if libyaml is missing, takes ten. They differ in rare cases, so a text that the one in C refuses (`{a:}`)
is given to the other: files that were valid with it stay valid.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from .problems import Problems, file_problem
from .schema import Document
from .values import Bad, bounded

# What YAML does not take as a character of a file: https://yaml.org/spec/1.1/#c-printable.
_REFUSED = re.compile("[^\x09\x0a\x0d\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Where YAML ends a line.
_LINE_ENDS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
# What the YAML library quotes of a file.
_QUOTED = re.compile(r"'[^']{4,}'")
_MAX_DEPTH = 20
# A node takes some 300 bytes of memory, and a file of 2,000 sub-devices has 20,000 of them.
_MAX_NODES = 100_000
# So much, the parser in Python reads within two seconds.
_MAX_READ_AGAIN = 262_144
PARSERS: tuple[Any, ...] = (*([yaml.CSafeLoader] if yaml.__with_libyaml__ else []), yaml.SafeLoader)


class _NotTaken(Exception):
    """Say what of a file is not taken."""

    def __init__(self, line: int, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.line = line
        self.hint = hint


def compose(document: Document, problems: Problems, parsers: tuple[Any, ...] = PARSERS) -> yaml.MappingNode | None:
    """Return the mapping that a document is, or `None` if it is empty or is not one."""
    try:
        root = _composed(document.text, parsers)
    except _NotTaken as error:
        problems.add(file_problem(document.name, str(error), line=error.line, hint=error.hint))
        return None
    if root is None or is_null(root):
        return None
    if not isinstance(root, yaml.MappingNode):
        hint = "like  product_key: a1b2c3d4e5f"
        problems.add(file_problem(document.name, "must be a mapping of keys to values", line=line_of(root), hint=hint))
        return None
    return root


def _composed(text: str, parsers: tuple[Any, ...]) -> Any:
    if bad := _REFUSED.search(text):
        line = len(_LINE_ENDS.findall(text, 0, bad.start())) + 1
        raise _NotTaken(line, f"is not YAML: it holds the character U+{ord(bad[0]):04X}", "remove it")
    parser, *others = parsers
    try:
        # Before anything is built: a few lines of aliases can stand for gigabytes.
        _check_bounds(text, parser)
        return yaml.compose(text, Loader=parser)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if others and len(text) <= _MAX_READ_AGAIN:
            return _composed(text, tuple(others))
        raise _reason(text, error) from None


def _reason(text: str, error: Exception) -> _NotTaken:
    if not isinstance(error, yaml.MarkedYAMLError):
        return _NotTaken(1, "is not YAML: it holds what YAML does not take")
    mark, problem = error.problem_mark or error.context_mark, error.problem or ""
    line = mark.line + 1 if mark else 1
    # The parser in C has a bound of its own, and looks ahead.
    if "nesting depth" in problem:
        return _too_deep(line)
    if _is_tab_indented(text, line):
        return _NotTaken(line, "is not YAML: it is indented with a tab", "indent with blanks")
    return _NotTaken(line, f"is not YAML: {_QUOTED.sub('...', problem)}")


def _check_bounds(text: str, loader: Any) -> None:
    depth = nodes = 0
    for event in yaml.parse(text, Loader=loader):
        nodes += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 1
        if depth > _MAX_DEPTH:
            raise _too_deep(line)
        if nodes > _MAX_NODES:
            raise _NotTaken(line, f"holds more than {_MAX_NODES} values", "spread them over several files in conf.d")
        if getattr(event, "anchor", None) is not None:
            raise _NotTaken(line, "anchors and aliases are not allowed", "write the value out")


def _too_deep(line: int) -> _NotTaken:
    return _NotTaken(line, f"nests more than {_MAX_DEPTH} deep")


def _is_tab_indented(text: str, line: int) -> bool:
    rest = "".join(_LINE_ENDS.split(text, line)[line - 1 : line])
    return "\t" in rest[: len(rest) - len(rest.lstrip(" \t"))]


def line_of(node: yaml.Node) -> int:
    """Return the line where a node begins, from 1."""
    line: int = node.start_mark.line
    return line + 1


def is_null(node: Any) -> bool:
    """Say whether a value is left empty."""
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def plain(node: Any) -> Any:
    """Return a value as YAML has it, or raise `Bad`."""
    if isinstance(node, yaml.ScalarNode):
        # Before it is built: YAML has numbers to the base of 60, and a long one takes hours.
        bounded(node.value)
    try:
        return yaml.SafeLoader("").construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        raise Bad("has an invalid value") from None


def scalar(node: Any) -> Any:
    """Return the value of a scalar; of a list or a mapping its kind alone, as an empty one."""
    if isinstance(node, yaml.ScalarNode):
        return plain(node)
    return [] if isinstance(node, yaml.SequenceNode) else {}
