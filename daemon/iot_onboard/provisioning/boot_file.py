"""Read the boot file: iot-onboard.yaml on the boot partition. Pure.

It is a configuration like any other, and may also hold the secrets themselves: a laptop shows only this partition of an
SD card, and a secret needs some way to the gateway. People use any editor, so all line ends, a byte order mark and
UTF-16 are accepted.
"""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import yaml

from ..config.problems import MORE, ConfigError, Problem, Problems, file_problem
from ..config.reader import parse
from ..config.schema import Document
from ..config.values import Bad, secret
from ..config.yaml_nodes import compose, is_null
from ..core.secret import Secret
from .plan import ProvisioningRequest, plain_config

NAME = "iot-onboard.yaml"
NOTE = "iot-onboard-taken.txt"
ERRORS = "iot-onboard-error.txt"
MAX_BYTES = 65_536
# The first bytes of an imported file that is being overwritten. Shorter than any file with a secret.
TAKEN = b"#taken in\n"
# Written in one step: after a power cut a sector is old or new, never a mixture.
SECTOR_BYTES = 512

_SECRETS = {"product_secret": "product_secret_file", "device_secret": "device_secret_file"}
_TEXT_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "timestamp", "null")}


def read(path: Path, data: bytes) -> ProvisioningRequest:
    """Read the file's bytes, or raise `ConfigError` with every problem, each with its line and none with a secret."""
    name = str(path)
    try:
        text = data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError((file_problem(name, "is not UTF-8 text", line=line, hint="save it as UTF-8"),)) from None
    document = Document(name=name, text=text, ignored_keys=frozenset(_SECRETS))
    problems = list(parse([document], names_required=False)[1])
    root = compose(document, Problems())
    secrets = _secrets(name, root, problems) if root is not None else {}
    if not problems and (root is None or not root.value):
        problems.append(file_problem(name, "holds no keys", hint="like  product_key: a1b2c3d4e5f"))
    if problems or root is None:
        raise ConfigError(tuple(sorted(problems, key=lambda problem: (problem.key == MORE, problem.line))))
    return ProvisioningRequest(values=plain_config(root, document.ignored_keys), **secrets)


def wiped(size: int) -> bytes:
    """Return the bytes that overwrite an imported file of this size."""
    return (TAKEN + b"\n" * size)[:size]


def note() -> str:
    """Return the text of the note that replaces an imported file."""
    return _for_any_editor(
        f"iot-onboard has imported {NAME} from this partition, and removed it. The secret from it is now stored where "
        "only the gateway's system can read it.",
        "To change something, put a new file with that name here and restart the gateway.",
        "Flash memory may keep old data for some time: do not give this card away as if it had never held the secret.",
    )


def error_note(problems: list[str]) -> str:
    """Return the text of the note beside a file that was not imported."""
    return _for_any_editor(
        f"iot-onboard has NOT imported {NAME}. The problems, with file and line:",
        "",
        *problems,
        "",
        "Correct them and restart the gateway.",
    )


def _for_any_editor(*lines: str) -> str:
    return "".join(line + "\r\n" for line in lines)


def _secrets(name: str, root: yaml.MappingNode, problems: list[Problem]) -> dict[str, Secret]:
    found: dict[str, Secret] = {}
    keys = {str(key_node.value) for key_node, _ in root.value}
    for key_node, value_node in root.value:
        key = str(key_node.value)
        if key not in _SECRETS:
            continue
        try:
            if _SECRETS[key] in keys:
                raise Bad(f"is set together with {_SECRETS[key]}", "remove one")
            found[key] = secret(_written(value_node))
        except Bad as bad:
            problems.append(
                Problem(file=name, line=key_node.start_mark.line + 1, key=key, problem=str(bad), hint=bad.hint)
            )
    return found


def _written(node: Any) -> str:
    """Return a scalar as it is written: YAML reads a secret of digits as a number."""
    if not isinstance(node, yaml.ScalarNode) or node.tag not in _TEXT_TAGS:
        raise Bad("must be text", "put it in quotes")
    return "" if is_null(node) else str(node.value).strip()
