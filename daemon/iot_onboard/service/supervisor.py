"""The one loop: it waits for the world, feeds the state machine, and runs the effects that come back."""

from __future__ import annotations

import contextlib
import random
import selectors
import ssl
from collections.abc import Callable

from .. import lifecycle
from ..config.hardware import Board
from ..config.watch import POLL_S as SETTINGS_POLL_S
from ..config.watch import ConfigWatch
from ..core.exit_codes import ExitCode
from ..core.failures import Failure
from ..core.identity import Credentials
from ..core.timings import Timings
from ..core.tracebacks import innermost_frame
from ..events.model import Details, Event
from ..fast_start.typing_names import TYPE_CHECKING, Any
from ..lifecycle import model as m
from ..net.route_watch import NetworkWatch
from ..reporting.reporter import Reporter
from ..reporting.runtime_files import ConnectLog, ReportLog
from ..system.clock import Clock
from ..system.notify import Notifier
from .cloud_link import CloudLink
from .jobs import Jobs
from .stop_signals import StopSignals
from .worker import Result, Worker

if TYPE_CHECKING:
    from ..net.early_dial import EarlyDial

# While a wait may end by the clock being set, look at it this often: nothing announces it to a sandboxed daemon.
CLOCK_POLL_S = 5.0


class Supervisor:
    """Join the state machine and the world in one thread; blocking work runs on the worker."""

    def __init__(
        self,
        *,
        state: m.State,
        version: str,
        jobs: Jobs,
        read_board: Callable[[], Board],
        reporter: Reporter,
        notifier: Notifier,
        clock: Clock,
        network: NetworkWatch | None,
        connect_log: ConnectLog,
        report_log: ReportLog,
        settings: ConfigWatch,
    ) -> None:
        self._state = state
        self._jobs = jobs
        self._reporter = reporter
        self._notifier = notifier
        self._clock = clock
        self._network = network
        self._connect_log = connect_log
        self._settings = settings
        self._worker = Worker()
        self._ahead: EarlyDial | None = None
        self._ticket = 0
        self._on_result: Callable[[Result], m.Input] | None = None
        self._exit_code: int | None = None
        self._selector = selectors.DefaultSelector()
        self._cloud_link = CloudLink(
            config=jobs.config,
            identity=jobs.identity,
            version=version,
            read_board=read_board,
            report_log=report_log,
            selector=self._selector,
            monotonic_s=clock.monotonic_s,
            feed=self._feed,
            reported=self._on_reported,
        )

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
                self._fail(f"{type(error).__name__} at {innermost_frame(error)}")
        return ExitCode.INTERNAL if self._exit_code is None else self._exit_code

    def _loop(self) -> None:
        self._reporter.announce(Event.STARTED, Details(), self._state)
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
        self._reporter.announce(Event.INTERNAL_ERROR, Details(detail=where), self._state)
        self._exit_code = ExitCode.INTERNAL

    def _wait(self, watchdog_at: float | None) -> None:
        self._cloud_link.follow()
        times = [self._state.wake_at, watchdog_at, self._cloud_link.next_check_at(), self._reporter.remind_at()]
        now_s = self._clock.monotonic_s()
        if m.Waker.CLOCK in self._state.wakers:
            times.append(now_s + CLOCK_POLL_S)
        if m.Waker.SETTINGS in self._state.wakers:
            times.append(now_s + SETTINGS_POLL_S)
        wake_at = min((at for at in times if at is not None), default=None)
        timeout_s = None if wake_at is None else max(0.0, wake_at - now_s)
        for key, mask in self._selector.select(timeout_s):
            if self._exit_code is None:
                key.data(mask)

    def _due(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._exit_code is None:
            self._reporter.remind(self._state)
        self._cloud_link.tick(now_s)
        if m.Waker.CLOCK in self._state.wakers and self._clock.was_set():
            self._feed(m.ClockSet())
        if m.Waker.SETTINGS in self._state.wakers and (change := self._settings.look()) is not None:
            self._feed(m.ConfigChanged(problems=change.problems))
        if self._state.wake_at is not None and now_s >= self._state.wake_at and self._exit_code is None:
            self._feed(m.Tick())

    def _feed(self, given: m.Input) -> None:
        now = m.Now(at=self._clock.monotonic_s(), chance=random.random())  # noqa: S311 - jitter, not a secret
        before = self._state
        self._state, effects = lifecycle.step(before, given, now)
        for effect in effects:
            self._run(effect)
        if self._state is not before:
            self._reporter.tell(self._state)

    def _run(self, effect: m.Effect) -> None:
        match effect:
            case m.Announce(event=event, details=details):
                self._reporter.announce(event, details, self._state)
            case m.Load():
                self._start(self._jobs.load, lambda found: found, lambda f: m.LoadFailed(failure=f))
            case m.Register():
                self._forget_network_news()
                self._dial_ahead()
                self._start(self._jobs.register, lambda registered: registered, self._register_failed)
            case m.Save(credentials=credentials):
                job = self._save_job(credentials)
                self._start(job, lambda _: m.Saved(), lambda failure: m.SaveFailed(failure=failure))
            case m.Dial():
                self._forget_network_news()
                self._start(self._dial_job(), self._keep_dialled, self._dial_failed)
            case m.Login(credentials=credentials, connects=connects):
                self._login(credentials, connects)
            case m.Report():
                self._cloud_link.report()
            case m.Probe():
                self._cloud_link.probe()
            case m.Disconnect():
                self._cloud_link.close(send_disconnect=True)
            case m.Drop():
                self._cloud_link.close(send_disconnect=False)
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

    def _dial_ahead(self) -> None:
        """Reach the MQTT host while the first secret is asked for: see docs/decisions/0010."""
        if self._state.durable or self._state.policy.register_only:
            return
        # One connection that came to nothing is enough: a platform that is in trouble is asked once, not twice.
        if self._ahead is None or self._ahead.name_unresolved():
            # Imported here: a gateway that is registered never pays for it.
            from ..net.early_dial import EarlyDial

            self._ahead = EarlyDial(self._jobs.dial)

    def _dial_job(self) -> Callable[[], Any]:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            return lambda: ahead.take() or self._jobs.dial()
        context = self._cloud_link.take_resumable_context()
        return lambda: self._jobs.dial(context)

    def _register_failed(self, failure: Failure) -> m.Input:
        if self._ahead is not None:
            self._ahead.drop()
        return m.RegisterFailed(failure=failure, clock_trusted=self._clock_trusted())

    def _dial_failed(self, failure: Failure) -> m.Input:
        return m.DialFailed(failure=failure, clock_trusted=self._clock_trusted())

    def _clock_trusted(self) -> bool:
        self._clock.was_set()  # from here on, only a later change is news
        return self._clock.trusted()

    def _keep_dialled(self, found: tuple[ssl.SSLSocket, Timings]) -> m.Input:
        sock, timings = found
        self._cloud_link.set_dialled(sock)
        return m.Dialled(took=timings)

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
        if not self._connect_log.write(connects):
            self._reporter.warn_runtime(self._state)
        self._cloud_link.login(credentials)

    def _on_reported(self) -> None:
        self._reporter.announce(Event.REPORTED, Details(), self._state)
