"""Read the configuration: YAML to a frozen `Config`, or every problem at once, with file and line. Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from pathlib import Path

from . import config_values as read
from .aliyun.signing import SignMethod
from .config_plain import plain_values
from .config_values import Bad
from .problems import FILE, Problem
from .proxy import ProxyAddress
from .records import dataclass
from .typed import Any

# Where the packaged service is configured.
CONFIG_DIR = Path("/etc/iot-onboard")
# What stands beside the configuration file: more of its kind, and the secrets.
FRAGMENTS = "conf.d"
PRODUCT_SECRET = "product-secret"  # noqa: S105 - a file's name
DEVICE_SECRET = "device-secret"  # noqa: S105 - another one's
# What writes them.
SETUP = "sudo iot-onboard setup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Hold one file of configuration; `apart` names top-level keys of it that somebody else reads."""

    name: str
    text: str
    apart: frozenset[str] = frozenset()


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
SECTIONS = {key.split(".")[0] for key in RULES if "." in key}
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
        values.update(_read_document(document, problems))
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


def settings_of(document: Document) -> dict[str, Any]:
    """Return the keys that one document sets, as they are read; what is wrong in it is passed over."""
    return _read_document(document, [])


def _read_document(document: Document, problems: list[Problem]) -> dict[str, Any]:
    values = _read_plain(document)
    if values is None:
        # Imported here because it brings YAML: most gateways start without.
        from .config_yaml import read_document

        values = read_document(document, problems)
    return values


def _read_plain(document: Document) -> dict[str, Any] | None:
    """Return the values of a document in the plain form that has no mistake, or `None`."""
    found = plain_values(document.text)
    if found is None:
        return None
    values: dict[str, Any] = {}
    for name, value in found.items():
        if name in document.apart:
            continue
        # A section holds names, and nothing else does: what is neither has no rule.
        inside = isinstance(value, dict) and name in SECTIONS
        settings = {f"{name}.{key}": inner for key, inner in value.items()} if inside else {name: value}
        for key, setting in settings.items():
            try:
                values[key] = RULES[key].read(setting)
            except (KeyError, Bad):
                return None
    return values
