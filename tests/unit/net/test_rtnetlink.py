"""rtnetlink messages, by hand and by chance."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.net import rtnetlink as netlink


def address(kind: int, index: int = 2, flags: int = 0, lifetime: int = 1) -> bytes:
    attributes = struct.pack("=HH4s", 8, 1, b"\x0a\0\0\1") + struct.pack("=HHL", 8, 6, lifetime)
    body = struct.pack("=BBBBL", 2, 24, flags, 0, index) + attributes
    return struct.pack("=LHHLL", 16 + len(body), kind, 0, 0, 0) + body


def route(kind: int, table: int) -> bytes:
    body = struct.pack("=BBBBBBBBL", 2, 0, 0, 0, table, 0, 0, 0, 0) + struct.pack("=HHL", 8, 4, 2)
    return struct.pack("=LHHLL", 16 + len(body), kind, 0, 0, 0) + body


def test_addresses_and_routes() -> None:
    """What comes and goes has the same key; several messages in one read are all seen."""
    came, went = netlink.changes(address(netlink.RTM_NEWADDR) + address(netlink.RTM_DELADDR))
    assert (came.added, went.added, came.key == went.key) == (True, False, True)
    assert len(netlink.changes(route(netlink.RTM_NEWROUTE, 254))) == 1


def test_a_refresh_has_the_same_key() -> None:
    """Lifetimes are no part of it, the tentative flag is."""
    plain = netlink.changes(address(netlink.RTM_NEWADDR))[0].key
    assert netlink.changes(address(netlink.RTM_NEWADDR, lifetime=99))[0].key == plain
    assert netlink.changes(address(netlink.RTM_NEWADDR, flags=0x40))[0].key != plain


def test_loopback_and_the_local_table_are_passed_over() -> None:
    """They lead nowhere."""
    assert netlink.changes(address(netlink.RTM_NEWADDR, index=1) + route(netlink.RTM_NEWROUTE, 255)) == []


def test_the_end_of_a_dump() -> None:
    """It is told where it shares a read with what was asked for, as a failure is; so is what is no message at all."""
    done = struct.pack("=LHHLLl", 20, 3, 2, 0, 0, 0)
    failed = struct.pack("=LHHLLl", 36, 2, 0, 0, 0, -1) + bytes(16)
    assert not netlink.ends_dump(address(netlink.RTM_NEWADDR))
    assert [netlink.ends_dump(data) for data in (done, address(netlink.RTM_NEWADDR) + done, failed, b"")] == [True] * 4


@given(st.binary(max_size=200), st.integers(0, 60))
def test_rubbish_is_passed_over(rubbish: bytes, cut: int) -> None:
    """Nothing that the kernel might send makes it fail."""
    netlink.changes(rubbish)
    netlink.changes(address(netlink.RTM_NEWADDR)[:cut] + rubbish)
