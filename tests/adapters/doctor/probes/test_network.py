"""What the doctor sees of interfaces, addresses and routes, of name look-up, and of ports on real sockets."""

from __future__ import annotations

from pathlib import Path

import pytest

from iot_onboard.doctor.checks import network, tls
from iot_onboard.doctor.model import Level
from iot_onboard.doctor.probes.network import (
    MQTT_CONNECTION,
    MQTT_NAME,
    NETWORK,
    PROXY_CONNECTION,
    PROXY_NAME,
    REGISTRATION_CONNECTION,
    REGISTRATION_NAME,
    RESOLVER_FILES,
    ROUTES,
)
from iot_onboard.doctor.probes.tls import MQTT_HANDSHAKE
from support.gateway.examined import configured, write
from support.machine.namespace import why_no_namespace
from support.platform.deaf import deaf
from support.platform.fakeproxy import FakeProxy
from support.platform.tlsserver import TlsServer
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
for rule in (network.link, network.address, network.route): print(rule(facts).level.value)
print(network.resolver(bring(RESOLVER_FILES, config)).sentence)
print(bring(REGISTRATION_NAME, config).unresolved)
"""
    assert in_own_network(tmp_path / "net", config, code) == [
        "fail",
        "fail",
        "fail",
        "Name servers: 127.0.0.1.",
        "Unresolved.NO_ANSWER",
    ]


@needs_namespace
def test_names_that_there_are_not(tmp_path: Path, config: Path) -> None:
    """A resolver that says so is told from one that does not answer; it makes nothing up."""
    write(config)
    code = """
print(bring(MQTT_NAME, config).unresolved, network.name(bring(MQTT_NAME, config)).sentence)
print(network.nonexistent_name(bring(NONEXISTENT_NAME, config)).level.value)
"""
    lines = in_own_network(tmp_path / "net", config, code, nameserver=True)
    assert lines[0].startswith("Unresolved.UNKNOWN The name a1b2c3d4e5f.iot-as-mqtt.cn-shanghai.aliyuncs.com")
    assert lines[1] == "ok"


def test_names_that_are_addresses(config: Path) -> None:
    """An address is looked up nowhere; with a proxy the hosts are its business."""
    assert bring(REGISTRATION_NAME, config).literal
    assert bring(MQTT_NAME, config).addresses
    assert bring(PROXY_NAME, config) is None
    write(config, "proxy: http://127.0.0.1:3128\n")
    assert bring(MQTT_NAME, config).by_proxy
    proxy = bring(PROXY_NAME, config)
    assert proxy is not None
    assert proxy.addresses == ("127.0.0.1",)


def test_the_resolvers_configuration(tmp_path: Path, config: Path) -> None:
    """Its servers, its absence, and who is asked instead."""
    etc = tmp_path / "etc"
    etc.mkdir()
    assert network.resolver(bring(RESOLVER_FILES, config, tmp_path)).level is Level.WARN
    (etc / "nsswitch.conf").write_text("passwd: files\nhosts: files resolve [!UNAVAIL=return] dns\n")
    assert "systemd-resolved" in network.resolver(bring(RESOLVER_FILES, config, tmp_path)).sentence
    (etc / "resolv.conf").write_text("# nameserver 192.0.2.1\nnameserver 192.0.2.53\n nameserver 2001:db8::53\n")
    assert bring(RESOLVER_FILES, config, tmp_path).servers == ("192.0.2.53", "2001:db8::53")


def test_ports(tmp_path: Path) -> None:
    """Answering, refusing and deaf ones are told apart; a deaf one takes less than the limit."""
    with TlsServer() as server, deaf() as silent:
        facts = bring(REGISTRATION_CONNECTION, configured(tmp_path, https=server.port))
        assert network.port(facts).level is Level.OK
        facts = bring(MQTT_CONNECTION, configured(tmp_path, mqtt=silent))
        assert "127.0.0.1 timed out" in network.port(facts).sentence
    facts = bring(MQTT_CONNECTION, configured(tmp_path, mqtt=silent))
    assert "127.0.0.1 connection refused" in network.port(facts).sentence


def test_through_a_proxy(tmp_path: Path) -> None:
    """The tunnel is made as the daemon makes it; a wrong password is told, and shown nowhere."""
    with TlsServer() as server, FakeProxy("gw", "hunter2") as proxy:
        extra = f"proxy: http://gw:hunter2@127.0.0.1:{proxy.port}\n"
        config = configured(tmp_path, https=server.port, mqtt=server.port, ca_file=server.ca_file, extra=extra)
        assert network.proxy(bring(PROXY_CONNECTION, config)).level is Level.OK
        assert network.port(bring(REGISTRATION_CONNECTION, config)).level is Level.OK
        assert "connects to localhost" in network.port(bring(MQTT_CONNECTION, config)).sentence
        assert tls.handshake(bring(MQTT_HANDSHAKE, config)).level is Level.OK
        config.write_text(config.read_text().replace("hunter2", "hunter3"))
        facts = bring(REGISTRATION_CONNECTION, config)
        finding = network.port(facts)
    assert finding.level is Level.FAIL
    assert "407" in finding.sentence
    assert "hunter" not in f"{facts}{finding}"
    assert network.proxy(bring(PROXY_CONNECTION, config)).level is Level.FAIL
