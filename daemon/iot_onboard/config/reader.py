"""Read the configuration: text to a frozen `Config`, or every problem at once, with file and line. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..fast_start.typing_names import TYPE_CHECKING, Any
from .plain_reader import plain_values
from .problems import FILE, Problem, Problems
from .schema import SCHEMA, Config, Document, Missing, Schema
from .values import Bad

if TYPE_CHECKING:
    from .lists import Entry

_WHERE = {
    "product_key": "the cloud console shows it on the product's page",
    "device_name": 'for example  device_name: "gw-{serial}"',
}


def parse(
    documents: Sequence[Document], earlier: Sequence[Problem] = (), *, names_required: bool = True
) -> tuple[Config | None, tuple[Problem, ...]]:
    """Read the documents, a later one winning key by key; return a `Config` only if there is no problem.

    `earlier` holds the problems of files that could not even be read. What a broken file may well set is not
    reported as missing. Where the names are not required, those that stand nowhere are empty: the gateway is not set
    up yet.
    """
    values, problems = read_values(documents, earlier, names_required=names_required)
    if problems:
        return None, problems
    return Config(**{key.replace(".", "_"): value for key, value in values.items()}), ()


def read_values(
    documents: Sequence[Document],
    earlier: Sequence[Problem] = (),
    *,
    schema: Schema = SCHEMA,
    names_required: bool = True,
) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return the value of every key, a list as a tuple that joins those of all files, and every problem."""
    problems = Problems(earlier)
    values, entries = _read_all(documents, problems, schema)
    first = documents[0].name if documents else "config.yaml"
    for key, rule in schema.rules.items():
        required = rule.default is Missing.REQUIRED
        if required and names_required and key not in values and not problems.keys & {key, FILE}:
            problems.add(Problem(file=first, line=1, key=key, problem="is missing", hint=_WHERE.get(key, "")))
        values.setdefault(key, "" if required else rule.default)
    for key in schema.lists:
        values[key] = tuple(entry.value for entry in entries.get(key, ()))
    return values, problems.listed()


def list_entries(documents: Sequence[Document], schema: Schema = SCHEMA) -> dict[str, list[Entry]]:
    """Return the entries of every list that has one, joined over all files, each with its place."""
    return _read_all(documents, Problems(), schema)[1] if schema.lists else {}


def values_of(document: Document, problems: Problems | None = None, schema: Schema = SCHEMA) -> dict[str, Any]:
    """Return the keys that one document sets, as they are read; add what is wrong in it to `problems`, if given.

    A list is a list of `Entry`.
    """
    values = _read_plain(document, schema)
    if values is None:
        # Imported here because it brings YAML: most gateways start without.
        from .yaml_reader import read_document

        values = read_document(document, Problems() if problems is None else problems, schema)
    return values


def _read_all(
    documents: Sequence[Document], problems: Problems, schema: Schema
) -> tuple[dict[str, Any], dict[str, list[Entry]]]:
    values: dict[str, Any] = {}
    entries: dict[str, list[Entry]] = {}
    for document in documents:
        for key, value in values_of(document, problems, schema).items():
            if key in schema.lists:
                entries.setdefault(key, []).extend(value)
            else:
                values[key] = value
    if entries:
        # Imported here: most gateways have no list.
        from .lists import joined

        entries = {key: joined(found, schema.lists[key], problems) for key, found in entries.items()}
    return values, entries


def _read_plain(document: Document, schema: Schema) -> dict[str, Any] | None:
    """Return the values of a document in the plain form that has no mistake, or `None`."""
    found = plain_values(document.text)
    if found is None:
        return None
    for name in document.ignored_keys:
        found.pop(name, None)
    try:
        # A section holds names, and nothing else does: what is neither has no rule.
        return {key: schema.rules[key].read(value) for key, value in schema.flat(found)}
    except (KeyError, Bad):
        return None
