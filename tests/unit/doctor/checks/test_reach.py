"""How the doctor judges the way to the platform: network, names, ports, TLS and what is behind it."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from iot_onboard.core.failures import Cause
from iot_onboard.doctor.certificate import Certificate
from iot_onboard.doctor.checks import endpoints, names, network, reach, tls
from iot_onboard.doctor.checks.endpoints import HttpFacts, SilenceFacts
from iot_onboard.doctor.checks.names import NameFacts, ResolverFacts, Unresolved
from iot_onboard.doctor.checks.network import Link, NetworkFacts
from iot_onboard.doctor.checks.reach import ReachFacts, Tried
from iot_onboard.doctor.checks.tls import ANCHOR_SHA256, PUBLIC_ROOT, Anchor, AnchorFacts, TlsFacts
from iot_onboard.net.rtnetlink import Key
from support.text.judged import FAIL, OK, SKIPPED, WARN, Row

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
    Row("no DHCP", network.address, NetworkFacts(addresses=(LOCAL4,)), FAIL, "no DHCP server answered", "DHCP"),
    Row("link-local", network.address, NetworkFacts(addresses=(LOCAL6,)), FAIL, "none but link-local"),
    Row("no address", network.address, NetworkFacts(), FAIL, "No usable address", "ip address"),
    Row("address not needed", network.address, HOME, SKIPPED, "Not needed"),
    Row("route", network.route, NetworkFacts(gateways=("192.0.2.1 on eth0",)), OK, "192.0.2.1 on eth0"),
    Row("no route", network.route, NetworkFacts(links=(UP,)), FAIL, "There is no default route", "ip route"),
    Row("near", network.route, NetworkFacts(near=("192.0.2.9",)), OK, "192.0.2.9 is reached without one"),
]

HOST = "iot-auth.cn-shanghai.aliyuncs.com"

NAMES = [
    Row("servers", names.resolver, ResolverFacts(servers=("192.0.2.53",)), OK, "192.0.2.53"),
    Row("resolved", names.resolver, ResolverFacts(local_service=True), OK, "systemd-resolved"),
    Row("none", names.resolver, ResolverFacts(), WARN, "it names no server", "nameserver"),
    Row("no file", names.resolver, ResolverFacts(problem="it cannot be read (x)"), WARN, "cannot be read (x)"),
    Row("honest", names.honest, NameFacts(host="x.invalid", unresolved=Unresolved.UNKNOWN), OK, "nothing up"),
    Row("dead", names.honest, NameFacts(host="x.invalid", unresolved=Unresolved.NO_ANSWER), SKIPPED, "says nothing"),
    Row("liar", names.honest, NameFacts(host="x.invalid", addresses=("10.0.0.1",)), WARN, "10.0.0.1", "captive portal"),
    Row("by proxy", names.host, NameFacts(host=HOST, by_proxy=True), SKIPPED, "proxy looks"),
    Row(
        "literal", names.host, NameFacts(host="10.0.0.1", literal=True, addresses=("10.0.0.1",)), SKIPPED, "an address"
    ),
    Row("found", names.host, NameFacts(host=HOST, addresses=("8.8.8.8",)), OK, f"{HOST} resolves to 8.8.8.8."),
    Row(
        "unknown",
        names.host,
        NameFacts(host=HOST, unresolved=Unresolved.UNKNOWN),
        FAIL,
        "There is no name",
        "instance_id",
    ),
    Row(
        "no answer",
        names.host,
        NameFacts(host=HOST, unresolved=Unresolved.NO_ANSWER, reason="Temporary failure"),
        FAIL,
        "cannot be looked up: Temporary failure",
        "resolv.conf",
    ),
    Row(
        "private",
        names.host,
        NameFacts(host=HOST, addresses=("8.8.8.8", "10.1.1.1")),
        WARN,
        "to 10.1.1.1, which",
        "portal",
    ),
    Row("own private host", names.host, NameFacts(host="broker.local", addresses=("10.1.1.1",)), OK, "10.1.1.1"),
]

ANSWERS = ReachFacts(host=HOST, port=443, tried=(Tried(address="192.0.2.9", error="", took_ms=31),))
SILENT = Tried(address="2001:db8::9", error="timed out", took_ms=4500)
REFUSING = replace(SILENT, error="connection refused", took_ms=1)
THROUGH = replace(ANSWERS, proxy="proxy.example port 3128", tried=())

REACH = [
    Row("answers", reach.direct, ANSWERS, OK, "answers in 31 ms"),
    Row(
        "refused",
        reach.direct,
        replace(ANSWERS, tried=(REFUSING,)),
        FAIL,
        "2001:db8::9 connection refused",
        "TCP port 443",
    ),
    Row("no address", reach.direct, replace(ANSWERS, tried=()), FAIL, "it has no address"),
    Row(
        "first is deaf",
        reach.direct,
        replace(ANSWERS, tried=(SILENT, *ANSWERS.tried)),
        WARN,
        "answers at 192.0.2.9",
        "IPv6",
    ),
    Row("first refuses", reach.direct, replace(ANSWERS, tried=(REFUSING, *ANSWERS.tried)), OK, "answers in 31 ms"),
    Row("not direct", reach.direct, THROUGH, SKIPPED, "through the proxy proxy.example port 3128"),
    Row("no proxy", reach.proxy, ReachFacts(host="", port=0), SKIPPED, "No proxy"),
    Row("proxy answers", reach.proxy, replace(ANSWERS, host="proxy.example"), OK, "proxy.example port 443 answers"),
    Row("proxy is gone", reach.proxy, replace(ANSWERS, tried=(SILENT,)), FAIL, "Nobody answers", "correct proxy"),
    Row("no tunnel", reach.tunnel, ANSWERS, SKIPPED, "No proxy"),
    Row("tunnel", reach.tunnel, THROUGH, OK, f"leads on to {HOST} port 443"),
    Row("password", reach.tunnel, replace(THROUGH, proxy_failure="407 Proxy Authentication"), FAIL, "407", "password"),
    Row(
        "forbidden",
        reach.tunnel,
        replace(THROUGH, proxy_failure="403 Forbidden"),
        FAIL,
        "403",
        f"CONNECT to {HOST}:443",
    ),
]

NOW = datetime(2026, 12, 24, 12, tzinfo=UTC)
VENDOR = Anchor(name="Aliyun IoT Root CA", not_after=datetime(2053, 7, 4, tzinfo=UTC))
PUBLIC = Anchor(name=PUBLIC_ROOT, not_after=datetime(2028, 1, 28, 12, tzinfo=UTC))
NEWER = Anchor(name="GlobalSign Root R46", not_after=datetime(2046, 3, 20, tzinfo=UTC))
SHIPPED = AnchorFacts(path="/usr/share/x.pem", anchors=(VENDOR,), sha256=ANCHOR_SHA256, now=NOW)
STORE = AnchorFacts(path="/etc/ssl/certs/ca-certificates.crt", anchors=(NEWER, PUBLIC), now=NOW)
LATER = datetime(2027, 6, 1, tzinfo=UTC)
AFTER = datetime(2028, 2, 1, tzinfo=UTC)

ANCHORS = [
    Row("shipped", tls.shipped, SHIPPED, OK, "Aliyun IoT Root CA ends on 2053-07-04"),
    Row("not shipped", tls.shipped, replace(SHIPPED, path=""), FAIL, "is not installed", "--reinstall iot-onboard"),
    Row(
        "unusable", tls.shipped, replace(SHIPPED, problem="it holds nothing"), FAIL, "cannot be used: it holds nothing"
    ),
    Row("another", tls.shipped, replace(SHIPPED, sha256="00"), FAIL, "it was changed", "--reinstall"),
    Row("ended", tls.shipped, replace(SHIPPED, now=datetime(2054, 1, 1, tzinfo=UTC)), FAIL, "has ended", "update"),
    Row("store", tls.system, STORE, OK, "GlobalSign Root CA ends on 2028-01-28."),
    Row("store ends soon", tls.system, replace(STORE, now=LATER), WARN, "2028-01-28, in 241 days", "ca-certificates"),
    Row("store ended", tls.system, replace(STORE, now=AFTER), FAIL, "has ended", "ca-certificates"),
    Row("newer roots", tls.system, replace(STORE, anchors=(NEWER,)), OK, "newer roots"),
    Row("other roots", tls.system, replace(STORE, anchors=(VENDOR,)), WARN, "nor another root", "ca-certificates"),
    Row("empty store", tls.system, replace(STORE, anchors=()), FAIL, "it is empty", "ca-certificates"),
    Row("no ca_file", tls.configured, AnchorFacts(now=NOW), SKIPPED, "names none"),
    Row("ca_file", tls.configured, STORE, OK, "GlobalSign Root CA ends"),
    Row(
        "bad ca_file",
        tls.configured,
        replace(STORE, problem="the file x is bad", cure="mend"),
        FAIL,
        "The file x",
        "mend",
    ),
    Row("leaf as ca_file", tls.configured, replace(STORE, anchors=()), WARN, "no root", "not the server's certificate"),
]

SHOWN = Certificate(
    subject="portal.example",
    issuer="Portal CA",
    names=("portal.example",),
    not_before=datetime(2026, 1, 1, tzinfo=UTC),
    not_after=datetime(2027, 1, 1, tzinfo=UTC),
)
GOOD = TlsFacts(host=HOST, port=443, now=NOW, version="TLSv1.3", took_ms=80, certificate=SHOWN)


def broken(cause: Cause, detail: str = "x failed", certificate: Certificate | None = SHOWN) -> TlsFacts:
    return replace(GOOD, version="", cause=cause, detail=detail, certificate=certificate)


PLAIN = replace(broken(Cause.TLS, certificate=None), plain="HTTP 302 Found", plain_location="http://portal.example/")

TLS = [
    Row("verified", tls.handshake, GOOD, OK, "TLSv1.3, certificate verified, in 80 ms"),
    Row(
        "unknown issuer",
        tls.handshake,
        broken(Cause.TLS),
        FAIL,
        "a certificate of portal.example by Portal CA",
        "ca_file",
    ),
    Row("mismatch", tls.handshake, broken(Cause.TLS, "hostname mismatch"), FAIL, "mismatch", "for portal.example"),
    Row("expired", tls.handshake, broken(Cause.TLS_DATE), FAIL, "valid from 2026-01-01 to 2027-01-01", "set the clock"),
    Row("mute", tls.handshake, broken(Cause.TIMEOUT, certificate=None), FAIL, "X failed.", "mtu 1400"),
    Row("reset", tls.handshake, broken(Cause.NETWORK, certificate=None), FAIL, "X failed.", "firewall"),
    Row("no TLS", tls.handshake, broken(Cause.TLS, certificate=None), FAIL, "X failed.", "another server"),
    Row("portal", tls.handshake, PLAIN, FAIL, "HTTP 302 Found, to http://portal.example/", "captive portal"),
    Row("unseen", tls.lasting, replace(GOOD, certificate=None), SKIPPED, "does not show"),
    Row("ends", tls.lasting, GOOD, WARN, "That is in 7 days", "renew"),
    Row("lasts", tls.lasting, replace(GOOD, now=NOW - timedelta(days=30)), OK, "37 days are left"),
]

ANSWER = HttpFacts(host=HOST, now=NOW, status=404, at=NOW)
QUIET = SilenceFacts(host="m.example", port=8883)

ENDPOINTS = [
    Row("404", endpoints.registration, ANSWER, OK, "HTTP 404 to a question that is no registration"),
    Row(
        "redirect",
        endpoints.registration,
        replace(ANSWER, status=302, location="http://p/"),
        WARN,
        "to http://p/",
        "portal",
    ),
    Row("unavailable", endpoints.registration, replace(ANSWER, status=503), WARN, "HTTP 503", "wait"),
    Row("not HTTP", endpoints.registration, HttpFacts(host=HOST, now=NOW, problem="closed"), FAIL, "closed", "wait"),
    Row("clocks agree", endpoints.clock, ANSWER, OK, "agree"),
    Row(
        "ahead",
        endpoints.clock,
        replace(ANSWER, at=NOW - timedelta(hours=1)),
        WARN,
        "60 minutes ahead of",
        "timedatectl",
    ),
    Row(
        "behind",
        endpoints.clock,
        replace(ANSWER, at=NOW + timedelta(hours=1)),
        WARN,
        "60 minutes behind",
        "timedatectl",
    ),
    Row("no date", endpoints.clock, replace(ANSWER, at=None), SKIPPED, "does not tell"),
    Row("waits", endpoints.mqtt, QUIET, OK, "waits for a login"),
    Row("speaks", endpoints.mqtt, replace(QUIET, spoke=True), WARN, "speaks first", "mqtt.host"),
    Row("closes", endpoints.mqtt, replace(QUIET, ended="closed"), WARN, "asked: closed", "mqtt.host"),
]


@pytest.mark.parametrize("row", [*NETWORK, *NAMES, *REACH, *ANCHORS, *TLS, *ENDPOINTS], ids=str)
def test_judgements(row: Row) -> None:
    """These facts, this level, these words, this fix."""
    row.holds()


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
