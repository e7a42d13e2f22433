"""Both legs through an HTTP proxy."""

from __future__ import annotations

from support.gateway.gateway import Gateway
from support.platform.fakeproxy import FakeProxy
from support.platform.sandbox import Sandbox


def test_both_legs_go_through_the_proxy(sandbox: Sandbox, gateway: Gateway) -> None:
    """Registration and MQTT use the tunnel and its password; the password shows nowhere."""
    with FakeProxy("gw", "p@ssw0rd") as proxy:
        gateway.configure(sandbox, f"proxy: 'http://gw:p%40ssw0rd@127.0.0.1:{proxy.port}'\n")
        gateway.online()
        # At the same time, hence in any order.
        assert set(proxy.asked) == {f"127.0.0.1:{sandbox.https_port}", f"127.0.0.1:{sandbox.mqtt_port}"}
        assert len(proxy.asked) == 2
        assert "p@ssw0rd" not in gateway.lines()
        assert "p%40ssw0rd" not in gateway.lines()


def test_a_proxy_that_refuses_is_named(sandbox: Sandbox, gateway: Gateway) -> None:
    """A wrong password: the line speaks of the proxy."""
    with FakeProxy("gw", "right") as proxy:
        gateway.configure(sandbox, f"proxy: 'http://gw:wr0ng@127.0.0.1:{proxy.port}'\n")
        gateway.start()
        assert "proxy" in gateway.wait_for_line("Registration failed")
        assert "wr0ng" not in gateway.lines()
        gateway.kill()
        gateway.config.write_text(gateway.config.read_text().replace("wr0ng", "right"))
        assert gateway.command("register").returncode == 0
        gateway.config.write_text(gateway.config.read_text().replace("right", "wr0ng"))
        gateway.start()
        assert "proxy" in gateway.wait_for_line("Cannot connect")
