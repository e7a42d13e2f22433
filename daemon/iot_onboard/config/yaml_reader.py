"""Read a configuration as YAML, with file and line for every problem. Pure."""

from __future__ import annotations

import difflib
import re
from typing import Any

import yaml

from .problems import Problem, file_problem
from .schema import RULES, SECTIONS, Document, Missing
from .values import Bad

_SECRET_KEYS = {"productsecret", "devicesecret", "secret", "password"}
_GLUED_SECRET = re.compile(r"[ ]*((?:(?:product|device)[ _-]?)?(?:secret|password))\W", re.IGNORECASE)
# A line that lost its key, or a secret in the wrong place, looks like a key: a typing mistake is shown, but not what
# may be a secret.
_SHORT = 6
_WORDS = re.compile(r"[A-Z]?[a-z]{1,20}(?:[ _.-]?[A-Z]?[a-z]{1,20}){0,4}", re.ASCII)
# What the YAML library quotes of a file.
_QUOTED = re.compile(r"'[^']{4,}'")
_KNOWN = sorted({*RULES, *SECTIONS, *(key.rpartition(".")[2] for key in RULES)})
_DEEPEST = 20


def read_document(document: Document, problems: list[Problem]) -> dict[str, Any]:
    """Return the keys that a document sets, each as its rule reads it; add what is wrong to `problems`."""
    values: dict[str, Any] = {}
    root = compose(document, problems)
    if root is not None:
        _read_mapping(document, "", root, values, problems)
    return values


def compose(document: Document, problems: list[Problem]) -> yaml.MappingNode | None:
    """Return the mapping that a document is, or `None` where it holds nothing or is not one."""

    def bad(line: int, text: str, hint: str = "") -> None:
        problems.append(file_problem(document.name, text, line=line, hint=hint))

    try:
        # Refused before anything is built: a few lines of aliases can stand for gigabytes, and time grows with the
        # square of the depth.
        depth = 0
        for event in yaml.parse(document.text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            line = event.start_mark.line + 1 if event.start_mark else 1
            if depth > _DEEPEST:
                bad(line, f"nests more than {_DEEPEST} deep")
                return None
            if getattr(event, "anchor", None) is not None:
                bad(line, "anchors and aliases are not taken", "write the value out")
                return None
        root = yaml.compose(document.text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        hint = "indent with blanks, not tabs" if "\\t" in (error.problem or "") else ""
        bad(mark.line + 1 if mark else 1, f"is not YAML: {_QUOTED.sub('...', error.problem or '')}", hint)
        return None
    except (yaml.YAMLError, RecursionError, ValueError):
        bad(1, "is not YAML: it holds characters or a depth that YAML does not take")
        return None
    if root is None or is_null(root):
        return None
    if not isinstance(root, yaml.MappingNode):
        bad(root.start_mark.line + 1, "must be a mapping of keys to values", "like  product_key: a1b2c3d4e5f")
        return None
    return root


def _read_mapping(
    document: Document, prefix: str, node: yaml.MappingNode, values: dict[str, Any], problems: list[Problem]
) -> None:
    file = document.name
    seen: set[str] = set()
    for key_node, value_node in node.value:
        name = _key_name(key_node)
        key = prefix + name
        line = key_node.start_mark.line + 1
        if key in seen:
            problems.append(Problem(file=file, line=line, key=key, problem="stands here twice", hint="remove one"))
            continue
        seen.add(key)
        if key in document.ignored_keys:
            continue
        try:
            if not prefix and name in SECTIONS:
                _read_section(document, key, value_node, values, problems)
                continue
            if key not in RULES or (not prefix and "." in name):
                raise _unknown(key, prefix)
            if is_null(value_node):
                _take_null(key, values)
            else:
                values[key] = RULES[key].read(plain(value_node))
        except Bad as bad:
            problems.append(Problem(file=file, line=line, key=key, problem=str(bad), hint=bad.hint))


def _read_section(document: Document, key: str, node: Any, values: dict[str, Any], problems: list[Problem]) -> None:
    if is_null(node):
        return
    if not isinstance(node, yaml.MappingNode):
        keys = ", ".join(rule.split(".")[1] for rule in RULES if rule.startswith(key + "."))
        raise Bad("must be a mapping", f"its keys are {keys}")
    _read_mapping(document, key + ".", node, values, problems)


def _key_name(node: Any) -> str:
    if not isinstance(node, yaml.ScalarNode):
        return "(key)"
    # Without a space after the colon a secret becomes a part of the key, and keys are shown.
    if glued := _GLUED_SECRET.match(node.value):
        return f"{glued[1]}..."
    if _may_be_secret(node.value):
        return "(key)"
    # A problem is always one line on a terminal, for any content of the file.
    name = node.value if node.value.isprintable() else repr(node.value)
    return name if len(name) <= 64 else name[:61] + "..."


def _may_be_secret(key: str) -> bool:
    """Say whether a key is neither short, nor made of words, nor close to one that we know."""
    if sum(character.isalnum() for character in key) < _SHORT and len(key) <= 2 * _SHORT:
        return False
    return not _WORDS.fullmatch(key) and not difflib.get_close_matches(key[:64].lower(), _KNOWN, 1, 0.75)


def _take_null(key: str, values: dict[str, Any]) -> None:
    if RULES[key].default is Missing.REQUIRED:
        raise Bad("is empty")
    values[key] = RULES[key].default


def is_null(node: Any) -> bool:
    """Say whether a value is left empty."""
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def plain(node: Any) -> Any:
    """Return a value as YAML has it, or raise `Bad`."""
    try:
        return yaml.SafeLoader("").construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        raise Bad("has a value that makes no sense") from None


def _unknown(key: str, prefix: str) -> Bad:
    if _GLUED_SECRET.match(key.removeprefix(prefix)):
        return Bad("is not a key we know", "a blank is missing after the colon")
    if re.sub(r"[^a-z]", "", key.rpartition(".")[2].lower()) in _SECRET_KEYS:
        return Bad("a secret is never a value here", "put it into a file: product_secret_file, device_secret_file")
    if not prefix and key in RULES:
        section, _, name = key.partition(".")
        return Bad("is not a key we know", f"write it as  {section}: {{{name}: ...}}")
    known = [rule for rule in RULES if rule.startswith(prefix)] + ([] if prefix else sorted(SECTIONS))
    close = difflib.get_close_matches(key, known, 1)
    return Bad("is not a key we know", f"did you mean {close[0]}?" if close else "")
