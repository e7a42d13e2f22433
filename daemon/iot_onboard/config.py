"""Read the configuration: YAML to a frozen `Config`, or every problem at once, with file and line. Pure."""

from __future__ import annotations

import difflib
import enum
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from . import config_values as read
from .aliyun.signing import SignMethod
from .config_values import Bad
from .proxy import ProxyAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Hold one file of configuration."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Say what is wrong, where, and what helps."""

    file: str
    line: int
    key: str
    problem: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.problem}" + (f" ({self.hint})" if self.hint else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Hold the whole configuration; each key's meaning stands in the shipped config.yaml."""

    product_key: str
    device_name: str
    product_secret_file: Path | None
    device_secret_file: Path | None
    region: str
    instance_id: str | None
    sign_method: SignMethod
    registration_url: str | None
    registration_timeout_s: float
    mqtt_host: str | None
    mqtt_port: int
    mqtt_keepalive_s: int
    mqtt_clean_session: bool
    tls_ca_file: Path | None
    proxy: ProxyAddress | None
    state_dir: Path
    runtime_dir: Path
    log_level: str


class Missing(enum.Enum):
    """Mark a key that has no default."""

    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Rule:
    """Say how a key's value is read, and what stands where it is not set."""

    read: Callable[[Any], Any]
    default: Any


