"""How the doctor judges name look-up."""

from __future__ import annotations

import pytest

from iot_onboard.doctor.checks import dns
from iot_onboard.doctor.checks.dns import NameFacts, ResolverFacts, Unresolved
from support.text.judged import FAIL, OK, SKIPPED, WARN, Row

HOST = "iot-auth.cn-shanghai.aliyuncs.com"
DNS = [
    Row("servers", dns.resolver, ResolverFacts(servers=("192.0.2.53",)), OK, "192.0.2.53"),
    Row("resolved", dns.resolver, ResolverFacts(local_service=True), OK, "systemd-resolved"),
    Row("none", dns.resolver, ResolverFacts(), WARN, "it names no server", "nameserver"),
    Row("no file", dns.resolver, ResolverFacts(problem="it cannot be read (x)"), WARN, "cannot be read (x)"),
    Row("honest", dns.honest, NameFacts(host="x.invalid", unresolved=Unresolved.UNKNOWN), OK, "nothing up"),
    Row("dead", dns.honest, NameFacts(host="x.invalid", unresolved=Unresolved.NO_ANSWER), SKIPPED, "says nothing"),
    Row("liar", dns.honest, NameFacts(host="x.invalid", addresses=("10.0.0.1",)), WARN, "10.0.0.1", "captive portal"),
    Row("by proxy", dns.host, NameFacts(host=HOST, by_proxy=True), SKIPPED, "proxy looks"),
    Row("literal", dns.host, NameFacts(host="10.0.0.1", literal=True, addresses=("10.0.0.1",)), SKIPPED, "an address"),
    Row("found", dns.host, NameFacts(host=HOST, addresses=("8.8.8.8",)), OK, f"{HOST} resolves to 8.8.8.8."),
    Row(
        "unknown",
        dns.host,
        NameFacts(host=HOST, unresolved=Unresolved.UNKNOWN),
        FAIL,
        "There is no name",
        "instance_id",
    ),
    Row(
        "no answer",
        dns.host,
        NameFacts(host=HOST, unresolved=Unresolved.NO_ANSWER, reason="Temporary failure"),
        FAIL,
        "cannot be looked up: Temporary failure",
        "resolv.conf",
    ),
    Row(
        "private",
        dns.host,
        NameFacts(host=HOST, addresses=("8.8.8.8", "10.1.1.1")),
        WARN,
        "to 10.1.1.1, which",
        "portal",
    ),
    Row("own private host", dns.host, NameFacts(host="broker.local", addresses=("10.1.1.1",)), OK, "10.1.1.1"),
]


@pytest.mark.parametrize("row", DNS, ids=str)
def test_judgements(row: Row) -> None:
    """These facts, this level, these words, this fix."""
    row.holds()
