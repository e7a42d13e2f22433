"""The journal's native protocol, read by the letter of its description."""

from __future__ import annotations


def fields_of(data: bytes) -> dict[str, str]:
    """Return the fields of an entry; fail where it is none."""
    found: dict[str, str] = {}
    while data:
        line, _, rest = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if equals:
            data = rest
        else:
            length = int.from_bytes(rest[:8], "little")
            value, end, data = rest[8 : 8 + length], rest[8 + length : 9 + length], rest[9 + length :]
            assert end == b"\n", data
            assert len(value) == length
        assert name.decode("ascii").replace("_", "").isalnum(), name
        found[name.decode()] = value.decode()
    return found