RULES: dict[str, Rule] = {
    "product_key": Rule(read.product_key, Missing.REQUIRED),
    "device_name": Rule(read.device_name, Missing.REQUIRED),
    "product_secret_file": Rule(read.path, None),
    "device_secret_file": Rule(read.path, None),
    "region": Rule(read.matching(r"[a-z0-9]+(-[a-z0-9]+)*", "a region like cn-shanghai"), "cn-shanghai"),
    "instance_id": Rule(read.matching(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", "an instance id like iot-060a0abc"), None),
    "sign_method": Rule(read.sign_method, SignMethod.HMACSHA256),
    "registration.url": Rule(read.https, None),
    "registration.timeout_s": Rule(read.between(1, 120, whole=False), 15),
    "mqtt.host": Rule(read.matching(read.HOST, "a host name"), None),
    "mqtt.port": Rule(read.between(1, 65535), 8883),
    "mqtt.keepalive_s": Rule(read.between(30, 1200), 300),
    "mqtt.clean_session": Rule(read.boolean, False),
    "tls.ca_file": Rule(read.path, None),
    "proxy": Rule(read.proxy, None),
    "state_dir": Rule(read.path, Path("/var/lib/iot-onboard")),
    "runtime_dir": Rule(read.path, Path("/run/iot-onboard")),
    "log_level": Rule(read.one_of("debug", "info", "warning", "error"), "info"),
}
_SECTIONS = {key.split(".")[0] for key in RULES if "." in key}
_SECRET_KEYS = {"productsecret", "devicesecret", "secret", "password"}
_WHERE = {
    "product_key": "the cloud console shows it on the product's page",
    "device_name": 'for example  device_name: "gw-{serial}"',
}
_FILE = "(file)"


def file_problem(name: str, problem: str, *, line: int = 1, hint: str = "") -> Problem:
    """Say what is wrong with a file as a whole: its keys are not known then."""
    return Problem(file=name, line=line, key=_FILE, problem=problem, hint=hint)


def parse(documents: Sequence[Document], earlier: Sequence[Problem] = ()) -> tuple[Config | None, tuple[Problem, ...]]:
    """Read the documents, a later one winning key by key; return a `Config` only where there is no problem.

    `earlier` holds the problems of files that could not even be read. What a broken file may well set is not
    reported as missing.
    """
    problems: list[Problem] = list(earlier)
    values: dict[str, Any] = {}
    for document in documents:
        root = _compose(document, problems)
        if root is not None:
            _read_mapping(document.name, "", root, values, problems)
    first = documents[0].name if documents else "config.yaml"
    wrong = {problem.key for problem in problems}
    for key, rule in RULES.items():
        if rule.default is Missing.REQUIRED and key not in values and not wrong & {key, _FILE}:
            problems.append(Problem(file=first, line=1, key=key, problem="is missing", hint=_WHERE[key]))
        values.setdefault(key, rule.default)
    if problems:
        return None, tuple(problems)
    return Config(**{key.replace(".", "_"): value for key, value in values.items()}), ()


def _compose(document: Document, problems: list[Problem]) -> yaml.MappingNode | None:
    def bad(line: int, text: str, hint: str = "") -> None:
        problems.append(file_problem(document.name, text, line=line, hint=hint))

    try:
        # Aliases are refused before anything is built: a few lines of them can stand for gigabytes.
        for token in yaml.scan(document.text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
                bad(token.start_mark.line + 1, "anchors and aliases are not taken", "write the value out")
                return None
        root = yaml.compose(document.text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        hint = "indent with blanks, not tabs" if "\\t" in (error.problem or "") else ""
        bad(mark.line + 1 if mark else 1, f"is not YAML: {error.problem}", hint)
        return None
    except (yaml.YAMLError, RecursionError, ValueError):
        bad(1, "is not YAML: it holds characters or a depth that YAML does not take")
        return None
    if root is None or _is_null(root):
        return None
    if not isinstance(root, yaml.MappingNode):
        bad(root.start_mark.line + 1, "must be a mapping of keys to values", "like  product_key: a1b2c3d4e5f")
        return None
    return root


def _read_mapping(
    file: str, prefix: str, node: yaml.MappingNode, values: dict[str, Any], problems: list[Problem]
) -> None:
    seen: set[str] = set()
    for key_node, value_node in node.value:
        name = _key_name(key_node)
        key = prefix + name
        line = key_node.start_mark.line + 1
        if key in seen:
            problems.append(Problem(file=file, line=line, key=key, problem="stands here twice", hint="remove one"))
            continue
        seen.add(key)
        try:
            if not prefix and name in _SECTIONS:
                _read_section(file, key, value_node, values, problems)
                continue
            if key not in RULES or (not prefix and "." in name):
                raise _unknown(key, prefix)
            if _is_null(value_node):
                _take_null(key, values)
            else:
                values[key] = RULES[key].read(_plain(value_node))
        except Bad as bad:
            problems.append(Problem(file=file, line=line, key=key, problem=str(bad), hint=bad.hint))


def _read_section(file: str, key: str, node: Any, values: dict[str, Any], problems: list[Problem]) -> None:
    if _is_null(node):
        return
    if not isinstance(node, yaml.MappingNode):
        keys = ", ".join(rule.split(".")[1] for rule in RULES if rule.startswith(key + "."))
        raise Bad("must be a mapping", f"its keys are {keys}")
    _read_mapping(file, key + ".", node, values, problems)


def _key_name(node: Any) -> str:
    if not isinstance(node, yaml.ScalarNode):
        return "(key)"
    # A problem is one line on a terminal, whatever stands in the file.
    name = node.value if node.value.isprintable() else repr(node.value)
    return name if len(name) <= 64 else name[:61] + "..."


def _take_null(key: str, values: dict[str, Any]) -> None:
    if RULES[key].default is Missing.REQUIRED:
        raise Bad("is empty")
    values[key] = RULES[key].default


def _is_null(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _plain(node: Any) -> Any:
    try:
        return yaml.SafeLoader("").construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        raise Bad("has a value that makes no sense") from None


def _unknown(key: str, prefix: str) -> Bad:
    if re.sub(r"[^a-z]", "", key.rpartition(".")[2].lower()) in _SECRET_KEYS:
        return Bad("a secret is never a value here", "put it into a file: product_secret_file, device_secret_file")
    if not prefix and key in RULES:
        section, _, name = key.partition(".")
        return Bad("is not a key we know", f"write it as  {section}: {{{name}: ...}}")
    known = [rule for rule in RULES if rule.startswith(prefix)] + ([] if prefix else sorted(_SECTIONS))
    close = difflib.get_close_matches(key, known, 1)
    return Bad("is not a key we know", f"did you mean {close[0]}?" if close else "")
