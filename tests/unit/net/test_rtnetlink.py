"""rtnetlink messages, by hand and by chance."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.net import rtnetlink as netlink
from iot_onboard.net.rtnetlink import Route

NEAR, FAR, SIX = (b"\x0a\0\0\7", b"\x08\1\2\3", socket.inet_pton(socket.AF_INET6, "2001:db8::7"))
OURS, GATEWAY = b"\x0a\0\0\1", b"\x0a\0\0\2"
ROUTES = {
    NEAR: Route(interface=2, gateway=b"", source=OURS),
    FAR: Route(interface=2, gateway=GATEWAY, source=OURS),
    SIX: Route(interface=3, gateway=b"\xfe\x80" + bytes(14), source=SIX),
}


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=LHHLL", 16 + len(body), kind, 0, 0, 0) + body


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value.ljust((len(value) + 3) & ~3, b"\0")


def address(kind: int, index: int = 2, flags: int = 0, lifetime: int = 1, local: bytes = OURS) -> bytes:
    attributes = attribute(1, local) + attribute(6, struct.pack("=L", lifetime))
    return message(kind, struct.pack("=BBBBL", 2 if len(local) == 4 else 10, 24, flags, 0, index) + attributes)


def route(
    kind: int = netlink.RTM_DELROUTE,
    table: int = 254,
    *,
    to: bytes = b"",
    length: int = 0,
    index: int | None = 2,
    family: int = 2,
    leads: int = 1,
    more: bytes = b"",
) -> bytes:
    body = struct.pack("=BBBBBBBBL", family, length, 0, 0, table, 0, 0, leads, 0) + more
    body += attribute(1, to) if to else b""
    return message(kind, body + (attribute(4, struct.pack("=L", index)) if index is not None else b""))


def link(index: int, flags: int, kind: int = netlink.RTM_NEWLINK, family: int = 0) -> bytes:
    return message(kind, struct.pack("=BxHlLL", family, 1, index, flags, 0))


def test_addresses_and_routes_of_a_dump() -> None:
    """Several messages in one read are all seen; loopback and the local table lead nowhere."""
    data = address(netlink.RTM_NEWADDR) + route(netlink.RTM_NEWROUTE)
    assert [key[0] for key in netlink.keys(data)] == ["address", "route"]
    assert netlink.keys(address(netlink.RTM_NEWADDR, index=1) + route(netlink.RTM_NEWROUTE, 255)) == []
    assert netlink.keys(address(netlink.RTM_DELADDR) + route()) == []


def test_a_refresh_has_the_same_key() -> None:
    """Lifetimes are no part of it, the tentative flag is."""
    plain = netlink.keys(address(netlink.RTM_NEWADDR))
    assert netlink.keys(address(netlink.RTM_NEWADDR, lifetime=99)) == plain
    assert netlink.keys(address(netlink.RTM_NEWADDR, flags=0x40)) != plain


def test_the_end_of_a_dump() -> None:
    """It is told where it shares a read with what was asked for, as a failure is; so is what is no message at all."""
    done = struct.pack("=LHHLLl", 20, 3, 2, 0, 0, 0)
    failed = struct.pack("=LHHLLl", 36, 2, 0, 0, 0, -1) + bytes(16)
    assert not netlink.ends_dump(address(netlink.RTM_NEWADDR))
    assert [netlink.ends_dump(data) for data in (done, address(netlink.RTM_NEWADDR) + done, failed, b"")] == [True] * 4


def test_the_route_of_an_answer() -> None:
    """Interface, gateway and our address count; the table, a cache and a metric do not."""
    more = attribute(5, GATEWAY) + attribute(7, OURS)
    logged = route(netlink.RTM_NEWROUTE, to=FAR, length=32, more=more)
    assert netlink.route_of(logged) == ROUTES[FAR]
    assert (
        netlink.route_of(route(netlink.RTM_NEWROUTE, 100, to=FAR, more=more + attribute(6, b"\1\0\0\0"))) == ROUTES[FAR]
    )
    assert netlink.route_of(route(netlink.RTM_NEWROUTE, to=NEAR, more=attribute(7, OURS))) == ROUTES[NEAR]
    other_family = attribute(18, b"\x0a\0" + SIX) + attribute(7, OURS)
    assert netlink.route_of(route(netlink.RTM_NEWROUTE, more=other_family)) != ROUTES[NEAR]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        message(netlink.NLMSG_ERROR, struct.pack("=l", -101) + bytes(16)),
        # RTN_BLACKHOLE, RTN_UNREACHABLE
        route(netlink.RTM_NEWROUTE, leads=6),
        route(netlink.RTM_NEWROUTE, leads=7),
        route(netlink.RTM_NEWROUTE, index=None),
        message(netlink.RTM_NEWROUTE, b"\2"),
    ],
)
def test_no_route(answer: bytes) -> None:
    """An error, a route that leads nowhere on purpose, one without an interface, and what is cut off."""
    assert netlink.route_of(answer) is None


def test_an_interface_without_a_signal() -> None:
    """IFF_RUNNING is the kernel's word for it; where it says nothing, nothing is known against the interface."""
    assert [netlink.is_down(data) for data in (link(2, 0x1), link(2, 0x41), b"", link(2, 0)[:20])] == [
        True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("news", "gone"),
    [
        (link(2, 0x1), {NEAR, FAR}),
        (link(2, 0x41), set()),
        (link(3, 0x41, netlink.RTM_DELLINK), {SIX}),
        (link(9, 0x1), set()),
        # A port that leaves its bridge.
        (link(2, 0x41, netlink.RTM_DELLINK, family=7), set()),
        (address(netlink.RTM_DELADDR), {NEAR, FAR}),
        (address(netlink.RTM_DELADDR, local=b"\x0a\0\0\x09"), set()),
        (address(netlink.RTM_DELADDR, index=9), set()),
        (address(netlink.RTM_DELADDR, index=3, local=SIX), {SIX}),
        (address(netlink.RTM_NEWADDR), set()),
        (route(more=attribute(5, GATEWAY)), {FAR}),
        (route(more=attribute(5, NEAR)), set()),
        (route(), {NEAR}),
        (route(to=b"\x0a\0\0\0", length=24), {NEAR}),
        (route(to=b"\x0a\0\0", length=24), {NEAR}),
        (route(to=b"\x0a\0\1\0", length=24), set()),
        (route(to=FAR, length=32, more=attribute(5, GATEWAY)), {FAR}),
        (route(to=b"\x08\1\2\2", length=31, more=attribute(5, GATEWAY)), {FAR}),
        (route(table=255), set()),
        (route(index=9), set()),
        # One with several next hops.
        (route(index=None), {NEAR, FAR}),
        (route(family=10, index=3, more=attribute(5, ROUTES[SIX].gateway)), {SIX}),
        (route(length=33), set()),
        (route(netlink.RTM_NEWROUTE), set()),
        (link(9, 0) + address(netlink.RTM_DELADDR, index=3, local=SIX) + route(index=None), {NEAR, FAR, SIX}),
    ],
)
def test_what_was_gone_for_a_moment(news: bytes, gone: set[bytes]) -> None:
    """The way to a destination is interrupted by the loss of its interface, of our address, or of a route that leads
    there; by nothing else that comes and goes."""
    assert netlink.removed_routes(news, ROUTES) == {ROUTES[destination] for destination in gone}


