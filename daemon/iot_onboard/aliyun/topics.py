"""What a device reports about itself after the login: topics and payloads."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..core.identity import Identity
from ..fast_start.fast_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Hold one message to publish."""

    topic: str
    payload: bytes


def version_report(identity: Identity, version: str) -> Message:
    """Return the message that reports the firmware version (vendor documentation: OTA inform)."""
    topic = f"/ota/device/inform/{identity.product_key}/{identity.device_name}"
    return Message(topic=topic, payload=_json({"id": "1", "params": {"version": version}}))


def tags_report(identity: Identity, tags: Mapping[str, str]) -> Message:
    """Return the message that reports the device's tags (vendor documentation: thing.deviceinfo.update)."""
    topic = f"/sys/{identity.product_key}/{identity.device_name}/thing/deviceinfo/update"
    params = [{"attrKey": key, "attrValue": value} for key, value in tags.items() if value]
    body = {"id": "2", "version": "1.0", "params": params, "method": "thing.deviceinfo.update"}
    return Message(topic=topic, payload=_json(body))


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
