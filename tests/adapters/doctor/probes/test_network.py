"""What the doctor sees of interfaces, addresses and routes."""

from __future__ import annotations

from pathlib import Path

import pytest

from iot_onboard.doctor.checks import network
from iot_onboard.doctor.model import Level
from iot_onboard.doctor.probes.network import NETWORK, ROUTES
from support.gateway.examined import write
from support.machine.namespace import why_no_namespace
from support.process.probing import bring, in_own_network

needs_namespace = pytest.mark.skipif(why_no_namespace() is not None, reason=str(why_no_namespace()))


def test_this_machines_network(config: Path) -> None:
    """Loopback is left out; what is spoken to is loopback here, and has a route."""
    facts = bring(NETWORK, config)
    assert "lo" not in {link.name for link in facts.links}
    assert not any(address.is_loopback for address in facts.addresses)
    near = bring(ROUTES, config).near
    assert near in {("127.0.0.1",), ("127.0.0.1", "::1")}
    assert network.link(bring(ROUTES, config)).level is Level.SKIPPED


def test_network_without_a_configuration(tmp_path: Path) -> None:
    """What is wrong with the configuration does not hide what is wrong with the network."""
    assert bring(ROUTES, tmp_path / "none.yaml").near == ()


@needs_namespace
def test_a_machine_without_a_network(tmp_path: Path, config: Path) -> None:
    """No link, no address, no route, and a resolver that does not answer."""
    write(config)
    code = """
facts = bring(ROUTES, config)
for judge in (network.link, network.address, network.route): print(judge(facts).level.value)
print(dns.resolver(bring(RESOLVER_FILES, config)).sentence)
print(bring(REGISTRATION_NAME, config).unresolved)
"""
    assert in_own_network(tmp_path / "net", config, code) == [
        "fail",
        "fail",
        "fail",
        "Name servers: 127.0.0.1.",
        "Unresolved.NO_ANSWER",
    ]
