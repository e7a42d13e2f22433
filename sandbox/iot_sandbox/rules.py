"""The platform's decisions, by the vendor's documentation. Pure, and independent of the daemon's own code."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import unquote, unquote_plus

from .devices import Device

METHODS = {"hmacmd5": "md5", "hmacsha1": "sha1", "hmacsha256": "sha256"}
_DEVICE_NAME = re.compile(r"[A-Za-z0-9\-_@.:]{4,32}", re.ASCII)
_FIELDS = {"productKey", "deviceName", "random", "sign", "signMethod"}
_MOST_PRODUCT_KEY = 20
KEEPALIVE_S = range(30, 1201)
CONNECTS, CONNECT_WINDOW_S = 5, 60.0
MOST_PAYLOAD_BYTES = 262_144
MOST_TOPIC_BYTES, MOST_TOPIC_SLASHES = 128, 7
MOST_FILTERS = 8
MOST_SUBSCRIPTIONS = 100
MOST_UNACKED = 100
# Whose topics carry product key and device name further on: /ota/device/inform/<pk>/<dn>, /ext/ntp/<pk>/<dn>/request.
_FAMILIES = {"sys", "ota", "ext", "shadow"}
UPLINK_PER_S = {0: 30, 1: 10}
ANSWERS = (
    "normal", "not-json", "not-object", "no-data", "other-device", "code-string", "huge", "cut-off", "reset", "slow",
    "http-500", "redirect", "captive-portal",
)  # fmt: skip
_ANSWER_CODE = re.compile(r"code:[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Hold what a CONNECT packet says."""

    level: int
    client_id: str
    username: str
    password: str
    keepalive_s: int
    clean_session: bool
    will: bool


def is_answer(kind: str) -> bool:
    """Say whether this is an answer that can be ordered: one of `ANSWERS`, or `code:N`."""
    return kind in ANSWERS or bool(_ANSWER_CODE.fullmatch(kind))


def is_device_name(name: str) -> bool:
    """Say whether the platform takes this as a device name."""
    return bool(_DEVICE_NAME.fullmatch(name))


def signature(method: str, key: str, parameters: Mapping[str, str]) -> str:
    """Return the hex HMAC over sorted names and values."""
    text = "".join(f"{name}{value}" for name, value in sorted(parameters.items()))
    return hmac.new(key.encode(), text.encode(), getattr(hashlib, METHODS[method])).hexdigest()


def readings(body: str) -> list[dict[str, str]]:
    """Return what a form body may mean: url-decoded, decoded with "+" left alone, or taken as it stands.

    Clients that do not escape are correct too; the signature tells which reading was meant. A field that stands there
    twice makes the form empty, hence refused.
    """
    pairs = [pair.partition("=")[::2] for pair in body.split("&") if pair]
    found: list[dict[str, str]] = []
    for decode in (unquote_plus, unquote, str):
        form = {decode(name): decode(value) for name, value in pairs}
        form = form if len(form) == len(pairs) else {}
        if form not in found:
            found.append(form)
    return found


def judge(
    body: str,
    product: Callable[[str], tuple[str, bool] | None],
    device: Callable[[str, str], Device | None],
) -> tuple[int, str, str]:
    """Return the code for a form body, with product key and device name of the reading that was meant."""
    verdicts = []
    for form in readings(body):
        product_key, device_name = form.get("productKey", ""), form.get("deviceName", "")
        code = registration_code(form, product(product_key), device(product_key, device_name))
        verdicts.append((code, product_key, device_name))
    return next((verdict for verdict in verdicts if verdict[0] not in {460, 6600}), verdicts[0])


def registration_code(form: Mapping[str, str], product: tuple[str, bool] | None, device: Device | None) -> int:
    """Return the code that the platform answers: 200, or why not."""
    if set(form) != _FIELDS or not all(form.values()) or not is_device_name(form["deviceName"]):
        return 460
    if len(form["productKey"]) > _MOST_PRODUCT_KEY:
        return 460
    method = form["signMethod"].lower()
    if method not in METHODS:
        return 6292
    if product is None:
        return 6250
    product_secret, dynamic_registration = product
    signed = {name: value for name, value in form.items() if name not in {"sign", "signMethod"}}
    if not _same(signature(method, product_secret, signed), form["sign"]):
        return 6600
    if not dynamic_registration:
        return 6288
    if device is None:
        return 6100
    if not device.enabled:
        return 6204
    return 6289 if device.activated else 200


