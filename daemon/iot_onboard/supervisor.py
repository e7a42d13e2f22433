"""The one loop: it waits for the world, feeds the state machine, and runs the effects that come back."""

from __future__ import annotations

import contextlib
import random
import selectors
import ssl
from collections.abc import Callable
from typing import Any

from . import lifecycle
from .aliyun.login import login
from .aliyun.topics import tags_report, version_report
from .clock import Clock
from .connection import ConnackAccepted, ConnackRefused, Connection, ConnectionLost, Happening, Published
from .credentials import Credentials
from .errors import Failure
from .events import Details, Event
from .hardware import Board
from .jobs import Jobs
from .lifecycle import model as m
from .network import NetworkWatch
from .notifier import Notifier
from .place import place_of
from .runtime_files import ConnectLog, ReportLog
from .stop_signals import StopSignals
from .teller import Teller
from .worker import Result, Worker

# While a wait may end by the clock being set, look at it this often: nothing announces it to a sandboxed daemon.
CLOCK_POLL_S = 5.0
EXIT_INTERNAL = 70


class Supervisor:
    """Join the state machine and the world in one thread; blocking work runs on the worker."""

    def __init__(
        self,
        *,
        state: m.State,
        version: str,
        jobs: Jobs,
        board: Board,
        teller: Teller,
        notifier: Notifier,
        clock: Clock,
        network: NetworkWatch | None,
        connect_log: ConnectLog,
        report_log: ReportLog,
    ) -> None:
        self._state = state
        self._version = version
        self._jobs = jobs
        self._board = board
        self._teller = teller
        self._notifier = notifier
        self._clock = clock
        self._network = network
        self._connect_log = connect_log
        self._report_log = report_log
        self._worker = Worker()
        self._ticket = 0
        self._on_result: Callable[[Result], m.Input] | None = None
        self._dialled: ssl.SSLSocket | None = None
        self._connection: Connection | None = None
        self._connection_fd = -1
        self._unconfirmed: set[int] = set()
        self._exit_code: int | None = None
        self._selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Run until asked to stop, and return the exit code."""
        with StopSignals() as stop_signals, contextlib.closing(self._selector):
            self._selector.register(stop_signals, selectors.EVENT_READ, self._on_signal)
            self._selector.register(self._worker, selectors.EVENT_READ, self._on_worker)
            if self._network is not None:
                self._selector.register(self._network, selectors.EVENT_READ, self._on_network)
            self._stop_signals = stop_signals
            try:
                self._loop()
            except Exception as error:
                self._fail(f"{type(error).__name__} at {place_of(error)}")
        self._worker.close()
        return EXIT_INTERNAL if self._exit_code is None else self._exit_code

    def _loop(self) -> None:
        self._teller.announce(Event.STARTED, Details(), self._state)
        self._feed(m.Started())
        self._notifier.ready()
        watchdog_s = self._notifier.watchdog_interval_s
        watchdog_at = self._clock.monotonic_s()
        while self._exit_code is None:
            now_s = self._clock.monotonic_s()
            if watchdog_s is not None and now_s >= watchdog_at:
                self._notifier.watchdog()
                watchdog_at = now_s + watchdog_s
            self._wait(watchdog_at if watchdog_s is not None else None)
            self._due()

    def _fail(self, where: str) -> None:
        self._teller.announce(Event.INTERNAL_ERROR, Details(detail=where), self._state)
        self._exit_code = EXIT_INTERNAL

    def _wait(self, watchdog_at: float | None) -> None:
        self._follow_connection()
        times = [self._state.wake_at, watchdog_at]
        if self._connection is not None:
            times.append(self._connection.next_check_at())
        now_s = self._clock.monotonic_s()
        if m.Waker.CLOCK in self._state.wakers:
            times.append(now_s + CLOCK_POLL_S)
        wake_at = min((at for at in times if at is not None), default=None)
        timeout_s = None if wake_at is None else max(0.0, wake_at - now_s)
        for key, mask in self._selector.select(timeout_s):
            if self._exit_code is None:
                key.data(mask)

    def _due(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._connection is not None and now_s >= self._connection.next_check_at():
            self._on_happenings(self._connection.tick())
        if m.Waker.CLOCK in self._state.wakers and self._clock.was_set():
            self._feed(m.ClockSet())
        if self._state.wake_at is not None and now_s >= self._state.wake_at and self._exit_code is None:
            self._feed(m.Tick())

    def _feed(self, given: m.Input) -> None:
        now = m.Now(at=self._clock.monotonic_s(), chance=random.random())  # noqa: S311 - jitter, not a secret
        before = self._state
        self._state, effects = lifecycle.step(before, given, now)
        for effect in effects:
            self._run(effect)
        if self._state is not before:
            self._teller.tell(self._state)

    def _run(self, effect: m.Effect) -> None:
        match effect:
            case m.Announce(event=event, details=details):
                self._teller.announce(event, details, self._state)
            case m.Load():
                self._start(self._jobs.load, lambda found: found, lambda f: m.LoadFailed(failure=f))
            case m.Register():
                self._forget_network_news()
                self._start(self._jobs.register, lambda found: m.Registered(credentials=found), self._register_failed)
            case m.Save(credentials=credentials):
                job = self._save_job(credentials)
                self._start(job, lambda _: m.Saved(), lambda failure: m.SaveFailed(failure=failure))
            case m.Dial():
                self._forget_network_news()
                self._start(self._jobs.dial, self._keep_dialled, self._dial_failed)
            case m.Login(credentials=credentials, connects=connects):
                self._login(credentials, connects)
            case m.Report():
                self._report()
            case m.Disconnect():
                self._close_connection(politely=True)
            case m.Drop():
                self._close_connection(politely=False)
            case m.Exit(code=code):
                self._notifier.stopping()
                self._exit_code = code

    def _start(
        self, job: Callable[[], Any], succeeded: Callable[[Any], m.Input], failed: Callable[[Failure], m.Input]
    ) -> None:
        def on_result(result: Result) -> m.Input:
            return failed(result.failure) if result.failure is not None else succeeded(result.value)

        self._ticket += 1
        self._on_result = on_result
        self._worker.submit(self._ticket, job)

    def _save_job(self, credentials: Credentials) -> Callable[[], None]:
        return lambda: self._jobs.save(credentials)

    def _register_failed(self, failure: Failure) -> m.Input:
        return m.RegisterFailed(failure=failure, clock_trusted=self._clock_trusted())

    def _dial_failed(self, failure: Failure) -> m.Input:
        return m.DialFailed(failure=failure, clock_trusted=self._clock_trusted())

    def _clock_trusted(self) -> bool:
        self._clock.was_set()  # from here on, only a later change is news
        return self._clock.trusted()

    def _keep_dialled(self, dialled: ssl.SSLSocket) -> m.Input:
        self._dialled = dialled
        return m.Dialled()

    def _on_worker(self, _: int) -> None:
        for result in self._worker.results():
            if result.crash is not None:
                self._fail(result.crash)
            elif result.ticket == self._ticket and self._on_result is not None:
                self._feed(self._on_result(result))

    def _on_signal(self, _: int) -> None:
        self._stop_signals.drain()
        self._feed(m.StopRequested())

    def _on_network(self, _: int) -> None:
        if self._network is not None and self._network.appeared():
            self._feed(m.NetworkChanged())

    def _forget_network_news(self) -> None:
        if self._network is not None:
            self._network.drain()

    def _login(self, credentials: Credentials, connects: tuple[float, ...]) -> None:
        if self._dialled is None:
            raise AssertionError("a login without a dialled connection")
        if not self._connect_log.write(connects):
            self._teller.warn_runtime(self._state)
        config = self._jobs.config
        self._connection = Connection(
            self._dialled,
            login(credentials, config.sign_method),
            keepalive_s=config.mqtt_keepalive_s,
            clean_session=config.mqtt_clean_session,
            now=self._clock.monotonic_s,
        )
        self._dialled = None
        # Paho may close its socket before we hear of it: the number is what the selector knows it by.
        self._connection_fd = self._connection.fileno()
        self._selector.register(self._connection_fd, selectors.EVENT_READ, self._on_connection)

    def _follow_connection(self) -> None:
        if self._connection is None or self._connection.over:
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._connection.want_write() else 0)
        key = self._selector.get_key(self._connection_fd)
        if key.events != wanted:
            self._selector.modify(key.fileobj, wanted, key.data)

    def _on_connection(self, mask: int) -> None:
        if self._connection is not None and mask & selectors.EVENT_WRITE:
            self._on_happenings(self._connection.write())
        if self._connection is not None and mask & selectors.EVENT_READ:
            self._on_happenings(self._connection.read())

    def _on_happenings(self, happenings: list[Happening]) -> None:
        for happening in happenings:
            match happening:
                case ConnackAccepted():
                    self._feed(m.Accepted())
                case ConnackRefused(code=code):
                    self._feed(m.Refused(code=code))
                case ConnectionLost(by_server=by_server, detail=detail):
                    self._feed(m.Lost(by_server=by_server, detail=detail))
                case Published(mid=mid):
                    self._on_published(mid)

    def _close_connection(self, *, politely: bool) -> None:
        if self._dialled is not None:
            self._dialled.close()
            self._dialled = None
        connection, self._connection = self._connection, None
        self._unconfirmed.clear()
        if connection is None:
            return
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(self._connection_fd)
        if politely:
            connection.disconnect()
        else:
            connection.drop()

    def _report(self) -> None:
        version = self._version
        if self._connection is None or self._report_log.reported(version):
            return
        board = self._board
        tags = {"os": board.os_name, "agent": f"iot-onboard {version}", "model": board.model, "serial": board.serial}
        known = {key: value for key, value in tags.items() if value}
        identity = self._jobs.identity
        for message in (version_report(identity, version), tags_report(identity, known)):
            self._unconfirmed.add(self._connection.publish(message.topic, message.payload))

    def _on_published(self, mid: int) -> None:
        if mid not in self._unconfirmed:
            return
        self._unconfirmed.discard(mid)
        if not self._unconfirmed:
            self._report_log.mark(self._version)
            self._teller.announce(Event.REPORTED, Details(), self._state)
