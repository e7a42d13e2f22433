"""Read what the kernel says of routes and addresses (rtnetlink(7)). Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ..fast_start.fast_dataclasses import dataclass

RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
# RTMGRP_IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE
GROUPS = 0x10 | 0x40 | 0x100 | 0x400
_HEADER = struct.Struct("=LHHLL")
_ATTRIBUTE = struct.Struct("=HH")
_ADDRESS = struct.Struct("=BBBBL")
_ROUTE = struct.Struct("=BBBBBBBBL")
_LOCAL_TABLE = 255
_LOOPBACK_INDEX = 1
_IFA_ADDRESS, _IFA_F_TENTATIVE = 1, 0x40
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_TABLE = 1, 4, 5, 6, 15

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Name an address or a route that is there (`added`) or gone."""

    added: bool
    key: Key


def dump_request(kind: int, sequence: int) -> bytes:
    """Build the message that asks for all addresses or routes."""
    body = b"\0" * (_ADDRESS.size if kind == RTM_GETADDR else _ROUTE.size)
    return _HEADER.pack(_HEADER.size + len(body), kind, NLM_F_REQUEST | NLM_F_DUMP, sequence, 0) + body


def changes(data: bytes) -> list[Change]:
    """Return the changes in what one read gave; loopback, the local table and anything malformed are passed over.

    The key leaves lifetimes out: a router that announces the same address again changes nothing. It holds the
    tentative flag: an IPv6 address is of use only once duplicate detection is through.
    """
    found: list[Change] = []
    for kind, body in _parts(data, _HEADER):
        key = None
        if kind in {RTM_NEWADDR, RTM_DELADDR}:
            key = _address_key(body)
        elif kind in {RTM_NEWROUTE, RTM_DELROUTE}:
            key = _route_key(body)
        if key is not None:
            found.append(Change(added=kind in {RTM_NEWADDR, RTM_NEWROUTE}, key=key))
    return found


def ends_dump(data: bytes) -> bool:
    """Say whether nothing follows one read of the answer to a `dump_request`."""
    kinds = {kind for kind, _ in _parts(data, _HEADER)}
    return not kinds or bool(kinds & {NLMSG_DONE, NLMSG_ERROR})


def _address_key(body: bytes) -> Key | None:
    if len(body) < _ADDRESS.size:
        return None
    family, prefix, flags, _, index = _ADDRESS.unpack_from(body)
    if index == _LOOPBACK_INDEX:
        return None
    address = dict(_parts(body[_ADDRESS.size :], _ATTRIBUTE)).get(_IFA_ADDRESS, b"")
    return ("address", family, prefix, index, address, bool(flags & _IFA_F_TENTATIVE))


def _route_key(body: bytes) -> Key | None:
    if len(body) < _ROUTE.size:
        return None
    family, dst_len, _, _, table, _, _, _, _ = _ROUTE.unpack_from(body)
    if table == _LOCAL_TABLE:
        return None
    attributes = dict(_parts(body[_ROUTE.size :], _ATTRIBUTE))
    names = (_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_TABLE)
    return ("route", family, dst_len, table, *(attributes.get(name, b"") for name in names))


def _parts(data: bytes, header: struct.Struct) -> Iterator[tuple[int, bytes]]:
    """Give kind and body of each message, or of each attribute: the headers of both begin with a length and a kind."""
    offset = 0
    while offset + header.size <= len(data):
        length, kind = header.unpack_from(data, offset)[:2]
        if not header.size <= length <= len(data) - offset:
            return
        yield kind, data[offset + header.size : offset + length]
        offset += (length + 3) & ~3
