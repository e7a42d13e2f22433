"""Write and read the kernel's messages on links, addresses and routes (rtnetlink(7)). Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from ..fast_start.fast_dataclasses import dataclass

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
# RTMGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV4_RULE, _IPV6_IFADDR, _IPV6_ROUTE and RTNLGRP_IPV6_RULE.
GROUPS = 0x1 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 0x40000
_HEADER = struct.Struct("=LHHLL")
_ATTRIBUTE = struct.Struct("=HH")
_LINK = struct.Struct("=BxHlLL")
_ADDRESS = struct.Struct("=BBBBL")
_ROUTE = struct.Struct("=BBBBBBBBL")
_INDEX = struct.Struct("=L")
_FAMILIES = {4: 2, 16: 10}
_LOCAL_TABLE = 255
LOOPBACK_INDEX = 1
_IFF_RUNNING = 0x40
_IFA_ADDRESS, _IFA_LOCAL, _IFA_F_TENTATIVE = 1, 2, 0x40
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_PREFSRC, _RTA_TABLE, _RTA_VIA = 1, 4, 5, 6, 7, 15, 18
# RTN_UNICAST and RTN_LOCAL; the other types reject or drop packets.
_REACHABLE = {1, 2}

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Hold how packets leave: the interface, the gateway, and our source address.

    No table and no metric: they make no difference to a connection.
    """

    interface: int
    gateway: bytes
    source: bytes


def route_request(destination: bytes, sequence: int) -> bytes:
    """Build the request for the route to an address."""
    head = _ROUTE.pack(_FAMILIES[len(destination)], 8 * len(destination), 0, 0, 0, 0, 0, 0, 0)
    attribute = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(destination), _RTA_DST) + destination
    return _request(RTM_GETROUTE, NLM_F_REQUEST, sequence, head + attribute)


def link_request(interface: int, sequence: int) -> bytes:
    """Build the request for the state of an interface."""
    return _request(RTM_GETLINK, NLM_F_REQUEST, sequence, _LINK.pack(0, 0, interface, 0, 0))


def dump_request(kind: int, sequence: int) -> bytes:
    """Build the request for all addresses or routes."""
    body = b"\0" * (_ADDRESS.size if kind == RTM_GETADDR else _ROUTE.size)
    return _request(kind, NLM_F_REQUEST | NLM_F_DUMP, sequence, body)


def _request(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, sequence, 0) + body


def route_of(answer: bytes) -> Route | None:
    """Return the route in the answer to a `route_request`, or `None` if there is none."""
    for kind, body in _parts(answer, _HEADER):
        if kind != RTM_NEWROUTE or len(body) < _ROUTE.size or _ROUTE.unpack_from(body)[7] not in _REACHABLE:
            continue
        attributes = _attributes(body, _ROUTE)
        interface = _index(attributes)
        if interface is None:
            continue
        source = attributes.get(_RTA_PREFSRC, b"")
        return Route(interface=interface, gateway=_gateway(attributes), source=source)
    return None


def is_down(answer: bytes) -> bool:
    """Say whether the answer to a `link_request` shows an interface that is off, or has no link."""
    return any(
        kind == RTM_NEWLINK and len(body) >= _LINK.size and not _LINK.unpack_from(body)[3] & _IFF_RUNNING
        for kind, body in _parts(answer, _HEADER)
    )


def removed_routes(messages: bytes, routes: Mapping[bytes, Route]) -> set[Route]:
    """Return which of the routes, given by destination, were removed according to the messages of one read.

    They may be back already: a request for the present routes does not show that they were removed.
    """
    found: set[Route] = set()
    for kind, body in _parts(messages, _HEADER):
        if kind in {RTM_NEWLINK, RTM_DELLINK} and len(body) >= _LINK.size:
            family, _, index, flags, _ = _LINK.unpack_from(body)
            # A bridge uses the same message for its ports, with a family.
            if not family and (kind == RTM_DELLINK or not flags & _IFF_RUNNING):
                found.update(route for route in routes.values() if route.interface == index)
        elif kind == RTM_DELADDR and len(body) >= _ADDRESS.size:
            index = _ADDRESS.unpack_from(body)[4]
            attributes = _attributes(body, _ADDRESS)
            lost = {attributes.get(_IFA_LOCAL), attributes.get(_IFA_ADDRESS)}
            found.update(route for route in routes.values() if route.interface == index and route.source in lost)
        elif kind == RTM_DELROUTE and len(body) >= _ROUTE.size:
            found.update(route for destination, route in routes.items() if _may_be_deleted(body, destination, route))
    return found


