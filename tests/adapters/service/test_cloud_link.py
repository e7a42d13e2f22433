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
from iot_onboard.service.reports import SkippedReport
from support.gateway.stored import DEVICE
from support.platform.broker import CONNECT, DISCONNECT, PUBLISH, Broker
from support.platform.fakebroker import CONNACK_OK, FakeBroker
from support.platform.tlsserver import TlsServer

LOGIN = m.Login(credentials=DEVICE, keepalive_s=300)


def hang_up(connection: ssl.SSLSocket) -> None:
    """Send RST in the place of anything else."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


class Linked:
    """A link in a loop, and what the state machine and the operator hear of it; either may end the loop."""

    def __init__(self, directory: Path, serial: str = "42") -> None:
        config, _ = parse([Document(name="c", text="product_key: a1b2c3d4e5f\ndevice_name: gw-0001\n")])
        assert config is not None
        self.heard: list[m.Input] = []
        self.reports = 0
        self.skipped: list[SkippedReport] = []
        self.many_unrequested = 0
        self.sends_bytes: int | None = None
        self.probes = False
        self.closes = False
        self.ends_on: type[m.Input] | None = None
        self.loop = Loop()
        self.link = CloudLink(
            config=config,
            identity=DEVICE.identity,
            read_board=lambda: Board(os_name="Debian", model="", serial=serial),
            report_log=ReportLog(directory),
            loop=self.loop,
            monotonic_s=time.monotonic,
            feed=self._feed,
            reported=self._reported,
            on_report_skipped=self.skipped.append,
            many_unrequested=self._count_unrequested,
        )

    def log_in(self, server: TlsServer) -> None:
        context = tls_context(server.ca_file, handshake_timeout_s=5)
        dialled = dial("localhost", server.port, context=context, proxy=None, dial_timeout_s=5)
        if self.sends_bytes is not None:
            dialled.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.sends_bytes)
        self.link.set_dialled(dialled)

    def _feed(self, given: m.Input) -> None:
        self.heard.append(given)
        if isinstance(given, m.Accepted):
            if self.closes:
                self.link.close(send_disconnect=False)
            self.link.report()
            if self.probes:
                self.link.probe()
        if self.ends_on is None or isinstance(given, self.ends_on):
            self.loop.end()

    def _count_unrequested(self) -> None:
        self.many_unrequested += 1

    def _reported(self) -> None:
        self.reports += 1
        self.loop.end()


@pytest.mark.parametrize("send_disconnect", [True, False])
def test_a_peer_that_is_gone_before_the_login(tmp_path: Path, send_disconnect: bool) -> None:
    """What was dialled may be dead by the time of CONNECT: the loop hears of a loss, and goes on."""
    linked = Linked(tmp_path)
    with TlsServer(hang_up) as server:
        linked.log_in(server)
        server.join()
        linked.link.login(LOGIN)
        linked.loop.run()
        linked.link.close(send_disconnect=send_disconnect)
    assert [type(given) for given in linked.heard] == [m.Lost]


def test_a_session_reports_once_a_boot_and_takes_its_leave(tmp_path: Path) -> None:
    """Version and tags are told once both have been acknowledged; another session of the boot tells nothing."""
    with Broker() as server:
        for reports in (1, 0):
            linked = Linked(tmp_path)
            linked.ends_on = m.Lost if reports else m.Accepted
            linked.log_in(server)
            linked.link.login(LOGIN)
            linked.loop.run()
            linked.link.close(send_disconnect=True)
            server.join()
            assert ([type(given) for given in linked.heard], linked.reports) == ([m.Accepted], reports)
    assert server.kinds == [CONNECT, PUBLISH, PUBLISH, DISCONNECT, CONNECT, DISCONNECT]
    assert [topic.rpartition("/")[0] for topic in server.topics] == [
        "/ota/device/inform/a1b2c3d4e5f",
        "/sys/a1b2c3d4e5f/gw-0001/thing/deviceinfo",
    ]


def test_what_does_not_go_out_at_once_goes_out_later(tmp_path: Path) -> None:
    """More than the buffers on the way hold: the loop is told to wait for room as well."""
    linked = Linked(tmp_path, serial="x" * 16_000_000)
    linked.ends_on = m.Lost
    with Broker() as server:
        linked.log_in(server)
        linked.link.login(LOGIN)
        linked.loop.run()
        linked.link.close(send_disconnect=True)
        server.join()
    assert (linked.reports, len(server.topics)) == (1, 2)


def test_a_refusal_is_fed_with_its_number(tmp_path: Path) -> None:
    """As MQTT 3.1.1 has it."""
    linked = Linked(tmp_path)
    with FakeBroker("connack 5") as server:
        linked.log_in(server)
        linked.link.login(LOGIN)
        linked.loop.run()
        linked.link.close(send_disconnect=False)
    assert linked.heard[0] == m.Refused(code=5)


def test_the_keep_alive_is_that_of_the_login(tmp_path: Path) -> None:
    """It may be shorter than the configured one."""
    linked = Linked(tmp_path)
    with FakeBroker("connack 5") as server:
        linked.log_in(server)
        linked.link.login(m.Login(credentials=DEVICE, keepalive_s=36))
        linked.loop.run()
        linked.link.close(send_disconnect=False)
    # After the fixed header, whose length has two bytes here, the name and level of the protocol, and the flags.
    assert server.packets[0][11:13] == b"\0\x24"


def loss_of(linked: Linked, server: TlsServer, keepalive_s: int = 300) -> m.Lost:
    """Log in, live until the session is lost, and return what the state machine is told."""
    linked.ends_on = m.Lost
    with server:
        linked.log_in(server)
        linked.link.login(m.Login(credentials=DEVICE, keepalive_s=keepalive_s))
        linked.loop.run()
        linked.link.close(send_disconnect=False)
    (lost,) = (given for given in linked.heard if isinstance(given, m.Lost))
    return lost


def test_what_was_silent_and_unanswered_is_told_with_the_loss(tmp_path: Path) -> None:
    """The version report had no answer; after two such sessions it is left out, and that is told once it is lost."""
    processes = [Linked(tmp_path) for _ in range(3)]
    endings = ("close-on-report", "close-on-report", "leave")
    lost = [loss_of(linked, FakeBroker(ending)) for linked, ending in zip(processes, endings, strict=True)]
    assert [given.unanswered for given in lost] == [True, True, False]
    assert not any(given.idle_time.ping_unanswered for given in lost)
    assert all(given.idle_time.lasted_s < 1.0 for given in lost[:2])
    skipped = [[(one.name, one.losses) for one in linked.skipped] for linked in processes]
    assert skipped == [[], [("version", 2)], []]


def test_a_loss_that_a_change_of_the_network_explains_leaves_nothing_out(tmp_path: Path) -> None:
    """A reset that answers the question whether the server is still there comes from a router."""

    def speak(connection: ssl.SSLSocket) -> None:
        connection.recv(4096)
        connection.sendall(CONNACK_OK)
        while b"\xc0\x00" not in connection.recv(4096):
            pass
        hang_up(connection)

    for _ in range(3):
        linked = Linked(tmp_path)
        linked.probes = True
        lost = loss_of(linked, TlsServer(speak))
        assert (lost.by_server, lost.unanswered, lost.idle_time.ping_unanswered) == (False, True, True)
        assert linked.skipped == []


def test_a_session_that_the_server_ends_is_lost_once(tmp_path: Path) -> None:
    """The operator is told by whom."""
    linked = Linked(tmp_path)
    linked.ends_on = m.Lost
    with FakeBroker("close") as server:
        linked.log_in(server)
        linked.link.login(LOGIN)
        linked.loop.run()
        linked.link.close(send_disconnect=False)
    assert [type(given) for given in linked.heard] == [m.Accepted, m.Lost]
    assert isinstance(linked.heard[1], m.Lost)
    assert linked.heard[1].by_server


@pytest.mark.parametrize(("count", "times"), [(9, 0), (10, 1), (500, 1)])
def test_many_messages_that_nobody_asked_for_are_told_once(tmp_path: Path, count: int, times: int) -> None:
    """With the tenth; the session goes on until the server ends it."""

    def speak(connection: ssl.SSLSocket) -> None:
        connection.recv(4096)
        connection.sendall(CONNACK_OK + b"\x30\x03\x00\x01t" * count)

    linked = Linked(tmp_path)
    linked.ends_on = m.Lost
    with TlsServer(speak) as server:
        linked.log_in(server)
        linked.link.login(LOGIN)
        linked.loop.run()
        linked.link.close(send_disconnect=False)
    assert (linked.many_unrequested, [type(given) for given in linked.heard]) == (times, [m.Accepted, m.Lost])


def test_what_nobody_asked_for_is_acknowledged(tmp_path: Path) -> None:
    """At once, whatever it weighs: the server would send it again after each login."""
    numbers, answers = range(1, 13), bytearray()

    def speak(connection: ssl.SSLSocket) -> None:
        connection.recv(4096)
        connection.sendall(CONNACK_OK)
        for number in numbers:
            # 256 kB at QoS 1: more than is held at a time.
            connection.sendall(b"\x32\x85\x80\x10\x00\x01t" + number.to_bytes(2, "big") + bytes(262_144))
        while answers.count(b"\x40\x02\x00") < len(numbers) and (data := connection.recv(4096)):
            answers.extend(data)

    linked = Linked(tmp_path)
    # A short keep-alive: a client that does not go on reading ends soon.
    lost = loss_of(linked, TlsServer(speak), keepalive_s=5)
    assert lost.by_server
    assert [answers.count(b"\x40\x02" + number.to_bytes(2, "big")) for number in numbers] == [1] * len(numbers)
    assert linked.many_unrequested == 1


def test_a_server_that_takes_no_acknowledgement_is_left(tmp_path: Path) -> None:
    """The loop hears of it as of any other loss."""

    def speak(connection: ssl.SSLSocket) -> None:
        connection.recv(4096)
        connection.sendall(CONNACK_OK)
        while True:
            connection.sendall(b"\x32\x05\x00\x01t\x00\x08" * 1000)

    linked = Linked(tmp_path)
    linked.sends_bytes = 4096
    server = TlsServer(speak, receives_bytes=4096)
    lost = loss_of(linked, server)
    assert (lost.violation, "does not read their acknowledgements" in lost.detail) == (True, True)


def test_what_came_after_a_close_of_ours_is_of_no_session(tmp_path: Path) -> None:
    """The state machine had the connection closed: it does not hear that it was lost as well."""

    def speak(connection: ssl.SSLSocket) -> None:
        connection.recv(4096)
        # In one record, so that both are read in one call.
        connection.sendall(CONNACK_OK + b"\xf0\x00")

    linked = Linked(tmp_path)
    linked.closes = True
    linked.ends_on = m.Accepted
    with TlsServer(speak) as server:
        linked.log_in(server)
        linked.link.login(LOGIN)
        linked.loop.run()
        server.join()
    assert [type(given) for given in linked.heard] == [m.Accepted]


def test_a_server_that_breaks_the_protocol_is_told_as_that(tmp_path: Path) -> None:
    """Not as one that hung up."""
    linked = Linked(tmp_path)
    linked.ends_on = m.Lost
    with FakeBroker("rubbish") as server:
        linked.log_in(server)
        linked.link.login(LOGIN)
        linked.loop.run()
        linked.link.close(send_disconnect=False)
    assert isinstance(linked.heard[1], m.Lost)
    assert linked.heard[1].violation


def test_what_was_dialled_and_is_not_wanted_is_closed(tmp_path: Path) -> None:
    """A stop between the dial and the login leaves no connection behind."""
    linked = Linked(tmp_path)
    with Broker() as server:
        linked.log_in(server)
        linked.link.close(send_disconnect=True)
        server.join()
    assert server.kinds == []
