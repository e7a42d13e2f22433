"""MQTT 3.1.1 framing, and the two packets whose inside matters here. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .rules import Connect

CONNECT, PUBLISH, SUBSCRIBE, DISCONNECT = 1, 3, 8, 14


class Malformed(ValueError):
    """Say that bytes are not MQTT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Hold what a PUBLISH says."""

    topic: str
    qos: int
    retain: bool
    mid: int
    payload: bytes


def connack(code: int) -> bytes:
    """Build a CONNACK."""
    return bytes((0x20, 2, 0, code))


def puback(mid: int) -> bytes:
    """Build a PUBACK."""
    return bytes((0x40, 2)) + mid.to_bytes(2, "big")


def parse_connect(body: bytes) -> Connect:
    """Read a CONNECT body, or raise `Malformed`."""
    try:
        name, at = _string(body, 0)
        level, flags = body[at], body[at + 1]
        keepalive_s = int.from_bytes(body[at + 2 : at + 4], "big")
        at += 4
        if level == 5:
            return Connect(
                level=5, client_id="", username="", password="", keepalive_s=0, clean_session=True, will=False
            )
        client_id, at = _string(body, at)
        if flags & 0x04:
            _, at = _string(body, at)
            _, at = _string(body, at)
        username, at = _string(body, at) if flags & 0x80 else ("", at)
        password, at = _string(body, at) if flags & 0x40 else ("", at)
    except (IndexError, UnicodeDecodeError) as error:
        raise Malformed("not a CONNECT") from error
    if name != "MQTT":
        level = 0
    return Connect(
        level=level,
        client_id=client_id,
        username=username,
        password=password,
        keepalive_s=keepalive_s,
        clean_session=bool(flags & 0x02),
        will=bool(flags & 0x04),
    )


def parse_publish(head: int, body: bytes) -> Publish:
    """Read a PUBLISH, or raise `Malformed`."""
    qos = head >> 1 & 3
    try:
        topic, at = _string(body, 0)
    except (IndexError, UnicodeDecodeError) as error:
        raise Malformed("not a PUBLISH") from error
    mid = int.from_bytes(body[at : at + 2], "big") if qos else 0
    payload = body[at + 2 :] if qos else body[at:]
    return Publish(topic=topic, qos=qos, retain=bool(head & 1), mid=mid, payload=payload)


def subscribed_qos(body: bytes) -> int:
    """Return the highest QoS that a SUBSCRIBE asks for."""
    at, most = 2, 0
    while at < len(body):
        _, at = _string(body, at)
        most = max(most, body[at])
        at += 1
    return most


def _string(body: bytes, at: int) -> tuple[str, int]:
    if at + 2 > len(body):
        raise IndexError("short")
    end = at + 2 + int.from_bytes(body[at : at + 2], "big")
    if end > len(body):
        raise IndexError("short")
    return body[at + 2 : end].decode(), end
