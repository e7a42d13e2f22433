"""What the doctor sees of the platform's ports and of the proxy, on real sockets."""

from __future__ import annotations

from pathlib import Path

from iot_onboard.doctor.checks import reach, tls
from iot_onboard.doctor.model import Level
from iot_onboard.doctor.probes.reach import MQTT_CONNECTION, PROXY_CONNECTION, REGISTRATION_CONNECTION
from iot_onboard.doctor.probes.tls import MQTT_HANDSHAKE
from support.gateway.examined import configured
from support.platform.deaf import deaf
from support.platform.fakeproxy import FakeProxy
from support.platform.tlsserver import TlsServer
from support.process.probing import bring


def test_ports(tmp_path: Path) -> None:
    """Answering, refusing and deaf ones are told apart; a deaf one takes less than the limit."""
    with TlsServer() as server, deaf() as silent:
        facts = bring(REGISTRATION_CONNECTION, configured(tmp_path, https=server.port))
        assert reach.host(facts).level is Level.OK
        facts = bring(MQTT_CONNECTION, configured(tmp_path, mqtt=silent))
        assert "127.0.0.1 timed out" in reach.host(facts).sentence
    facts = bring(MQTT_CONNECTION, configured(tmp_path, mqtt=silent))
    assert "127.0.0.1 connection refused" in reach.host(facts).sentence


def test_through_a_proxy(tmp_path: Path) -> None:
    """The tunnel is made as the daemon makes it; a wrong password is told, and shown nowhere."""
    with TlsServer() as server, FakeProxy("gw", "hunter2") as proxy:
        extra = f"proxy: http://gw:hunter2@127.0.0.1:{proxy.port}\n"
        config = configured(tmp_path, https=server.port, mqtt=server.port, ca_file=server.ca_file, extra=extra)
        assert reach.proxy(bring(PROXY_CONNECTION, config)).level is Level.OK
        assert reach.host(bring(REGISTRATION_CONNECTION, config)).level is Level.OK
        assert "leads on to localhost" in reach.host(bring(MQTT_CONNECTION, config)).sentence
        assert tls.handshake(bring(MQTT_HANDSHAKE, config)).level is Level.OK
        config.write_text(config.read_text().replace("hunter2", "hunter3"))
        facts = bring(REGISTRATION_CONNECTION, config)
        finding = reach.host(facts)
    assert finding.level is Level.FAIL
    assert "407" in finding.sentence
    assert "hunter" not in f"{facts}{finding}"
    assert reach.proxy(bring(PROXY_CONNECTION, config)).level is Level.FAIL
