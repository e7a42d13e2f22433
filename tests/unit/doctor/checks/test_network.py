"""How the doctor judges link, address and route."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest

from iot_onboard.doctor.checks import network
from iot_onboard.doctor.checks.network import Link, NetworkFacts
from iot_onboard.net.rtnetlink import Key
from support.text.judged import FAIL, NOTHING, OK, SKIPPED, Row

UP = Link(name="eth0", index=2, up=True, running=True, hardware=True)
DOWN = replace(UP, up=False, running=False)
BRIDGE = Link(name="br0", index=3, up=True, running=False, hardware=False)
V4, LOCAL4, LOCAL6 = (ipaddress.ip_interface(text) for text in ("192.0.2.2/24", "169.254.1.2/16", "fe80::1/64"))
HOME = NetworkFacts(near=("127.0.0.1", "::1"))
NETWORK = [
    Row("link", network.link, NetworkFacts(links=(DOWN, UP)), OK, "There is a link: eth0."),
    Row("no link", network.link, NetworkFacts(links=(DOWN, BRIDGE)), FAIL, "eth0 is switched off.", "cable"),
    Row("no signal", network.link, NetworkFacts(links=(replace(UP, running=False),)), FAIL, "has no signal", "Wi-Fi"),
    Row("no interface", network.link, NetworkFacts(), FAIL, "no network interface", "modem"),
    Row("link not needed", network.link, HOME, SKIPPED, "Not needed"),
    Row("address", network.address, NetworkFacts(addresses=(V4, LOCAL6)), OK, "192.0.2.2/24"),
    Row("no DHCP", network.address, NetworkFacts(addresses=(LOCAL4,)), FAIL, "link-local: no DHCP answer", "DHCP"),
    Row("link-local", network.address, NetworkFacts(addresses=(LOCAL6,)), FAIL, "none but link-local"),
    Row("no address", network.address, NetworkFacts(), FAIL, "No usable address", "ip address"),
    Row("address not needed", network.address, HOME, NOTHING),
    Row("route not needed", network.route, HOME, NOTHING),
    Row("route", network.route, NetworkFacts(gateways=("192.0.2.1 on eth0",)), OK, "192.0.2.1 on eth0"),
    Row("no route", network.route, NetworkFacts(links=(UP,)), FAIL, "There is no default route", "ip route"),
    Row("near", network.route, NetworkFacts(near=("192.0.2.9",)), OK, "192.0.2.9 is reached without one"),
]


def test_what_the_kernel_says() -> None:
    """Addresses and default routes are read out of its records; the unreachable default of IPv6 is none."""
    eth0, gateway = (2).to_bytes(4, "little"), bytes((192, 0, 2, 1))
    keys: list[Key] = [
        ("address", 2, 24, 2, bytes((192, 0, 2, 2)), False),
        ("address", 10, 64, 2, ipaddress.ip_address("2001:db8::2").packed, True),
        ("route", 2, 0, 254, b"", eth0, gateway, b"", b""),
        ("route", 2, 24, 254, bytes((192, 0, 2, 0)), eth0, b"", b"", b""),
        ("route", 10, 0, 254, b"", (1).to_bytes(4, "little"), b"", b"", b""),
        ("route", 2, 0, 254, b"", (7).to_bytes(4, "little"), b"", b"", b""),
        ("route", 2, 0, 254, b"", b"", b"", b"", b""),
    ]
    found = {1: "lo", 2: "eth0", 7: "ppp0"}
    assert network.gateways(keys, found) == ("192.0.2.1 on eth0", "ppp0", "several")
    assert [str(address) for address in network.addresses(keys)] == ["192.0.2.2/24"]


@pytest.mark.parametrize("row", NETWORK, ids=str)
def test_judgements(row: Row) -> None:
    """These facts, this level, these words, this fix."""
    row.holds()
