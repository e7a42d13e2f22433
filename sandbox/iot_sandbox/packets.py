"""MQTT 3.1.1 framing, and the packets whose inside matters here. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .rules import Connect

CONNECT, CONNACK, PUBLISH, SUBSCRIBE, SUBACK, UNSUBSCRIBE, DISCONNECT = 1, 2, 3, 8, 9, 10, 14
_LENGTH_DIGITS = 4


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


def suback(mid: bytes, codes: list[int]) -> bytes:
    """Build a SUBACK."""
    return b"\x90" + remaining_length(2 + len(codes)) + mid + bytes(codes)


def build_subscribe(mid: bytes, filters: list[tuple[str, int]]) -> bytes:
    """Build a SUBSCRIBE."""
    body = mid + b"".join(_text(topic) + bytes((qos,)) for topic, qos in filters)
    return b"\x82" + remaining_length(len(body)) + body


def build_connect(client_id: str, *, keepalive_s: int, clean_session: bool) -> bytes:
    """Build a CONNECT without user name and password."""
    flags = 0x02 if clean_session else 0
    body = b"\0\4MQTT\4" + bytes((flags,)) + keepalive_s.to_bytes(2, "big") + _text(client_id)
    return b"\x10" + remaining_length(len(body)) + body


def remaining_length(length: int) -> bytes:
    """Encode a packet's length, seven bits a byte."""
    digits = bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(digits)


def read_length(digits: bytes) -> int | None:
    """Decode a packet's length; `None` while digits are missing, `Malformed` for a fifth."""
    if digits and not digits[-1] & 0x80:
        return sum((digit & 0x7F) << (7 * place) for place, digit in enumerate(digits))
    if len(digits) >= _LENGTH_DIGITS:
        raise Malformed("length of more than four bytes")
    return None


def parse_connect(body: bytes) -> Connect:
    """Read a CONNECT body, or raise `Malformed`; of another protocol version only the level is read."""
    try:
        name, at = _string(body, 0)
        level, flags = body[at], body[at + 1]
        if name != "MQTT" or level != 4:
            return _other_version(level if name == "MQTT" else 0)
        if flags & 0x01:
            raise Malformed("the reserved flag of CONNECT is set")
        keepalive_s = int.from_bytes(body[at + 2 : at + 4], "big")
        client_id, at = _string(body, at + 4)
        if flags & 0x04:
            _, at = _field(body, at)
            _, at = _field(body, at)
        username, at = _string(body, at) if flags & 0x80 else ("", at)
        password, at = _string(body, at) if flags & 0x40 else ("", at)
    except (IndexError, UnicodeDecodeError) as error:
        raise Malformed("not a CONNECT") from error
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
        if qos:
            mid, at = int.from_bytes((body[at], body[at + 1]), "big"), at + 2
        else:
            mid = 0
    except (IndexError, UnicodeDecodeError) as error:
        raise Malformed("not a PUBLISH") from error
    return Publish(topic=topic, qos=qos, retain=bool(head & 1), mid=mid, payload=body[at:])


def subscriptions(body: bytes) -> list[tuple[str, int]]:
    """Return the filters of a SUBSCRIBE, each with its QoS, or raise `Malformed`."""
    found, at = [], 2
    try:
        while at < len(body):
            topic, at = _string(body, at)
            found.append((topic, body[at]))
            at += 1
    except (IndexError, UnicodeDecodeError) as error:
        raise Malformed("not a SUBSCRIBE") from error
    if not found:
        raise Malformed("a SUBSCRIBE to nothing")
    return found


def unsubscriptions(body: bytes) -> list[str]:
    """Return the filters of an UNSUBSCRIBE, or raise `Malformed`."""
    found, at = [], 2
    try:
        while at < len(body):
            topic, at = _string(body, at)
            found.append(topic)
    except (IndexError, UnicodeDecodeError) as error:
        raise Malformed("not an UNSUBSCRIBE") from error
    return found


def _other_version(level: int) -> Connect:
    return Connect(level=level, client_id="", username="", password="", keepalive_s=0, clean_session=True, will=False)


def _text(value: str) -> bytes:
    raw = value.encode()
    return len(raw).to_bytes(2, "big") + raw


def _string(body: bytes, at: int) -> tuple[str, int]:
    raw, at = _field(body, at)
    return raw.decode(), at


def _field(body: bytes, at: int) -> tuple[bytes, int]:
    if at + 2 > len(body):
        raise IndexError("short")
    end = at + 2 + int.from_bytes(body[at : at + 2], "big")
    if end > len(body):
        raise IndexError("short")
    return body[at + 2 : end], end
