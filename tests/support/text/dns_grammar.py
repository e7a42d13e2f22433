"""A grammar of DNS answers (RFC 1035, 4), and of what lies beside it: false counts, loops, thousands of addresses."""

from __future__ import annotations

import random
import struct

_A, _CNAME, _AAAA, _DNAME = 1, 5, 28, 39
_KINDS = [_A] * 6 + [_AAAA] * 4 + [_CNAME] * 2 + [_DNAME, 2, 6, 12, 16, 33, 41, 46, 64, 65, 255, 0, 65535]
_NAMES = [
    b"\xc0\x0c", b"\xc0\x0c", b"\xc0\x0c", b"\xc0\xff", b"\xff\xff", b"\xc0", b"\0", b"\1a\0", b"\4ab.c\3x\0y\0",
    b"\x3f" + b"a" * 63 + b"\0", b"\x40" + b"a" * 64 + b"\0",
    (b"\x3f" + b"a" * 63) * 5 + b"\0", b"\7\x1b[2J\xff\xfe\0\0",
    b"\xc0\x00", b"",
]  # fmt: skip
_ADDRESSES = [
    bytes((127, 0, 0, 1)), bytes((127, 0, 0, 9)), bytes(4), b"\xff" * 4, bytes((10, 9, 9, 9)), bytes((169, 254, 1, 1)),
    bytes((224, 0, 0, 1)), bytes(15) + b"\1", bytes(16),
    b"\xfe\x80" + bytes(13) + b"\1", b"\xff\x02" + bytes(13) + b"\1",
    bytes(10) + b"\xff\xff\x7f\0\0\1", b"\x20\x01\x0d\xb8" + bytes(12),
]  # fmt: skip
# A record that is malformed may cost the resolver's whole time limit: more often right than wrong.
_TRUNCATED = 0x0200


def datagrams(chance: random.Random, query: bytes) -> list[bytes]:
    """Return what a name server says over UDP: mostly one answer, which may call for TCP."""
    if chance.random() < 0.01:
        return []
    truncated = _TRUNCATED if chance.random() < 0.3 else 0
    return [_message(chance, query, truncated, most=40) for _ in range(chance.choice((1, 1, 1, 1, 1, 2)))]


def stream(chance: random.Random, query: bytes) -> bytes:
    """Return what it says over TCP: an answer behind its length, which may be thousands of records or cut off."""
    data = _message(chance, query, 0, most=4000)
    length = len(data) if chance.random() < 0.95 else chance.choice((0, 1, 11, 12, len(data) * 2, 65535))
    return struct.pack("!H", min(length, 65535)) + data[:65535]


def _message(chance: random.Random, query: bytes, flags: int, most: int) -> bytes:
    asked = int.from_bytes(query[question_end(query) - 4 : question_end(query) - 2])
    count = chance.choice((0, 1, 1, 1, 2, 3, 9, 9, 20, most))
    records = b"".join(_record(chance, asked) for _ in range(count))
    code = chance.choice((0,) * 60 + (1, 2, 3, 4, 5, 15))
    number = query[:2] if chance.random() < 0.99 else bytes((chance.randrange(256), chance.randrange(256)))
    says = count if chance.random() < 0.95 else chance.choice((0, 1, count + 1, 65535))
    head = number + struct.pack("!HHHHH", 0x8180 | flags | code, 1, says, 0, 0)
    data = head + query[12 : question_end(query)] + records
    if chance.random() < 0.03:
        at = chance.randrange(12, len(data))
        data = data[:at] + bytes((chance.randrange(256),)) + data[at + 1 :]
    return data[: chance.randrange(len(data))] if chance.random() < 0.01 else data


def _record(chance: random.Random, asked: int) -> bytes:
    kind = asked if chance.random() < 0.8 else chance.choice(_KINDS)
    name = b"\xc0\x0c" if chance.random() < 0.9 else chance.choice(_NAMES)
    if kind in {_A, _AAAA} and chance.random() < 0.95:
        size = 4 if kind == _A else 16
        data = chance.choice([address for address in _ADDRESSES if len(address) == size])
    else:
        data = chance.choice((*_NAMES, *_ADDRESSES, b"x" * 300))
    length = len(data) if chance.random() < 0.99 else chance.choice((0, 3, 5, 15, 17, 65535))
    return name + struct.pack("!HHIH", kind, 1, chance.choice((0, 60, 0xFFFFFFFF)), length) + data


def question_end(query: bytes) -> int:
    """Return where the question of a query ends."""
    return query.index(b"\0", 12) + 5


def asked_name(query: bytes) -> bytes:
    """Return the name that a query asks for, with dots."""
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]])
        at += 1 + query[at]
    return b".".join(labels)
