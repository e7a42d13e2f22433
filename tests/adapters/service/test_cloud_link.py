"""The MQTT leg of the loop on real sockets."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path

import pytest

from iot_onboard.config.hardware import Board
from iot_onboard.config.reader import parse
from iot_onboard.config.schema import Document
from iot_onboard.lifecycle import model as m
from iot_onboard.net.dial import dial
from iot_onboard.net.tls import tls_context
from iot_onboard.reporting.runtime_files import ReportLog
from iot_onboard.service.cloud_link import CloudLink
from iot_onboard.service.loop import Loop
from support.gateway.stored import DEVICE
from support.platform.tlsserver import TlsServer


def hang_up(connection: ssl.SSLSocket) -> None:
    """Send RST in the place of anything else."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


@pytest.mark.parametrize("send_disconnect", [True, False])
def test_a_peer_that_is_gone_before_the_login(tmp_path: Path, send_disconnect: bool) -> None:
    """What was dialled may be dead by the time of CONNECT: the loop hears of a loss, and goes on."""
    config, _ = parse([Document(name="c", text="product_key: a1b2c3d4e5f\ndevice_name: gw-0001\n")])
    assert config is not None
    heard: list[m.Input] = []
    loop = Loop()

    def hear(given: m.Input) -> None:
        heard.append(given)
        loop.end()

    with TlsServer(hang_up) as server:
        session = CloudLink(
            config=config,
            identity=DEVICE.identity,
            version="1.0",
            read_board=lambda: Board(os_name="", model="", serial=""),
            report_log=ReportLog(tmp_path),
            loop=loop,
            monotonic_s=time.monotonic,
            feed=hear,
            reported=lambda: None,
        )
        context = tls_context(server.ca_file, handshake_timeout_s=5)
        dialled = dial("localhost", server.port, context=context, proxy=None, dial_timeout_s=5)
        server.join()
        session.set_dialled(dialled)
        session.login(DEVICE)
        loop.run()
        session.close(send_disconnect=send_disconnect)
    assert [type(given) for given in heard] == [m.Lost]
