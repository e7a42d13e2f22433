"""Read the plain form that most configurations have, without the YAML library. Pure.

Importing that library and parsing with it is a quarter of a start. Only what means the same to YAML, beyond doubt, is
taken here: sections one deep, numbers, true and false, quoted text and words, in ASCII. Whatever else stands in a file,
and every mistake, is left to `yaml_reader`; a test compares the two.
"""

from __future__ import annotations

import re

from ..fast_start.typing_names import Any

_PASSED_OVER = re.compile(r" *(#.*)?")
_ENTRY = re.compile(
    r"""(?P<indent>\ *)(?P<key>[a-z_]+):
    (\ +(?:"(?P<double>[^"\\]*)"|'(?P<single>[^']*)'|(?P<number>0|[1-9][0-9]{0,8})
        |(?P<word>[A-Za-z/][A-Za-z0-9/._-]*(?::[A-Za-z0-9/._-]+)*|[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+)))?
    \ *(?:\ \#.*)?""",
    re.VERBOSE,
)
_BOOLEANS = {"true": True, "false": False}
# Words that are more than text to YAML, or to another YAML than this one.
_SPECIAL = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}


def plain_values(text: str) -> dict[str, Any] | None:
    """Return what a document holds, a section as a mapping of its own, or `None` where it is not plain."""
    values: dict[str, Any] = {}
    section: dict[str, Any] | None = None
    depth = 0
    if not text.isascii() or not text.replace("\n", "").isprintable():
        return None
    for line in text.split("\n"):
        if _PASSED_OVER.fullmatch(line):
            continue
        found = _ENTRY.fullmatch(line)
        if found is None:
            return None
        indent, key, empty = len(found["indent"]), found["key"], found[3] is None
        if indent and (section is None or empty or (section and indent != depth)):
            return None
        into = section if indent and section is not None else values
        if key in into or key in _SPECIAL:
            return None
        if empty:
            into[key] = section = {}
            continue
        value = _value(found)
        if value is None:
            return None
        into[key] = value
        depth, section = indent, into if indent else None
    return values


def _value(found: re.Match[str]) -> Any:
    """Return the value of a line, or `None` where YAML may see more in it."""
    if found["number"] is not None:
        return int(found["number"])
    if (word := found["word"]) is not None:
        return _BOOLEANS.get(word) if word.lower() in _SPECIAL else word
    return found["double"] if found["double"] is not None else found["single"]
