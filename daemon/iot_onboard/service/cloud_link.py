"""The MQTT leg of the loop: what was dialled, the session on it, and the report that opens it."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from .. import __version__
from ..aliyun.login import login
from ..config.hardware import Board
from ..config.schema import Config
from ..core.identity import Identity
from ..fast_start.typing_names import TYPE_CHECKING
from ..lifecycle import model as m
from ..mqtt.client import Connection
from ..mqtt.model import Connack, ConnectionLost, MqttEvent, Published, Received
from ..net.tls import BoundedContext
from ..reporting.runtime_files import ReportLog
from .loop import READ, WRITE, Loop, Source

if TYPE_CHECKING:
    from .reports import Reports, SkippedReport

# From how many messages on that nobody subscribed to this is reported, once in the life of the process.
MANY_UNREQUESTED = 10


class CloudLink:
    """Hold at most one connection, and feed its events to the state machine."""

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
        on_report_skipped: Callable[[SkippedReport], None],
        many_unrequested: Callable[[], None] = lambda: None,
    ) -> None:
        self._config = config
        self._identity = identity
        self._read_board = read_board
        self._report_log = report_log
        self._monotonic_s = monotonic_s
        self._feed = feed
        self._reported = reported
        self._on_report_skipped = on_report_skipped
        self._many_unrequested = many_unrequested
        self._unrequested = 0
        self._dialled: ssl.SSLSocket | None = None
        self._connection: Connection | None = None
        self._reports: Reports | None = None
        self._network_changed = False
        self._resumable: BoundedContext | None = None
        loop.add(
            Source(
                fileno=self._fileno, mask=self._mask, on_ready=self._on_ready, due_at=self._check_at, on_due=self._check
            )
        )

    def set_dialled(self, dialled: ssl.SSLSocket) -> None:
        """Take what was dialled, for the login."""
        self._dialled = dialled

    def login(self, effect: m.Login) -> None:
        """Send CONNECT on what was dialled."""
        if self._dialled is None:
            raise AssertionError("a login without a dialled connection")
        triple = login(effect.credentials, self._config.sign_method)
        self._connection = Connection(
            self._dialled,
            client_id=triple.client_id,
            username=triple.username,
            password=triple.password,
            keepalive_s=effect.keepalive_s,
            first_ping_s=effect.first_ping_s,
            clean_session=self._config.mqtt_clean_session,
            now=self._monotonic_s,
        )
        self._dialled = None
        self._network_changed = False

    def take_resumable_context(self) -> BoundedContext | None:
        """Return what the last good login leaves for the next dial, once: after one that fails comes a plain one."""
        context, self._resumable = self._resumable, None
        return context

    def report(self) -> None:
        """Report version and tags to the platform, if this boot has not done so yet."""
        if self._connection is None or self._report_log.reported(__version__):
            return
        if self._reports is None:
            try:
                # Imported here: needed once in a boot.
                from .reports import Reports
            except Exception:
                # No descriptor is left, or the file is damaged: the session goes on without reports.
                return
            self._reports = Reports(
                identity=self._identity,
                read_board=self._read_board,
                log=self._report_log,
                monotonic_s=self._monotonic_s,
                reported=self._reported,
            )
        self._reports.begin(self._connection)

    def probe(self) -> None:
        """Ask whether the server is still there, if there is a connection."""
        self._network_changed = True
        if self._connection is not None:
            self._connection.probe()

    def close(self, *, send_disconnect: bool) -> None:
        """Close the connection, if there is one."""
        if self._dialled is not None:
            self._dialled.close()
            self._dialled = None
        connection, self._connection = self._connection, None
        if self._reports is not None:
            self._reports.end()
        if connection is None:
            return
        if send_disconnect:
            connection.disconnect()
        else:
            connection.drop()

    def _fileno(self) -> int:
        # A selector refuses an empty mask. A connection that is over has an event waiting, and is due at once.
        connection = self._connection
        return connection.fileno() if connection is not None and self._mask() else -1

    def _mask(self) -> int:
        connection = self._connection
        if connection is None:
            return 0
        return (READ if connection.want_read() else 0) | (WRITE if connection.want_write() else 0)

    def _check_at(self) -> float | None:
        if self._connection is None:
            return None
        at = self._reports.due_at() if self._reports is not None else None
        check_at = self._connection.next_check_at()
        return check_at if at is None else min(at, check_at)

    def _check(self) -> None:
        if self._reports is not None:
            self._reports.tick()
        if self._connection is not None:
            self._handle(self._connection, self._connection.tick())

    def _on_ready(self, mask: int) -> None:
        # An event may have closed the connection.
        if self._connection is not None and mask & WRITE:
            self._handle(self._connection, self._connection.write())
        if self._connection is not None and mask & READ:
            self._handle(self._connection, self._connection.read())

    def _handle(self, connection: Connection, events: list[MqttEvent]) -> None:
        for event in events:
            if connection is not self._connection:
                # An event before this one closed it: the rest is about no session.
                break
            match event:
                case Connack(code=0):
                    # A server's session tickets come before its CONNACK.
                    self._resumable = connection.resumable()
                    self._feed(m.Accepted())
                case Connack(code=code):
                    self._feed(m.Refused(code=code))
                case ConnectionLost() as lost:
                    self._lose(connection, lost)
                case Published(mid=mid) if self._reports is not None:
                    self._reports.confirm(mid)
        if messages := [event for event in events if isinstance(event, Received)]:
            self._drop_unrequested(connection, messages)

    def _drop_unrequested(self, connection: Connection, messages: list[Received]) -> None:
        """Acknowledge what nobody subscribed to: otherwise the server sends it again after each login."""
        connection.acknowledge(*(message.mid for message in messages))
        before, self._unrequested = self._unrequested, self._unrequested + len(messages)
        if before < MANY_UNREQUESTED <= self._unrequested:
            self._many_unrequested()

    def _lose(self, connection: Connection, lost: ConnectionLost) -> None:
        reports = self._reports
        unanswered = reports is not None and reports.are_unanswered
        input_ = m.Lost(
            by_server=lost.by_server,
            detail=lost.detail,
            violation=lost.violation,
            unanswered=unanswered,
            idle_time=connection.idle_time,
        )
        # A change of the network explains a loss, if the server did not end the connection.
        is_explained = self._network_changed and not lost.by_server
        skipped = reports.lose() if reports is not None and not is_explained else ()
        self._feed(input_)
        for report in skipped:
            self._on_report_skipped(report)
