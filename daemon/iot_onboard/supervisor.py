"""The one loop: it waits for the world, feeds the state machine, and runs the effects that come back."""

from __future__ import annotations

import contextlib
import os
import random
import selectors
import signal
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any

from . import lifecycle
from .aliyun.login import login
from .aliyun.topics import tags_report, version_report
from .clock import Clock
from .connection import ConnackAccepted, ConnackRefused, Connection, ConnectionLost, Happening, Published
from .credentials import Credentials
from .errors import Failure
from .events import TABLE, Context, Details, Event, Priority, journal_fields, sentence
from .hardware import Board
from .jobs import Jobs
from .journal import Journal, Line
from .lifecycle import model as m
from .network import NetworkWatch
from .notifier import Notifier
from .runtime_files import ConnectLog, ReportLog
from .status import SCHEMA, Status, StatusFile, start_ticks
from .status_report import report
from .worker import Result, Worker

# While a wait may end by the clock being set, look at it this often: nothing announces it to a sandboxed daemon.
CLOCK_POLL_S = 5.0


class Supervisor:
    """Join the state machine and the world in one thread; blocking work runs on the worker."""

    def __init__(
        self,
        *,
        state: m.State,
        context: Context,
        jobs: Jobs,
        board: Board,
        journal: Journal,
        notifier: Notifier,
        clock: Clock,
        network: NetworkWatch | None,
        status_file: StatusFile,
        connect_log: ConnectLog,
        report_log: ReportLog,
    ) -> None:
        self._state = state
        self._context = context
        self._jobs = jobs
        self._board = board
        self._journal = journal
        self._notifier = notifier
        self._clock = clock
        self._network = network
        self._status_file = status_file
        self._connect_log = connect_log
        self._report_log = report_log
        self._worker = Worker()
        self._ticket = 0
        self._on_result: Callable[[Result], m.Input] | None = None
        self._dialled: ssl.SSLSocket | None = None
        self._connection: Connection | None = None
        self._connection_fd = -1
        self._unconfirmed: set[int] = set()
        self._last_error: str | None = None
        self._last_event: str | None = None
        self._told_phase: m.Phase | None = None
        self._since = ""
        self._exit_code: int | None = None
        self._runtime_warned = False
        self._selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Run until asked to stop, and return the exit code."""
        with _StopSignals() as stop_signals, contextlib.closing(self._selector):
            self._selector.register(stop_signals, selectors.EVENT_READ, self._on_signal)
            self._selector.register(self._worker, selectors.EVENT_READ, self._on_worker)
            if self._network is not None:
                self._selector.register(self._network, selectors.EVENT_READ, self._on_network)
            self._stop_signals = stop_signals
            self._announce(Event.STARTED, Details())
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
        self._worker.close()
        return self._exit_code

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
            self._tell_status()

    def _run(self, effect: m.Effect) -> None:
        match effect:
            case m.Announce(event=event, details=details):
                self._announce(event, details)
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
                raise RuntimeError(f"a job crashed: {result.crash}")
            if result.ticket == self._ticket and self._on_result is not None:
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
            self._warn_runtime()
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
        version = self._context.version
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
            self._report_log.mark(self._context.version)
            self._announce(Event.REPORTED, Details())

    def _announce(self, event: Event, details: Details) -> None:
        entry = TABLE[event]
        context = replace(self._context, endpoint=self._endpoint())
        message = sentence(event, details, context)
        fields = journal_fields(event, details, context, self._state.phase.value)
        line = Line(priority=entry.priority, message=message, message_id=entry.message_id, fields=fields)
        self._journal.write(line)
        self._last_event = event.value
        if event in {Event.ONLINE, Event.REGISTERED}:
            self._last_error = None
        elif entry.priority <= Priority.WARNING:
            self._last_error = message

    def _endpoint(self) -> str:
        if self._state.phase is m.Phase.REGISTERING or self._state.goal is m.Goal.REGISTER:
            return self._jobs.registration_url
        return f"{self._jobs.mqtt_host}:{self._jobs.config.mqtt_port}"

    def _tell_status(self) -> None:
        state, context = self._state, replace(self._context, endpoint=self._endpoint())
        utc_now = self._clock.utc_now()
        if state.phase is not self._told_phase:
            self._told_phase, self._since = state.phase, utc_now.isoformat(timespec="seconds")
        told = report(state, context, self._last_error, self._clock.monotonic_s(), utc_now)
        self._notifier.status(told.headline)
        status = Status(
            schema=SCHEMA,
            state=state.phase.value,
            goal=state.goal.value if state.goal is not None else None,
            since=self._since,
            product_key=context.product_key,
            device_name=context.device_name,
            endpoint=context.endpoint,
            attempt=state.failures,
            next_try_at=told.next_try_at,
            online_since=self._since if state.phase is m.Phase.ONLINE else None,
            last_error=self._last_error,
            last_event=self._last_event,
            agent_version=context.version,
            pid=os.getpid(),
            pid_start_ticks=start_ticks(os.getpid()),
        )
        if not self._status_file.write(status):
            self._warn_runtime()

    def _warn_runtime(self) -> None:
        if not self._runtime_warned:
            self._runtime_warned = True
            self._announce(Event.RUNTIME_NOT_WRITABLE, Details(detail=str(self._jobs.config.runtime_dir)))


class _StopSignals:
    """Turn SIGTERM and SIGINT into a readable file descriptor: a handler that did more could dead-lock with Paho."""

    def __enter__(self) -> _StopSignals:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._old_fd = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._old = {number: signal.signal(number, _ignore) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        signal.set_wakeup_fd(self._old_fd)
        for number, handler in self._old.items():
            signal.signal(number, handler)
        self._reader.close()
        self._writer.close()

    def fileno(self) -> int:
        return self._reader.fileno()

    def drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._reader.recv(64)


def _ignore(_: int, __: object) -> None:
    """Let the wake-up descriptor tell."""