def _may_be_deleted(body: bytes, destination: bytes, route: Route) -> bool:
    """Say whether a deleted route may be the one to a destination."""
    family, length, _, _, table, _, _, _, _ = _ROUTE.unpack_from(body)
    if table == _LOCAL_TABLE or _FAMILIES[len(destination)] != family or length > 8 * len(destination):
        return False
    attributes = _attributes(body, _ROUTE)
    prefix = attributes.get(_RTA_DST, b"").ljust(len(destination), b"\0")
    shift = 8 * len(destination) - length
    covers = int.from_bytes(prefix, "big") >> shift == int.from_bytes(destination, "big") >> shift
    index = _index(attributes)
    # A route with several next hops has no interface here.
    return covers and (index is None or (index, _gateway(attributes)) == (route.interface, route.gateway))


def keys(data: bytes) -> list[Key]:
    """Return the addresses and routes in the answer to a `dump_request`, without loopback and the local table.

    Lifetimes are left out. The tentative flag counts: an IPv6 address can be used only after duplicate detection.
    """
    found: list[Key] = []
    for kind, body in _parts(data, _HEADER):
        key = _address_key(body) if kind == RTM_NEWADDR else _route_key(body) if kind == RTM_NEWROUTE else None
        if key is not None:
            found.append(key)
    return found


def ends_dump(data: bytes) -> bool:
    """Say whether this read is the last of the answer to a `dump_request`."""
    kinds = {kind for kind, _ in _parts(data, _HEADER)}
    return not kinds or bool(kinds & {NLMSG_DONE, NLMSG_ERROR})


def _address_key(body: bytes) -> Key | None:
    if len(body) < _ADDRESS.size:
        return None
    family, prefix, flags, _, index = _ADDRESS.unpack_from(body)
    if index == LOOPBACK_INDEX:
        return None
    address = _attributes(body, _ADDRESS).get(_IFA_ADDRESS, b"")
    return ("address", family, prefix, index, address, bool(flags & _IFA_F_TENTATIVE))


def _route_key(body: bytes) -> Key | None:
    if len(body) < _ROUTE.size:
        return None
    family, dst_len, _, _, table, _, _, _, _ = _ROUTE.unpack_from(body)
    if table == _LOCAL_TABLE:
        return None
    attributes = _attributes(body, _ROUTE)
    names = (_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_TABLE)
    return ("route", family, dst_len, table, *(attributes.get(name, b"") for name in names))


def _attributes(body: bytes, head: struct.Struct) -> dict[int, bytes]:
    return dict(_parts(body[head.size :], _ATTRIBUTE))


def _gateway(attributes: Mapping[int, bytes]) -> bytes:
    return attributes.get(_RTA_GATEWAY) or attributes.get(_RTA_VIA, b"")


def _index(attributes: Mapping[int, bytes]) -> int | None:
    found = attributes.get(_RTA_OIF, b"")
    return int(_INDEX.unpack(found)[0]) if len(found) == _INDEX.size else None


def _parts(data: bytes, header: struct.Struct) -> Iterator[tuple[int, bytes]]:
    """Give the kind and body of each message or attribute: the headers of both begin with length and kind."""
    offset = 0
    while offset + header.size <= len(data):
        length, kind = header.unpack_from(data, offset)[:2]
        if not header.size <= length <= len(data) - offset:
            return
        yield kind, data[offset + header.size : offset + length]
        offset += (length + 3) & ~3
