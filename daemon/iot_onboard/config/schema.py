"""Say which keys a configuration has, how each is read, and what it comes to. Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ..aliyun.names import product_key_problem
from ..aliyun.signing import SignMethod
from ..fast_start.fast_dataclasses import dataclass
from ..fast_start.typing_names import TYPE_CHECKING, Any
from . import values as read
from .device_name import template_problem

if TYPE_CHECKING:
    from ..core.proxy import ProxyAddress

# The configuration directory of the packaged service.
CONFIG_DIR = Path("/etc/iot-onboard")
# Beside the configuration file: further configuration files, and the secrets.
FRAGMENTS = "conf.d"
PRODUCT_SECRET = "product-secret"  # noqa: S105 - a file's name
DEVICE_SECRET = "device-secret"  # noqa: S105 - another one's
# The command that writes them.
SETUP = "sudo iot-onboard setup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Hold one file of configuration; `ignored_keys` names top-level keys of it that somebody else reads."""

    name: str
    text: str
    ignored_keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Hold the whole configuration; the shipped config.yaml explains each key."""

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
    allow_volatile: bool
    fleet_size: int | None
    state_dir: Path
    runtime_dir: Path
    log_level: str


class Missing(enum.Enum):
    """Mark a key that has no default."""

    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Rule:
    """Hold how a key's value is read, and its default."""

    read: Callable[[Any], Any]
    default: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRules:
    """Say how an entry that is a mapping is read: `record` makes one value of its keys, or raises `Bad`.

    `unique` holds groups of keys: no two entries may have the same values of a group.
    """

    rules: Mapping[str, Rule]
    record: Callable[..., Any]
    unique: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class ListRule:
    """Say how a list is read: an entry by its reader or, if it is a mapping, by the rules of its keys.

    The lists of all files are joined. Where the entries are no mappings, one that repeats another changes nothing.
    """

    entry: Callable[[Any], Any] | EntryRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """Hold every key of a configuration, inside sections with dots: `mqtt.port`. Sections may stand in sections."""

    rules: Mapping[str, Rule]
    lists: Mapping[str, ListRule]
    sections: frozenset[str]

    def flat(self, values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
        """Go through what a file holds by whole keys, its sections taken apart; one left empty sets nothing."""
        for name, value in values.items():
            key = prefix + name
            if key in self.sections and (value is None or isinstance(value, dict)):
                yield from self.flat(value or {}, key + ".")
            else:
                yield key, value

    def nested(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values by whole keys as they stand in a file, in our order of keys: what `flat` took apart."""
        tree: dict[str, Any] = {}
        for key in sorted(values, key=[*self.rules, *self.lists].index):
            *sections, name = key.split(".")
            place = tree
            for section in sections:
                place = place.setdefault(section, {})
            place[name] = values[key]
        return tree

    def names_below(self, prefix: str) -> list[str]:
        """Return what may stand below a section, or in a file: keys and sections, from there on."""
        every = (*self.rules, *self.lists, *sorted(self.sections))
        return [key.removeprefix(prefix) for key in every if key.startswith(prefix)]

    def all_names(self) -> list[str]:
        """Return every key and section, also by its last name alone, and the keys of entries."""
        entries = [rule.entry.rules for rule in self.lists.values() if isinstance(rule.entry, EntryRules)]
        keys = self.names_below("")
        return sorted(
            {*keys, *(key.rpartition(".")[2] for key in keys), *(name for rules in entries for name in rules)}
        )


def schema_of(rules: Mapping[str, Rule], lists: Mapping[str, ListRule] | None = None) -> Schema:
    """Return a schema; each dotted key makes its sections."""
    lists = lists or {}
    sections = {key[:place] for key in (*rules, *lists) for place, character in enumerate(key) if character == "."}
    return Schema(rules=rules, lists=lists, sections=frozenset(sections))


RULES: dict[str, Rule] = {
    "product_key": Rule(read.unless(product_key_problem), Missing.REQUIRED),
    "device_name": Rule(read.unless(template_problem), Missing.REQUIRED),
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
    "allow_volatile": Rule(read.boolean, False),
    "fleet_size": Rule(read.between(1, 10_000_000), None),
    "state_dir": Rule(read.path, Path("/var/lib/iot-onboard")),
    "runtime_dir": Rule(read.path, Path("/run/iot-onboard")),
    "log_level": Rule(read.one_of("debug", "info", "warning", "error"), "info"),
}
SCHEMA = schema_of(RULES)
