"""Read the configuration: text to a frozen `Config`, or every problem at once, with file and line. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..fast_start.typing_names import Any
from .plain_reader import plain_values
from .problems import FILE, Problem
from .schema import RULES, SECTIONS, Config, Document, Missing
from .values import Bad

_WHERE = {
    "product_key": "the cloud console shows it on the product's page",
    "device_name": 'for example  device_name: "gw-{serial}"',
}


def parse(
    documents: Sequence[Document], earlier: Sequence[Problem] = (), *, names_required: bool = True
) -> tuple[Config | None, tuple[Problem, ...]]:
    """Read the documents, a later one winning key by key; return a `Config` only where there is no problem.

    `earlier` holds the problems of files that could not even be read. What a broken file may well set is not
    reported as missing. Where the names are not required, those that stand nowhere are empty: the gateway is not set
    up yet.
    """
    problems: list[Problem] = list(earlier)
    values: dict[str, Any] = {}
    for document in documents:
        values.update(values_of(document, problems))
    first = documents[0].name if documents else "config.yaml"
    wrong = {problem.key for problem in problems}
    for key, rule in RULES.items():
        required = rule.default is Missing.REQUIRED
        if required and names_required and key not in values and not wrong & {key, FILE}:
            problems.append(Problem(file=first, line=1, key=key, problem="is missing", hint=_WHERE[key]))
        values.setdefault(key, "" if required else rule.default)
    if problems:
        return None, tuple(problems)
    return Config(**{key.replace(".", "_"): value for key, value in values.items()}), ()


def values_of(document: Document, problems: list[Problem] | None = None) -> dict[str, Any]:
    """Return the keys that one document sets, as they are read; add what is wrong in it to `problems`, where wanted."""
    values = _read_plain(document)
    if values is None:
        # Imported here because it brings YAML: most gateways start without.
        from .yaml_reader import read_document

        values = read_document(document, [] if problems is None else problems)
    return values


def _read_plain(document: Document) -> dict[str, Any] | None:
    """Return the values of a document in the plain form that has no mistake, or `None`."""
    found = plain_values(document.text)
    if found is None:
        return None
    values: dict[str, Any] = {}
    for name, value in found.items():
        if name in document.ignored_keys:
            continue
        # A section holds names, and nothing else does: what is neither has no rule.
        inside = isinstance(value, dict) and name in SECTIONS
        values_by_key = {f"{name}.{key}": inner for key, inner in value.items()} if inside else {name: value}
        for key, setting in values_by_key.items():
            try:
                values[key] = RULES[key].read(setting)
            except (KeyError, Bad):
                return None
    return values
