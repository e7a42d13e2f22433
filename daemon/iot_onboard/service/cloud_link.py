"""The MQTT leg of the loop: what was dialled, the session on it, and the report that opens it."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from .. import __version__
from ..aliyun.login import login
from ..config.hardware import Board
from ..config.schema import Config
from ..core.identity import Credentials, Identity
from ..lifecycle import model as m
from ..mqtt.client import Connack, Connection, ConnectionLost, MqttEvent, Published, Unrequested
from ..net.tls import BoundedContext
from ..reporting.runtime_files import ReportLog
from .loop import READ, WRITE, Loop, Source

# From how many messages on that nobody subscribed to they are told of, once in the life of the process.
MANY_UNREQUESTED = 10


class CloudLink:
    """Hold at most one connection, and feed what happens on it to the state machine."""

    def __init__(
        self,
        *,
        config: Config,
        identity: Identity,
        read_board: Callable[[], Board],
        report_log: ReportLog,
        loop: Loop,
        monotonic_s: Callable[[], float],
        feed: Callable[[m.Input], None],
        reported: Callable[[], None],
        many_unrequested: Callable[[], None] = lambda: None,
    ) -> None:
        self._config = config
        self._identity = identity
        self._read_board = read_board
        self._report_log = report_log
        self._monotonic_s = monotonic_s
        self._feed = feed
        self._reported = reported
        self._many_unrequested = many_unrequested
        self._unrequested = 0
        self._dialled: ssl.SSLSocket | None = None
        self._connection: Connection | None = None
        self._unconfirmed: set[int] = set()
        self._resumable: BoundedContext | None = None
        loop.add(
            Source(
                fileno=self._fileno, mask=self._mask, on_ready=self._on_ready, due_at=self._check_at, on_due=self._check
            )
        )

    def set_dialled(self, dialled: ssl.SSLSocket) -> None:
        """Take what was dialled, for the login."""
        self._dialled = dialled

    def login(self, credentials: Credentials) -> None:
        """Send CONNECT on what was dialled."""
        if self._dialled is None:
            raise AssertionError("a login without a dialled connection")
        triple = login(credentials, self._config.sign_method)
        self._connection = Connection(
            self._dialled,
            client_id=triple.client_id,
            username=triple.username,
            password=triple.password,
            keepalive_s=self._config.mqtt_keepalive_s,
            clean_session=self._config.mqtt_clean_session,
            now=self._monotonic_s,
        )
        self._dialled = None

    def take_resumable_context(self) -> BoundedContext | None:
        """Return what the last good login leaves for the next dial, once: after one that fails comes a plain one."""
        context, self._resumable = self._resumable, None
        return context

    def report(self) -> None:
        """Tell the platform version and tags, where this boot has not yet."""
        if self._connection is None or self._report_log.reported(__version__):
            return
        # Imported here: once a boot is enough.
        from ..aliyun.topics import tags_report, version_report

        board = self._read_board()
        agent = f"iot-onboard {__version__}"
        tags = {"os": board.os_name, "agent": agent, "model": board.model, "serial": board.serial}
        for message in (version_report(self._identity, __version__), tags_report(self._identity, tags)):
            self._unconfirmed.add(self._connection.publish(message.topic, message.payload))

    def probe(self) -> None:
        """Ask whether the server is still there, where there is a connection."""
        if self._connection is not None:
            self._connection.probe()

    def close(self, *, send_disconnect: bool) -> None:
        """Close what is open, where there is something."""
        if self._dialled is not None:
            self._dialled.close()
            self._dialled = None
        connection, self._connection = self._connection, None
        self._unconfirmed.clear()
        if connection is None:
            return
        if send_disconnect:
            connection.disconnect()
        else:
            connection.drop()

    def _fileno(self) -> int:
        # Paho may close its socket before we hear of it.
        return -1 if self._connection is None or self._connection.over else self._connection.fileno()

    def _mask(self) -> int:
        return READ | WRITE if self._connection is not None and self._connection.want_write() else READ

    def _check_at(self) -> float | None:
        return None if self._connection is None else self._connection.next_check_at()

    def _check(self) -> None:
        if self._connection is not None:
            self._tell(self._connection.tick())

    def _on_ready(self, mask: int) -> None:
        # What is told may close the connection.
        if self._connection is not None and mask & WRITE:
            self._tell(self._connection.write())
        if self._connection is not None and mask & READ:
            self._tell(self._connection.read())

    def _tell(self, events: list[MqttEvent]) -> None:
        for event in events:
            match event:
                case Connack(code=0):
                    # A server's session tickets come before its CONNACK.
                    self._resumable = self._connection.resumable() if self._connection is not None else None
                    self._feed(m.Accepted())
                case Connack(code=code):
                    self._feed(m.Refused(code=code))
                case ConnectionLost(by_server=by_server, detail=detail, violation=violation):
                    self._feed(m.Lost(by_server=by_server, detail=detail, violation=violation))
                case Unrequested(count=count):
                    self._count_unrequested(count)
                case Published(mid=mid):
                    self._confirm(mid)

    def _count_unrequested(self, count: int) -> None:
        before, self._unrequested = self._unrequested, self._unrequested + count
        if before < MANY_UNREQUESTED <= self._unrequested:
            self._many_unrequested()

    def _confirm(self, mid: int) -> None:
        if mid in self._unconfirmed:
            self._unconfirmed.discard(mid)
            if not self._unconfirmed:
                self._report_log.mark(__version__)
                self._reported()
