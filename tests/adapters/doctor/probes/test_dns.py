"""What the doctor sees of name look-up."""

from __future__ import annotations

from pathlib import Path

import pytest

from iot_onboard.doctor.checks import dns
from iot_onboard.doctor.model import Level
from iot_onboard.doctor.probes.dns import MQTT_NAME, PROXY_NAME, REGISTRATION_NAME, RESOLVER_FILES
from support.gateway.examined import write
from support.machine.namespace import why_no_namespace
from support.process.probing import bring, in_own_network

needs_namespace = pytest.mark.skipif(why_no_namespace() is not None, reason=str(why_no_namespace()))


@needs_namespace
def test_names_that_there_are_not(tmp_path: Path, config: Path) -> None:
    """A resolver that says so is told from one that does not answer; it makes nothing up."""
    write(config)
    code = """
print(bring(MQTT_NAME, config).unresolved, dns.host(bring(MQTT_NAME, config)).sentence)
print(dns.honest(bring(NONEXISTENT_NAME, config)).level.value)
"""
    lines = in_own_network(tmp_path / "net", config, code, nameserver=True)
    assert lines[0].startswith("Unresolved.UNKNOWN There is no name a1b2c3d4e5f.iot-as-mqtt.cn-shanghai.aliyuncs.com")
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
    assert dns.resolver(bring(RESOLVER_FILES, config, tmp_path)).level is Level.WARN
    (etc / "nsswitch.conf").write_text("passwd: files\nhosts: files resolve [!UNAVAIL=return] dns\n")
    assert "systemd-resolved" in dns.resolver(bring(RESOLVER_FILES, config, tmp_path)).sentence
    (etc / "resolv.conf").write_text("# nameserver 192.0.2.1\nnameserver 192.0.2.53\n nameserver 2001:db8::53\n")
    assert bring(RESOLVER_FILES, config, tmp_path).servers == ("192.0.2.53", "2001:db8::53")
