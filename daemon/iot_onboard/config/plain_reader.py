"""Read the plain form that most configurations have, without the YAML library. Pure.

Importing that library and parsing with it is a quarter of a start. Only what means the same to YAML, beyond doubt, is
taken here: sections up to two deep, numbers, true and false, quoted text and words, in ASCII. Whatever else stands in a
file, and every mistake, is left to `yaml_reader`; a test compares the two.
"""

from __future__ import annotations

import re

from ..fast_start.typing_names import Any

_PASSED_OVER = re.compile(r" *(#.*)?")
_ENTRY = re.compile(
    r"""(?P<indent>\ *)(?P<key>[a-z_][a-z0-9_]*):
    (\ +(?:"(?P<double>[^"\\]*)"|'(?P<single>[^']*)'|(?P<number>0|[1-9][0-9]{0,8})
        |(?P<word>[A-Za-z/][A-Za-z0-9/._-]*(?::[A-Za-z0-9/._-]+)*|[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+)))?
    \ *(?:\ \#.*)?""",
    re.VERBOSE,
)
_BOOLEANS = {"true": True, "false": False}
# Words that are more than text to YAML, or to another YAML than this one.
_SPECIAL = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}
# The file itself, a section, and a section in it.
_MAX_LEVELS = 3


def plain_values(text: str) -> dict[str, Any] | None:
    """Return what a document holds, each section as a mapping of its own, or `None` if it is not plain."""
    if not text.isascii() or not text.replace("\n", "").isprintable():
        return None
    values: dict[str, Any] = {}
    # The mappings that a line may belong to, each with its indentation.
    levels: list[tuple[int, dict[str, Any]]] = [(0, values)]
    # The mapping of a key without a value: deeper lines after it belong there.
    section: dict[str, Any] | None = None
    for line in text.split("\n"):
        if _PASSED_OVER.fullmatch(line):
            continue
        found = _ENTRY.fullmatch(line)
        if found is None:
            return None
        indent, key = len(found["indent"]), found["key"]
        if section is not None and indent > levels[-1][0]:
            levels.append((indent, section))
        while indent < levels[-1][0]:
            levels.pop()
        depth, mapping = levels[-1]
        if indent != depth or len(levels) > _MAX_LEVELS or key in mapping or key in _SPECIAL:
            return None
        section = {} if found[3] is None else None
        value = _value(found) if section is None else section
        if value is None:
            return None
        mapping[key] = value
    return values


def _value(found: re.Match[str]) -> Any:
    """Return the value of a line, or `None` if YAML may read it in another way."""
    if found["number"] is not None:
        return int(found["number"])
    if (word := found["word"]) is not None:
        return _BOOLEANS.get(word) if word.lower() in _SPECIAL else word
    return found["double"] if found["double"] is not None else found["single"]
