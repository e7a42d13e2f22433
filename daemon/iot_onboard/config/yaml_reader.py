"""Read a configuration as YAML, with file and line for every problem. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import yaml

from .lists import Entry
from .problems import Problem, Problems
from .schema import SCHEMA, Document, EntryRules, Missing, Rule, Schema
from .values import Bad
from .yaml_nodes import compose, is_null, line_of, scalar

_SECRET_KEYS = {"productsecret", "devicesecret", "secret", "password"}
_GLUED_SECRET = re.compile(r"[ ]*((?:(?:product|device)[ _-]?)?(?:secret|password))\W", re.IGNORECASE)
# A line that lost its key, or a secret in the wrong place, looks like a key: a typing mistake is shown, but not what
# may be a secret.
_SHORT = 6
_WORDS = re.compile(r"[A-Z]?[a-z]{1,20}(?:[ _.-]?[A-Z]?[a-z]{1,20}){0,4}", re.ASCII)
_HIDDEN = "(key)"
_MAX_SHOWN = 64


def read_document(document: Document, problems: Problems, schema: Schema = SCHEMA) -> dict[str, Any]:
    """Return the keys that a document sets, each as its rule reads it; add what is wrong to `problems`.

    A list comes as a list of `Entry`; an entry that is wrong is left out.
    """
    root = compose(document, problems)
    return _Reader(document, problems, schema).section(root, "") if root is not None else {}


class _UnknownKey(Exception):
    """Say that a name is no key at its place."""


class _Reader:
    """Go through the nodes of one document."""

    def __init__(self, document: Document, problems: Problems, schema: Schema) -> None:
        self._document = document
        self._problems = problems
        self._schema = schema

    def section(self, node: yaml.MappingNode, prefix: str) -> dict[str, Any]:
        """Return what a mapping sets, by whole keys: the document itself or, with its prefix, a section."""
        values: dict[str, Any] = {}
        for name, line, value_node in self._keys_of(node, prefix):
            if not prefix and name in self._document.ignored_keys:
                continue
            try:
                self._take(values, prefix, name, value_node)
            except Bad as bad:
                self._refuse(line, prefix, name, bad)
            except _UnknownKey:
                self._refuse_unknown(line, prefix, name, self._schema.names_below(prefix))
        return values

    def _take(self, values: dict[str, Any], prefix: str, name: str, node: Any) -> None:
        key, schema = prefix + name, self._schema
        if "." in name:
            raise _UnknownKey
        if key in schema.sections:
            if isinstance(node, yaml.MappingNode):
                values.update(self.section(node, key + "."))
            elif not is_null(node):
                raise _no_mapping(name for name in schema.names_below(key + ".") if "." not in name)
        elif key in schema.lists:
            values[key] = list(self._entries(key, node))
        elif key in schema.rules:
            values[key] = _value(schema.rules[key], node)
        else:
            raise _UnknownKey

    def _entries(self, key: str, node: Any) -> Iterator[Entry]:
        """Read the entries of a list: an empty one, and one left empty, add nothing to those of other files."""
        if is_null(node):
            return
        if not isinstance(node, yaml.SequenceNode):
            raise Bad("must be a list", "each entry on a line of its own, after a dash")
        for number, item in enumerate(node.value):
            path = f"{key}[{number}]"
            try:
                entry = self._entry(path, item, self._schema.lists[key].entry)
            except Bad as bad:
                self._refuse(line_of(item), path, "", bad)
            else:
                if entry is not None:
                    yield entry

    def _entry(self, path: str, node: Any, rule: Callable[[Any], Any] | EntryRules) -> Entry | None:
        """Return an entry, or `None` if keys of it are wrong; raise `Bad` for what is wrong as a whole."""
        keys: dict[str, Any] = {}
        lines: dict[str, int] = {}
        if is_null(node):
            raise Bad("is empty", "remove the dash, or write an entry after it")
        if not isinstance(rule, EntryRules):
            value = rule(scalar(node))
        elif not isinstance(node, yaml.MappingNode):
            raise _no_mapping(rule.rules)
        else:
            before = len(self._problems)
            self._read_keys(path, node, rule.rules, keys, lines)
            if len(self._problems) > before:
                return None
            value = rule.record(**keys)
        return Entry(file=self._document.name, line=line_of(node), path=path, value=value, keys=keys, lines=lines)

    def _read_keys(
        self, path: str, node: yaml.MappingNode, rules: Mapping[str, Rule], keys: dict[str, Any], lines: dict[str, int]
    ) -> None:
        prefix = path + "."
        for name, line, value_node in self._keys_of(node, prefix):
            if name not in rules:
                self._refuse_unknown(line, prefix, name, rules)
                continue
            lines[name] = line
            try:
                keys[name] = _value(rules[name], value_node)
            except Bad as bad:
                self._refuse(line, prefix, name, bad)
        for name, rule in rules.items():
            if rule.default is not Missing.REQUIRED:
                keys.setdefault(name, rule.default)
            elif name not in lines:
                self._refuse(line_of(node), prefix, name, Bad("is missing"))

    def _keys_of(self, node: yaml.MappingNode, prefix: str) -> Iterator[tuple[str, int, Any]]:
        """Go through the names that a mapping sets, each once, with line and value."""
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = line_of(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(line, prefix, _HIDDEN, Bad("is not a known key"))
                continue
            name = key_node.value
            if name in lines:
                self._refuse(line, prefix, name, Bad(f"is set twice, first on line {lines[name]}", "remove one"))
                continue
            lines[name] = line
            yield name, line, value_node

    def _refuse_unknown(self, line: int, prefix: str, name: str, known: Collection[str]) -> None:
        self._refuse(line, prefix, name, lambda: _unknown(name, known))

    def _refuse(self, line: int, prefix: str, name: str, bad: Bad | Callable[[], Bad]) -> None:
        file = self._document.name

        def describe() -> Problem:
            found = bad if isinstance(bad, Bad) else bad()
            key = prefix + _shown(name, self._schema)
            return Problem(file=file, line=line, key=key, problem=str(found), hint=found.hint)

        self._problems.add_described(file, line, prefix + name, describe)


def _value(rule: Rule, node: Any) -> Any:
    if not is_null(node):
        return rule.read(scalar(node))
    if rule.default is Missing.REQUIRED:
        raise Bad("is empty")
    return rule.default


def _no_mapping(names: Iterable[str]) -> Bad:
    return Bad("must be a mapping", f"its keys are {', '.join(names)}")


def _shown(name: str, schema: Schema) -> str:
    """Return a name as it may be shown: on one line, and without what may be a secret."""
    # Without a blank after the colon a secret is part of the key.
    if glued := _GLUED_SECRET.match(name):
        return f"{glued[1]}..."
    if _may_be_secret(name, schema):
        return _HIDDEN
    # A problem is always one line on a terminal, for any content of the file.
    name = name if name.isprintable() else repr(name)
    return name if len(name) <= _MAX_SHOWN else name[: _MAX_SHOWN - 3] + "..."


def _may_be_secret(name: str, schema: Schema) -> bool:
    """Say whether a name is neither short, nor made of words, nor close to one that we know."""
    if name == _HIDDEN or (sum(map(str.isalnum, name)) < _SHORT and len(name) <= 2 * _SHORT):
        return False
    return not _WORDS.fullmatch(name) and not _close(name.lower(), schema.all_names(), 0.75)


def _unknown(name: str, known: Collection[str]) -> Bad:
    """Say what is wrong with a name that is no key here; `known` are those that are, inside sections with dots."""
    if _GLUED_SECRET.match(name):
        return Bad("is not a known key", "a blank is missing after the colon")
    if re.sub(r"[^a-z]", "", name.rpartition(".")[2].lower()) in _SECRET_KEYS:
        return Bad("a secret is never a value here", "put it into a file: product_secret_file, device_secret_file")
    if name in known:
        section, *names = name.split(".")
        nested = "..."
        for part in reversed(names):
            nested = f"{{{part}: {nested}}}"
        return Bad("is not a known key", f"write it as  {section}: {nested}")
    # In the wrong section most often.
    close = [key for key in known if key.endswith("." + name)] or _close(name, known, 0.6)
    return Bad("is not a known key", f"did you mean {close[0]}?" if close else "")


def _close(name: str, known: Iterable[str], cutoff: float) -> list[str]:
    return difflib.get_close_matches(name[:_MAX_SHOWN], list(known), 1, cutoff)
