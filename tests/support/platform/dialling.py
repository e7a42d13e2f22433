"""Dial a server of ours as the daemon does, and say what became of it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from iot_onboard.core.failures import OnboardError, Transient
from iot_onboard.core.proxy import ProxyAddress
from iot_onboard.net.dial import dial
from iot_onboard.net.tls import tls_context
from support.platform.tlsserver import TlsServer


def connect_tcp(
    server: TlsServer,
    host: str = "localhost",
    *,
    timeout_s: float = 5.0,
    proxy: ProxyAddress | None = None,
    ca_file: Path | None = None,
) -> ssl.SSLSocket:
    context = tls_context(ca_file or server.ca_file, handshake_timeout_s=timeout_s)
    return dial(host, server.port, context=context, proxy=proxy, dial_timeout_s=timeout_s)


def failure(act: Callable[[], object]) -> Transient:
    with pytest.raises(OnboardError) as caught:
        act()
    assert isinstance(caught.value.failure, Transient)
    return caught.value.failure
