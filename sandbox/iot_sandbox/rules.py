"""The platform's decisions, by the vendor's documentation. Pure, and independent of the daemon's own code."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .devices import Device

METHODS = {"hmacmd5": "md5", "hmacsha1": "sha1", "hmacsha256": "sha256"}
_DEVICE_NAME = re.compile(r"[A-Za-z0-9\-_@.:]{4,32}", re.ASCII)
_FIELDS = {"productKey", "deviceName", "random", "sign", "signMethod"}
KEEPALIVE_S = range(30, 1201)
CONNECTS, CONNECT_WINDOW_S = 5, 60.0
MOST_PAYLOAD_BYTES = 262_144
UPLINK_PER_S = {0: 30, 1: 10}


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


def signature(method: str, key: str, parameters: Mapping[str, str]) -> str:
    """Return the hex HMAC over sorted names and values."""
    text = "".join(f"{name}{value}" for name, value in sorted(parameters.items()))
    return hmac.new(key.encode(), text.encode(), getattr(hashlib, METHODS[method])).hexdigest()


def registration_code(form: Mapping[str, str], product: tuple[str, bool] | None, device: Device | None) -> int:
    """Return the code that the platform answers: 200, or why not."""
    if set(form) != _FIELDS or not all(form.values()) or not _DEVICE_NAME.fullmatch(form["deviceName"]):
        return 460
    method = form["signMethod"].lower()
    if method not in METHODS:
        return 6292
    if product is None:
        return 6250
    product_secret, dynamic_registration = product
    signed = {name: value for name, value in form.items() if name not in {"sign", "signMethod"}}
    if not hmac.compare_digest(signature(method, product_secret, signed), form["sign"].lower()):
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
    expected = signature(method, device.device_secret, signed)
    return 0 if hmac.compare_digest(expected.encode(), connect.password.lower().encode()) else 4


def within_budget(stamps: list[float], now_s: float) -> bool:
    """Say whether another CONNECT is within 5 in 60 s; `stamps` are the earlier ones."""
    return sum(now_s - at < CONNECT_WINDOW_S for at in stamps) < CONNECTS