def identity_of(username: str) -> tuple[str, str] | None:
    """Return (product key, device name) of an MQTT user name."""
    device_name, separator, product_key = username.rpartition("&")
    return (product_key, device_name) if separator and device_name and product_key else None


def connack_code(connect: Connect, device: Device | None) -> int:
    """Return the CONNACK number: 0, or why not. A device that is unknown or disabled gets 5 [the docs are silent]."""
    if connect.level != 4:
        return 1
    client, separator, extension = connect.client_id.partition("|")
    options = dict(pair.partition("=")[::2] for pair in extension.rstrip("|").split(",") if "=" in pair)
    method = options.get("signmethod", "").lower()
    well_formed = separator and extension.endswith("|") and 0 < len(client) <= 64
    if not well_formed or method not in METHODS or options.get("securemode") != "2":
        return 2
    if connect.will or connect.keepalive_s not in KEEPALIVE_S:
        return 2
    identity = identity_of(connect.username)
    if identity is None:
        return 4
    if device is None or not device.enabled:
        return 5
    if device.device_secret is None:
        return 4
    signed = {"clientId": client, "deviceName": identity[1], "productKey": identity[0]}
    if "timestamp" in options:
        signed["timestamp"] = options["timestamp"]
    return 0 if _same(signature(method, device.device_secret, signed), connect.password) else 4


def within_budget(stamps: list[float], now_s: float) -> bool:
    """Say whether another CONNECT is within 5 in 60 s; `stamps` are the earlier ones, refused ones too."""
    return sum(now_s - at < CONNECT_WINDOW_S for at in stamps) < CONNECTS


def within_pace(stamps: list[float], qos: int, now_s: float) -> bool:
    """Say whether another message is within the uplink pace; `stamps` are the earlier ones that were let through."""
    return sum(now_s - at < 1.0 for at in stamps) < UPLINK_PER_S[qos]


def is_own_topic(topic: str, product_key: str, device_name: str) -> bool:
    """Say whether a topic or a filter is the device's: under its own names, where the documentation has them.

    What it reaches over without naming itself, such as `#`, is not.
    """
    if not topic.startswith("/"):
        return False
    levels = topic.split("/")[1:]
    if levels[:3] == [product_key, device_name, "user"]:
        return len(levels) > 3
    return levels[0] in _FAMILIES and (product_key, device_name) in pairwise(levels[1:])


def filter_fault(topic: str, product_key: str, device_name: str) -> str | None:
    """Return why a filter is not granted, or `None`."""
    if _is_too_long(topic):
        return "a topic too long"
    return None if is_own_topic(topic, product_key, device_name) else "a topic that is not the device's"


def publish_fault(*, topic: str, qos: int, retain: bool, size_bytes: int) -> str | None:
    """Return why a PUBLISH ends the session, or `None`."""
    if qos > 1:
        return "QoS 2"
    if retain:
        return "a retained message"
    if size_bytes > MOST_PAYLOAD_BYTES:
        return "a payload over 256 KB"
    if not topic or set(topic) & set("+#\0"):
        return "a topic that cannot be published to"
    return "a topic too long" if _is_too_long(topic) else None


def subscribe_fault(filters: list[tuple[str, int]]) -> str | None:
    """Return why a SUBSCRIBE ends the session, or `None`."""
    if len(filters) > MOST_FILTERS:
        return "more than 8 filters in one SUBSCRIBE"
    return "QoS 2" if any(qos > 1 for _, qos in filters) else None


def _is_too_long(topic: str) -> bool:
    return len(topic.encode()) > MOST_TOPIC_BYTES or topic.count("/") > MOST_TOPIC_SLASHES


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.lower().encode())