def test_requests() -> None:
    """A question names the destination, or the interface."""
    for destination, family in ((FAR, 2), (SIX, 10)):
        asked = netlink.route_request(destination, 5)
        assert struct.unpack_from("=LHHLL", asked) == (len(asked), netlink.RTM_GETROUTE, 1, 5, 0)
        assert asked[16:18] == bytes([family, 8 * len(destination)])
        assert asked.endswith(destination)
    asked = netlink.link_request(3, 1)
    assert struct.unpack_from("=LHHLL", asked)[:2] == (32, netlink.RTM_GETLINK)
    assert struct.unpack_from("=l", asked, 20) == (3,)


KINDS = st.sampled_from([16, 17, 20, 21, 24, 25, 2, 3, 99])


@given(st.lists(st.tuples(KINDS, st.binary(max_size=80))), st.binary(max_size=200), st.integers(0, 60))
def test_rubbish_is_passed_over(messages: list[tuple[int, bytes]], rubbish: bytes, cut: int) -> None:
    """Nothing that the kernel might send makes it fail."""
    for data in (
        rubbish,
        address(netlink.RTM_NEWADDR)[:cut] + rubbish,
        b"".join(message(kind, body + bytes(-len(body) % 4)) for kind, body in messages),
    ):
        netlink.keys(data)
        netlink.route_of(data)
        netlink.is_down(data)
        assert netlink.removed_routes(data, ROUTES) <= set(ROUTES.values())
