"""Decide which files give a gateway its product identity. Pure.

`iot-onboard setup`, the package's questions and the boot file all use this. The identity goes into one fragment of the
configuration that belongs to iot-onboard; the operators' own files are read and never changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ..config.problems import ConfigError, Problem, Problems
from ..config.reader import parse, values_of
from ..config.schema import DEVICE_SECRET, FRAGMENTS, PRODUCT_SECRET, SCHEMA, Config, Document
from ..config.yaml_nodes import compose, plain
from ..core.secret import Secret
from ..fast_start.fast_dataclasses import dataclass

FRAGMENT = "50-identity.yaml"
HEADER = """\
# Written by iot-onboard: by setup, by the package's questions or by the boot file. Each of them changes it.
# Put your own configuration into another file in this directory; the later file name wins.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisioningRequest:
    """Hold the requested changes; all other values stay.

    `values` maps keys (`mqtt.port`) to YAML values, `None` for the default.
    """

    values: Mapping[str, Any]
    product_secret: Secret | None = None
    device_secret: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """Hold a file to write; if `mode` lets only owner and group read it, the group is the service's."""

    path: Path
    content: str | Secret
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Hold the files in the order of writing, the file that is no longer used, and the resulting configuration."""

    files: tuple[NewFile, ...]
    retired: Path | None
    config: Config
    warnings: tuple[str, ...]


def plan(
    documents: Sequence[Document], earlier: Sequence[Problem], config_path: Path, request: ProvisioningRequest
) -> Plan:
    """Return what to write, or raise `ConfigError` with every problem that the whole configuration would have.

    `documents` is the present configuration, and `earlier` the problems of its unreadable files.
    """
    directory = config_path.parent
    others = _other_files(documents, earlier, config_path)
    fragment = Document(name=others.name, text=render(_values(others.kept, request, directory)))
    config = others.parsed_with(fragment)
    # A proxy's password is a secret too: then only root and the service can read the file.
    proxy = values_of(fragment).get("proxy")
    is_private = proxy is not None and proxy.password is not None
    secrets = ((DEVICE_SECRET, request.device_secret), (PRODUCT_SECRET, request.product_secret))
    files = [
        NewFile(path=directory / name, content=secret, mode=0o600) for name, secret in secrets if secret is not None
    ]
    files.append(NewFile(path=Path(fragment.name), content=fragment.text, mode=0o640 if is_private else 0o644))
    retired = directory / DEVICE_SECRET if _registers(request) else None
    warnings = (*others.warnings, *_overridden(fragment, others.after), *_unused(config, request, directory))
    return Plan(files=tuple(files), retired=retired, config=config, warnings=warnings)


def present(documents: Sequence[Document], earlier: Sequence[Problem], config_path: Path) -> Config:
    """Return the present configuration, with empty names if there are none; raise `ConfigError`."""
    others = _other_files(documents, earlier, config_path)
    return others.parsed_with(Document(name=others.name, text=render(others.kept)), names_required=False)


def render(values: Mapping[str, Any]) -> str:
    """Return the fragment's text, in the order of the shipped configuration, in plain ASCII."""
    tree = SCHEMA.nested(values)
    body = yaml.safe_dump(tree, sort_keys=False, default_flow_style=False, width=1_000_000) if tree else ""
    return HEADER + body


def plain_config(root: yaml.MappingNode, ignored_keys: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return a mapping's keys and YAML values, with sections as dotted keys; raise `Bad`."""
    names = {str(key_node.value): value_node for key_node, value_node in root.value}
    return dict(SCHEMA.flat({name: plain(node) for name, node in names.items() if name not in ignored_keys}))


@dataclass(frozen=True, slots=True, kw_only=True)
class _OtherFiles:
    """Hold what the fragment of iot-onboard sets now, and the files before and after it."""

    name: str
    kept: Mapping[str, Any]
    warnings: tuple[str, ...]
    before: tuple[Document, ...]
    after: tuple[Document, ...]
    problems: tuple[Problem, ...]

    def parsed_with(self, fragment: Document, *, names_required: bool = True) -> Config:
        """Return the whole configuration with a new fragment, or raise `ConfigError`."""
        documents = [*self.before, fragment, *self.after]
        config, problems = parse(documents, self.problems, names_required=names_required)
        if config is None:
            raise ConfigError(problems)
        return config


def _other_files(documents: Sequence[Document], earlier: Sequence[Problem], config_path: Path) -> _OtherFiles:
    """Split the configuration; an invalid fragment of iot-onboard is replaced, because nobody else would fix it."""
    name = str(config_path.parent / FRAGMENTS / FRAGMENT)
    ours = next((document for document in documents if document.name == name), None)
    broken = [problem for problem in earlier if problem.file == name]
    if ours is not None:
        broken += parse([ours], names_required=False)[1]
    root = compose(ours, Problems()) if ours is not None and not broken else None
    first = [document for document in documents if document.name == str(config_path)]
    others = [document for document in documents if document.name not in {name, str(config_path)}]
    return _OtherFiles(
        name=name,
        kept=plain_config(root) if root is not None else {},
        warnings=tuple(f"{problem}; the file is replaced" for problem in broken),
        before=(*first, *(document for document in others if document.name < name)),
        after=tuple(document for document in others if document.name > name),
        problems=tuple(problem for problem in earlier if problem.file != name),
    )


def _values(kept: Mapping[str, Any], request: ProvisioningRequest, directory: Path) -> dict[str, Any]:
    values = {**kept, **request.values}
    usual = str(directory / DEVICE_SECRET)
    if request.device_secret is not None:
        values["device_secret_file"] = usual
    elif _registers(request) and values.get("device_secret_file") == usual:
        del values["device_secret_file"]
    return values


def _registers(request: ProvisioningRequest) -> bool:
    # A new product secret means that the gateway must register: an earlier device secret would be used instead.
    device_secret = request.device_secret is not None or request.values.get("device_secret_file") is not None
    return request.product_secret is not None and not device_secret


def _overridden(fragment: Document, after: Sequence[Document]) -> list[str]:
    ours = values_of(fragment)
    return [
        f"{document.name} is read later and sets {key} too: its value counts"
        for document in after
        for key, value in values_of(document).items()
        # Lists are joined: there is no later value of them.
        if key in ours and key not in SCHEMA.lists and value != ours[key]
    ]


def _unused(config: Config, request: ProvisioningRequest, directory: Path) -> list[str]:
    if request.product_secret is None:
        return []
    found: list[str] = []
    if config.product_secret_file not in {None, directory / PRODUCT_SECRET}:
        where = config.product_secret_file
        found.append(f"product_secret_file is set to {where}: the new product secret is not used")
    if config.device_secret_file is not None:
        found.append("device_secret_file is set: this gateway does not register, and needs no product secret")
    return found
