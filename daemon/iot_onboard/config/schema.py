"""Read the configuration: YAML to a frozen `Config`, or every problem at once, with file and line. Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable
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
SECTIONS = {key.split(".")[0] for key in RULES if "." in key}
