"""A grammar of what a server may say in MQTT: valid, nearly valid, invalid, glued, and cut anywhere."""

from __future__ import annotations

import random

CONNACK = b"\x20\x02\x00\x00"
_TOPICS = [b"t", b"/sys/pk/gw/thing/service/property/set", "/\u6e29\u5ea6".encode(), b"a" * 128, b" ", b"\x7f"]
_BAD_TOPICS = [b"", b"a/+", b"#", b"a\0b", b"\xff\xfe", b"\xed\xa0\x80", b"\xc3"]
_NO_MQTT = [
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"220 mail ESMTP\r\n",
    b"\x15\x03\x03\x00\x02\x02\x28", b"\0\0\x12\x04\0\0\0\0\0", b"AMQP\0\0\x09\x01", b"* OK IMAP4\r\n", b"\0" * 64,
]  # fmt: skip


def length(size: int, padding: int = 0) -> bytes:
    """Encode a remaining length, with bytes that add nothing."""
    encoded = bytearray()
    while True:
        size, digit = divmod(size, 128)
        encoded.append(digit | (0x80 if size or padding else 0))
        if not size:
            break
    for left in range(padding, 0, -1):
        encoded.append(0x80 if left > 1 else 0)
    return bytes(encoded)


def packet(first: int, body: bytes, padding: int = 0) -> bytes:
    return bytes((first,)) + length(len(body), padding) + body


def _mid(chance: random.Random) -> bytes:
    return chance.choice([1, 2, 3, 3, 65535, 0, chance.randrange(65536)]).to_bytes(2, "big")


def _publish(chance: random.Random) -> bytes:
    qos = chance.choice([0, 0, 0, 1, 1, 1, 2, 3])
    topic = chance.choice(_TOPICS if chance.random() < 0.9 else _BAD_TOPICS)
    size = chance.choice([0, 1, 20, 300, 5000]) if chance.random() < 0.998 else chance.choice([299_000, 300_100])
    claimed = len(topic) if chance.random() < 0.97 else chance.randrange(65536)
    body = claimed.to_bytes(2, "big") + topic + (_mid(chance) if qos else b"") + bytes(size)
    flags = qos << 1 | (chance.random() < 0.2) | (chance.random() < 0.2) << 3
    return packet(0x30 | flags, body, chance.choice([0, 0, 0, 0, 1]))


def _good(chance: random.Random) -> bytes:
    """A message as the platform sends it."""
    topic, qos = chance.choice(_TOPICS), chance.choice([0, 1])
    mid = chance.randrange(1, 65536).to_bytes(2, "big") if qos else b""
    return packet(0x30 | qos << 1, len(topic).to_bytes(2, "big") + topic + mid + bytes(chance.choice([0, 9, 3000])))


def _answer(chance: random.Random) -> bytes:
    first = chance.choice([0x40, 0x40, 0x90, 0xB0, 0x50, 0x62, 0x70])
    codes = bytes(chance.randrange(256) for _ in range(chance.choice([0, 1, 1, 8, 9]))) if first == 0x90 else b""
    return packet(first, _mid(chance) + codes)


def _connack(chance: random.Random) -> bytes:
    return packet(0x20, bytes((chance.choice([0, 0, 0, 1, 2, 255]), chance.choice([0, 0, 1, 2, 3, 4, 5, 6, 128]))))


def _announced(chance: random.Random) -> bytes:
    return bytes((chance.randrange(256),)) + length(chance.choice([0, 2, 299_999, 300_001, 268_435_455]))


def _any(chance: random.Random) -> bytes:
    return packet(chance.randrange(256), bytes(chance.randrange(256) for _ in range(chance.randrange(12))))


def _rubbish(chance: random.Random) -> bytes:
    return chance.choice([chance.choice(_NO_MQTT), bytes(chance.randrange(256) for _ in range(chance.randrange(40)))])


_KINDS = [
    (_publish, 40), (_answer, 20), (lambda _: b"\xd0\x00", 15), (_connack, 5), (_any, 10), (_announced, 4),
    (_rubbish, 6),
]  # fmt: skip


def stream(chance: random.Random) -> bytes:
    """Return what a server says from the login on, half of the time as it should, and else bent in some places."""
    if chance.random() < 0.5:
        # What answers something: the client publishes and subscribes now and then, from the number 1 on.
        answers = [b"\x40\x02\x00\x01", b"\x90\x03\x00\x01\x01", b"\x90\x04\x00\x01\x80\x00", b"\xb0\x02\x00\x01"]
        last = [chance.choice(answers)] if chance.random() < 0.4 else []
        return b"".join([CONNACK, *(_good(chance) for _ in range(chance.randrange(12))), *last])
    makers = chance.choices([maker for maker, _ in _KINDS], [weight for _, weight in _KINDS], k=chance.randrange(1, 12))
    said = bytearray(CONNACK if chance.random() < 0.85 else chance.choice([_connack, _rubbish, _any])(chance))
    for maker in makers:
        said += maker(chance)
    for _ in range(chance.choice([0, 0, 0, 1, 2, 4])):
        at = chance.randrange(len(said) + 1)
        match chance.randrange(3):
            case 0:
                del said[at : at + chance.randrange(1, 4)]
            case 1:
                said[at:at] = bytes((chance.randrange(256),))
            case _ if at < len(said):
                said[at] ^= 1 << chance.randrange(8)
            case _:
                pass
    return bytes(said)


def cut(chance: random.Random, data: bytes) -> list[bytes]:
    """Cut it anywhere."""
    if len(data) < 60 and chance.random() < 0.1:
        return [data[at : at + 1] for at in range(len(data))]
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice([0, 0, 1, 2, 5])))
    return [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
