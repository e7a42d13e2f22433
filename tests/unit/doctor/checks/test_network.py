"""How the doctor judges link, address and route, name look-up, the platform's ports and the proxy."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest

from iot_onboard.doctor.checks import network
from iot_onboard.doctor.checks.network import (
    Attempt,
    Link,
    NameFacts,
    NetworkFacts,
    ReachFacts,
    ResolverFacts,
    Unresolved,
)
from iot_onboard.net.rtnetlink import Key
from support.text.judged import FAIL, NOTHING, OK, SKIPPED, WARN, Row

UP = Link(name="eth0", up=True, running=True, hardware=True)
DOWN = replace(UP, up=False, running=False)
BRIDGE = Link(name="br0", up=True, running=False, hardware=False)
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
    Row("link-local", network.address, NetworkFacts(addresses=(LOCAL6,)), FAIL, "all are link-local"),
    Row("no address", network.address, NetworkFacts(), FAIL, "No usable address", "ip address"),
    Row("address not needed", network.address, HOME, NOTHING),
    Row("route not needed", network.route, HOME, NOTHING),
    Row("route", network.route, NetworkFacts(gateways=("192.0.2.1 on eth0",)), OK, "192.0.2.1 on eth0"),
    Row("no route", network.route, NetworkFacts(links=(UP,)), FAIL, "There is no default route", "ip route"),
    Row("near", network.route, NetworkFacts(near=("192.0.2.9",)), OK, "192.0.2.9 can be reached without one"),
]
HOST = "iot-auth.cn-shanghai.aliyuncs.com"
DNS = [
    Row("servers", network.resolver, ResolverFacts(servers=("192.0.2.53",)), OK, "192.0.2.53"),
    Row("resolved", network.resolver, ResolverFacts(local_service=True), OK, "systemd-resolved"),
    Row("none", network.resolver, ResolverFacts(), WARN, "it names no server", "nameserver"),
    Row("no file", network.resolver, ResolverFacts(problem="it cannot be read (x)"), WARN, "cannot be read (x)"),
    Row(
        "no answer",
        network.nonexistent_name,
        NameFacts(host="x.invalid", unresolved=Unresolved.UNKNOWN),
        OK,
        "gives no address",
    ),
    Row(
        "dead",
        network.nonexistent_name,
        NameFacts(host="x.invalid", unresolved=Unresolved.NO_ANSWER),
        SKIPPED,
        "did not answer",
    ),
    Row(
        "a false answer",
        network.nonexistent_name,
        NameFacts(host="x.invalid", addresses=("10.0.0.1",)),
        WARN,
        "10.0.0.1",
        "captive portal",
    ),
    Row("by proxy", network.name, NameFacts(host=HOST, by_proxy=True), SKIPPED, "proxy looks"),
    Row(
        "literal",
        network.name,
        NameFacts(host="10.0.0.1", literal=True, addresses=("10.0.0.1",)),
        SKIPPED,
        "an address",
    ),
    Row("found", network.name, NameFacts(host=HOST, addresses=("8.8.8.8",)), OK, f"{HOST} resolves to 8.8.8.8."),
    Row(
        "unknown",
        network.name,
        NameFacts(host=HOST, unresolved=Unresolved.UNKNOWN),
        FAIL,
        "does not exist",
        "instance_id",
    ),
    Row(
        "no answer",
        network.name,
        NameFacts(host=HOST, unresolved=Unresolved.NO_ANSWER, reason="Temporary failure"),
        FAIL,
        "cannot be looked up: Temporary failure",
        "resolv.conf",
    ),
    Row(
        "private",
        network.name,
        NameFacts(host=HOST, addresses=("8.8.8.8", "10.1.1.1")),
        WARN,
        "to 10.1.1.1, a private address, which",
        "portal",
    ),
    Row("own private host", network.name, NameFacts(host="broker.local", addresses=("10.1.1.1",)), OK, "10.1.1.1"),
]
ANSWERS = ReachFacts(host=HOST, port=443, attempts=(Attempt(address="192.0.2.9", error="", duration_ms=31),))
SILENT = Attempt(address="2001:db8::9", error="timed out", duration_ms=4500)
REFUSING = replace(SILENT, error="connection refused", duration_ms=1)
THROUGH = replace(ANSWERS, proxy="proxy.example port 3128", attempts=())
REACH = [
    Row("answers", network.port, ANSWERS, OK, "answers in 31 ms"),
    Row(
        "refused",
        network.port,
        replace(ANSWERS, attempts=(REFUSING,)),
        FAIL,
        "2001:db8::9 connection refused",
        "TCP port 443",
    ),
    Row("no address", network.port, replace(ANSWERS, attempts=()), FAIL, "it has no address"),
    Row(
        "first is deaf",
        network.port,
        replace(ANSWERS, attempts=(SILENT, *ANSWERS.attempts)),
        WARN,
        "answers at 192.0.2.9",
        "IPv6",
    ),
    Row(
        "first refuses",
        network.port,
        replace(ANSWERS, attempts=(REFUSING, *ANSWERS.attempts)),
        OK,
        "answers in 31 ms",
    ),
    Row("no proxy", network.proxy, None, SKIPPED, "No proxy"),
    Row("proxy answers", network.proxy, replace(ANSWERS, host="proxy.example"), OK, "proxy.example port 443 answers"),
    Row("proxy is gone", network.proxy, replace(ANSWERS, attempts=(SILENT,)), FAIL, "does not answer", "correct proxy"),
    Row("tunnel", network.port, THROUGH, OK, f"The proxy proxy.example port 3128 connects to {HOST} port 443"),
    Row(
        "password",
        network.port,
        replace(THROUGH, proxy_failure="407 Proxy Authentication"),
        FAIL,
        "407",
        "password",
    ),
    Row(
        "forbidden",
        network.port,
        replace(THROUGH, proxy_failure="403 Forbidden"),
        FAIL,
        "403",
        f"CONNECT to {HOST}:443",
    ),
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


@pytest.mark.parametrize("row", [*NETWORK, *DNS, *REACH], ids=str)
def test_judgements(row: Row) -> None:
    """These facts, this level, these words, this fix."""
    row.holds()
