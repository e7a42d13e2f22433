"""Connect the state machine and the adapters: feed it inputs, and run the effects that it returns."""

from __future__ import annotations

import contextlib
import random
import ssl
import threading
from collections.abc import Callable, Sequence
from functools import partial

from .. import lifecycle
from ..config.hardware import read_board
from ..config.watch import POLL_S as CONFIG_POLL_S
from ..config.watch import ConfigWatch
from ..core import tracebacks
from ..core.exit_codes import ExitCode
from ..core.failures import Failure, unforeseen
from ..core.timings import Now, Timings
from ..events.model import Details, Event
from ..fast_start.typing_names import TYPE_CHECKING, Any
from ..lifecycle import model as m
from ..lifecycle.state import State
from ..net.route_watch import PacedWatch, RouteWatch
from ..reporting.reporter import Reporter
from ..reporting.runtime_files import BudgetLog, KeepAliveLog, ReportLog
from ..system.clock import Clock
from ..system.notify import Notifier
from .cloud_link import CloudLink
from .jobs import Jobs
from .loop import Loop, Source
from .stop_signals import StopSignals
from .worker import Result, Worker

if TYPE_CHECKING:
    from ..net.early_dial import EarlyDial
    from .reports import SkippedReport

# How often to check what a sandboxed daemon gets no notice of, while it may end a wait.
_POLLS_S = {m.EarlyRetry.CLOCK: 5.0, m.EarlyRetry.CONFIG: CONFIG_POLL_S, m.EarlyRetry.MOUNTS: 5.0}
# How often the network's news are looked at, where there is something every time. While a wait may end by them the
# route's return counts, within a second; while online the watchdog's tick looks as well, a little sooner.
_WAITING_PACE_S = 0.5
_ONLINE_PACE_S = 36.0
# An attempt is under way: the network's news wait for its end.
_ATTEMPTS = (m.Phase.REGISTERING, m.Phase.CONNECTING)


