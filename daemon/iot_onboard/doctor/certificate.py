"""Read of a certificate what a person wants to know (RFC 5280), also where it was not accepted. Pure.

The daemon's handshake verifies or fails, and Python shows no certificate of a handshake that failed. So the doctor
listens to that handshake's messages and reads the certificate for itself: it is shown, and never believed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime

from ..fast_start.fast_dataclasses import dataclass

_SEQUENCE, _OID, _UTC_TIME = 0x30, 0x06, 0x17
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_COMMON_NAME, _ORGANISATION, _ALT_NAME = bytes((0x55, 4, 3)), bytes((0x55, 4, 10)), bytes((0x55, 29, 17))
_CERTIFICATE = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Hold whom it names, who vouches for it, and when it is valid (UTC)."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime


def first_of(message: bytes, *, tls13: bool) -> bytes | None:
    """Return the server's own certificate out of a Certificate message (RFC 5246, 7.4.2; RFC 8446, 4.4.2)."""
    if len(message) < 4 or message[0] != _CERTIFICATE:
        return None
    start = 4
    if tls13:
        start += 1 + message[start] if len(message) > start else 1
    # The length of the list, then the length of its first entry: three bytes each.
    length = int.from_bytes(message[start + 3 : start + 6])
    entry = message[start + 6 : start + 6 + length]
    return entry if length and len(entry) == length else None


def decode(der: bytes) -> Certificate | None:
    """Read a certificate, or return `None` where it is not one."""
    try:
        ((_, whole),) = _elements(der)
        _, signed = next(_elements(whole))
        fields = [field for field in _elements(signed) if field[0] != _VERSION]
        (_, _), (_, _), (_, issuer), (_, validity), (_, subject), *others = fields
        not_before, not_after = (_time(*field) for field in _elements(validity))
        extensions = next((content for tag, content in others if tag == _EXTENSIONS), b"")
        return Certificate(
            subject=_name(subject),
            issuer=_name(issuer),
            names=tuple(_alternative_names(extensions)),
            not_before=not_before,
            not_after=not_after,
        )
    except (ValueError, StopIteration, IndexError, OverflowError):
        return None


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Take DER apart: tag and content of each element (X.690, 8.1)."""
    offset = 0
    while offset < len(data):
        tag, length = data[offset], data[offset + 1]
        offset += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(data[offset : offset + count])
            offset += count
        if offset + length > len(data):
            raise ValueError("cut off")
        yield tag, data[offset : offset + length]
        offset += length


def _name(content: bytes) -> str:
    """Return what a name's common name is, else its organisation."""
    found: dict[bytes, str] = {}
    for _, parts in _elements(content):
        for _, pair in _elements(parts):
            (kind, oid), (_, value) = _elements(pair)
            if kind == _OID:
                found[oid] = value.decode("utf-8", "replace")
    return found.get(_COMMON_NAME) or found.get(_ORGANISATION) or "nobody"


def _time(tag: int, content: bytes) -> datetime:
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        # Two digits: below 50 is this century (RFC 5280, 4.1.2.5.1).
        text = ("20" if int(text[:2]) < 50 else "19") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _alternative_names(content: bytes) -> Iterator[str]:
    for _, extensions in _elements(content):
        for _, extension in _elements(extensions):
            parts = list(_elements(extension))
            if parts[0][1] != _ALT_NAME:
                continue
            ((_, names),) = _elements(parts[-1][1])
            for tag, name in _elements(names):
                if tag == _DNS_NAME:
                    yield name.decode("ascii", "replace")
                elif tag == _IP_ADDRESS:
                    yield str(ipaddress.ip_address(name))