class Supervisor:
    """Run the state machine in the loop; blocking work runs on the worker."""

    def __init__(
        self,
        *,
        state: State,
        jobs: Jobs,
        reporter: Reporter,
        notifier: Notifier,
        clock: Clock,
        network: RouteWatch | None,
        budget_log: BudgetLog,
        watch: ConfigWatch,
        notices: Sequence[tuple[Event, Details]] = (),
    ) -> None:
        self._state = state
        self._jobs = jobs
        self._reporter = reporter
        self._notifier = notifier
        self._clock = clock
        self._budget_log = budget_log
        self._keepalive_log = KeepAliveLog(jobs.config.runtime_dir)
        self._watch = watch
        self._notices = notices
        self._early_dial: EarlyDial | None = None
        self._name_proven = False
        self._exit_code: int = ExitCode.INTERNAL
        self._loop = Loop(clock.monotonic_s)
        self._loop.every(lambda: notifier.watchdog_interval_s, self._watchdog)
        self._worker = Worker(self._loop, "gateway")
        self._peer: tuple[str, ...] = ()
        self._route_watch: PacedWatch | None = None
        if network is not None:
            news = PacedWatch(
                network, clock.monotonic_s, self._route_pace_s, changed=lambda: self._feed(m.NetworkChanged())
            )
            look = Source(fileno=news.fileno, on_ready=lambda _: news.on_ready(), due_at=news.due_at, on_due=news.look)
            self._loop.add(look)
            self._route_watch = news
        self._loop.add(Source(due_at=reporter.repeat_at, on_due=lambda: reporter.repeat_if_due(self._state)))
        self._loop.add(
            Source(due_at=reporter.journal_retry_at, on_due=lambda: reporter.flush_journal(self._state)),
        )
        self._loop.add(Source(due_at=notifier.retry_at, on_due=notifier.flush))
        self._cloud_link = CloudLink(
            config=jobs.config,
            identity=jobs.identity,
            read_board=read_board,
            report_log=ReportLog(jobs.config.runtime_dir),
            loop=self._loop,
            monotonic_s=clock.monotonic_s,
            feed=self._feed,
            reported=lambda: reporter.log_event(Event.REPORTED, Details(), self._state),
            on_report_skipped=self._report_skipped,
            many_unrequested=lambda: reporter.log_event(Event.MESSAGES_UNREQUESTED, Details(), self._state),
        )
        self._loop.every(self._poll_period_s, self._poll)
        self._loop.add(Source(due_at=lambda: self._state.wake_at, on_due=lambda: self._feed(m.Tick())))

    def run(self) -> int:
        """Run until asked to stop, and return the exit code."""
        with StopSignals(self._loop, lambda: self._feed(m.StopRequested())):
            try:
                self._reporter.log_event(Event.STARTED, Details(), self._state)
                for event, details in self._notices:
                    self._reporter.log_event(event, details, self._state)
                self._feed(m.Started())
                self._notifier.ready()
                self._loop.run()
            except Exception as error:
                tracebacks.on_damaged_code(error)
                self._fail(f"{type(error).__name__} at {tracebacks.innermost_frame(error)}")
            self._reporter.close_journal()
        return self._exit_code

    def _fail(self, where: str) -> None:
        self._reporter.log_event(Event.INTERNAL_ERROR, Details(detail=where), self._state)
        self._end(ExitCode.INTERNAL)

    def _end(self, code: int) -> None:
        self._exit_code = code
        self._loop.end()

    def _poll_period_s(self) -> float | None:
        return min((_POLLS_S[retry] for retry in self._state.retry_on if retry in _POLLS_S), default=None)

    def _poll(self) -> None:
        if m.EarlyRetry.CLOCK in self._state.retry_on and self._clock.was_set():
            self._feed(m.ClockSet())
        if m.EarlyRetry.CONFIG in self._state.retry_on and (change := self._watch.look()) is not None:
            self._feed(m.ConfigChanged(problems=change.problems))
        if m.EarlyRetry.MOUNTS in self._state.retry_on and self._mount_changed():
            self._feed(m.MountChanged())

    def _mount_changed(self) -> bool:
        try:
            # Imported here: not needed if the secret is stored.
            from ..disk.storage import mount_changed
        except OSError:
            # No descriptor is left.
            return False
        return mount_changed(self._state.storage.directory, self._state.storage.mount)

    def _feed(self, input_: m.Input) -> None:
        now = Now(at=self._clock.monotonic_s(), chance=random.random())  # noqa: S311 - jitter, not a secret
        before = self._state
        self._state, effects = lifecycle.step(before, input_, now)
        # Before anything is sent: a process that ends in it leaves no room for another.
        if self._state.budget != before.budget and not self._budget_log.write(self._state.budget):
            self._reporter.warn_runtime_dir(self._state)
        for effect in effects:
            self._run(effect)
        if self._state.keepalive_s != before.keepalive_s and not self._keepalive_log.write(self._state.keepalive_s):
            self._reporter.warn_runtime_dir(self._state)
        if self._state is not before:
            self._reporter.publish_status(self._state)
        if self._state.phase is m.Phase.ONLINE and self._jobs.secrets.no_registration:
            self._remember_proven_name()
        if before.phase in _ATTEMPTS and self._state.phase in {m.Phase.WAITING, m.Phase.ONLINE}:
            self._attempt_ended()

    def _run(self, effect: m.Effect) -> None:
        match effect:
            case m.Announce(event=event, details=details):
                self._reporter.log_event(event, details, self._state)
            case m.Load():
                self._start(self._jobs.load, lambda found: found, lambda f: m.LoadFailed(failure=f), crash_ends=True)
            case m.Register():
                self._attempt_begins()
                self._start_early_dial()
                self._start(self._jobs.register, lambda registered: registered, self._register_failed)
            case m.Save(credentials=credentials):
                save = partial(self._jobs.save, credentials)
                self._start(save, lambda _: m.Saved(), lambda failure: m.SaveFailed(failure=failure))
            case m.Dial():
                self._attempt_begins()
                self._start(self._dial_job(), self._keep_dialled, self._dial_failed)
            case m.Login():
                self._cloud_link.login(effect)
            case m.Report():
                self._cloud_link.report()
            case m.Probe():
                self._cloud_link.probe()
            case m.Disconnect() | m.Drop():
                self._cloud_link.close(send_disconnect=isinstance(effect, m.Disconnect))
            case m.Exit(code=code):
                self._notifier.stopping()
                self._end(code)

    def _remember_proven_name(self) -> None:
        """Store the name of a secret that a person provided: it is right, because the platform accepted its login.

        Once in a process, and not on the worker: a disk that hangs must not delay the next dial.
        """
        if not self._name_proven:
            self._name_proven = True
            with contextlib.suppress(RuntimeError, MemoryError):
                threading.Thread(target=self._jobs.remember_name, name="memory", daemon=True).start()

    def _report_skipped(self, skipped: SkippedReport) -> None:
        details = Details(detail=skipped.name, attempt=skipped.losses, next_try_s=skipped.again_in_s)
        self._reporter.log_event(Event.REPORT_SKIPPED, details, self._state)

    def _start(
        self,
        job: Callable[[], Any],
        succeeded: Callable[[Any], m.Input],
        failed: Callable[[Failure], m.Input],
        *,
        crash_ends: bool = False,
    ) -> None:
        """Run a job; `crash_ends` is for one that no peer has a say in, and that a new process does as well."""

        def on_result(result: Result) -> None:
            if result.crash is not None and crash_ends:
                self._fail(result.crash)
                return
            failure = result.failure if result.crash is None else defect_failure(result.crash)
            self._feed(failed(failure) if failure is not None else succeeded(result.value))

        self._worker.submit(job, on_result)

    def _start_early_dial(self) -> None:
        """Dial the MQTT host while the registration runs: see docs/decisions/0010."""
        if self._state.durable or self._state.policy.register_only:
            return
        # One failed connection is enough: a platform with problems is contacted once, not twice.
        if self._early_dial is None or self._early_dial.name_unresolved():
            try:
                # Imported here: a registered gateway does not need it.
                from ..net.early_dial import EarlyDial
            except OSError:
                # No descriptor is left: the dial comes at its normal time.
                return
            self._early_dial = EarlyDial(self._jobs.dial)

    def _dial_job(self) -> Callable[[], Any]:
        early_dial, self._early_dial = self._early_dial, None
        if early_dial is not None:
            return lambda: early_dial.take() or self._jobs.dial()
        context = self._cloud_link.take_resumable_context()
        return lambda: self._jobs.dial(context)

    def _register_failed(self, failure: Failure) -> m.Input:
        if self._early_dial is not None:
            self._early_dial.drop()
        return m.RegisterFailed(failure=failure, clock_trusted=self._clock_trusted())

    def _dial_failed(self, failure: Failure) -> m.Input:
        return m.DialFailed(failure=failure, clock_trusted=self._clock_trusted())

    def _clock_trusted(self) -> bool:
        self._clock.was_set()  # from here on, only a later change is news
        return self._clock.trusted()

    def _keep_dialled(self, found: tuple[ssl.SSLSocket, Timings]) -> m.Input:
        sock, timings = found
        self._peer = ()
        # A connection that was reset has no peer.
        with contextlib.suppress(OSError):
            self._peer = (sock.getpeername()[0],)
        self._cloud_link.set_dialled(sock)
        return m.Dialled(timings=timings)

    def _watchdog(self) -> None:
        self._notifier.watchdog()
        if self._route_watch is not None:
            self._route_watch.tick()

    def _route_pace_s(self) -> float | None:
        """Say how often the network's news may be looked at: not where they change nothing."""
        if self._state.phase is m.Phase.ONLINE:
            return _ONLINE_PACE_S
        return _WAITING_PACE_S if m.EarlyRetry.NETWORK in self._state.retry_on else None

    def _attempt_begins(self) -> None:
        self._jobs.resolved.clear()
        if self._route_watch is not None:
            self._route_watch.begin()

    def _attempt_ended(self) -> None:
        """Watch the route to whom the attempt was for; where a name has no address, the way to anywhere."""
        if self._route_watch is None:
            return
        online = self._state.phase is m.Phase.ONLINE
        # In one go: an early dial may note another host meanwhile.
        found = tuple(self._jobs.resolved.values())
        addresses = () if not all(found) else tuple(address for of_host in found for address in of_host)
        self._route_watch.resume(self._peer if online else addresses)
