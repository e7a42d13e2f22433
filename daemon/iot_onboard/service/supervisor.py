"""Connect the state machine and the adapters: feed it inputs, and run the effects that it returns."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Sequence
from functools import partial

from .. import lifecycle
from ..config.hardware import read_board
from ..config.watch import ConfigWatch
from ..core import tracebacks
from ..core.exit_codes import ExitCode
from ..core.failures import Failure
from ..core.timings import Now, Timings
from ..events.model import Details, Event
from ..fast_start.typing_names import TYPE_CHECKING, Any
from ..lifecycle import model as m
from ..lifecycle.state import State
from ..net.route_watch import RouteWatch
from ..reporting.reporter import Reporter
from ..reporting.runtime_files import BudgetLog, KeepAliveLog, ReportLog
from ..system.clock import Clock
from ..system.notify import Notifier
from .cloud_link import CloudLink
from .early_retries import EarlyRetries
from .jobs import Jobs
from .loop import Loop, Source
from .machine import Machine
from .stop_signals import StopSignals

if TYPE_CHECKING:
    from ..net.early_dial import EarlyDial
    from .reports import SkippedReport

# An attempt is under way: the network's news wait for its end.
_ATTEMPTS = (m.Phase.REGISTERING, m.Phase.CONNECTING)


class Supervisor:
    """Run the state machine of the gateway, and build the other sources of its loop."""

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
        self._jobs = jobs
        self._reporter = reporter
        self._notifier = notifier
        self._budget_log = budget_log
        self._keepalive_log = KeepAliveLog(jobs.config.runtime_dir)
        self._notices = notices
        self._early_dial: EarlyDial | None = None
        self._name_proven = False
        self._peer: tuple[str, ...] = ()
        self._exit_code: int = ExitCode.INTERNAL
        self._loop = Loop(clock.monotonic_s)
        self._loop.every(lambda: notifier.watchdog_interval_s, self._watchdog)
        self._loop.add(Source(due_at=reporter.repeat_at, on_due=lambda: reporter.repeat_if_due(self._state)))
        self._loop.add(Source(due_at=reporter.journal_retry_at, on_due=lambda: reporter.flush_journal(self._state)))
        self._loop.add(Source(due_at=notifier.retry_at, on_due=notifier.flush))
        self._machine = Machine(
            name="gateway",
            loop=self._loop,
            monotonic_s=clock.monotonic_s,
            state=state,
            step=self._step,
            tick=m.Tick(),
            run=self._run,
            changed=self._changed,
        )
        self._early_retries = EarlyRetries(
            loop=self._loop,
            clock=clock,
            network=network,
            config_watch=watch,
            state=lambda: self._state,
            feed=self._machine.feed,
        )
        self._cloud_link = CloudLink(
            config=jobs.config,
            identity=jobs.identity,
            read_board=read_board,
            report_log=ReportLog(jobs.config.runtime_dir),
            loop=self._loop,
            monotonic_s=clock.monotonic_s,
            feed=self._machine.feed,
            reported=lambda: reporter.log_event(Event.REPORTED, Details(), self._state),
            on_report_skipped=self._report_skipped,
            many_unrequested=lambda: reporter.log_event(Event.MESSAGES_UNREQUESTED, Details(), self._state),
        )

    @property
    def _state(self) -> State:
        state: State = self._machine.state
        return state

    def run(self) -> int:
        """Run until asked to stop, and return the exit code."""
        with StopSignals(self._loop, lambda: self._machine.feed(m.StopRequested())):
            try:
                self._reporter.log_event(Event.STARTED, Details(), self._state)
                for event, details in self._notices:
                    self._reporter.log_event(event, details, self._state)
                self._machine.feed(m.Started())
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

    def _step(self, state: State, input_: m.Input, now: Now) -> tuple[State, tuple[m.Effect, ...]]:
        """Take a step, and write what it uses of the budget before anything is sent: the process may be killed then."""
        after, effects = lifecycle.step(state, input_, now)
        if after.budget != state.budget and not self._budget_log.write(after.budget):
            self._reporter.warn_runtime_dir(state)
        return after, effects

    def _changed(self, before: State) -> None:
        state = self._state
        if state.keepalive_s != before.keepalive_s and not self._keepalive_log.write(state.keepalive_s):
            self._reporter.warn_runtime_dir(state)
        if state is not before:
            self._reporter.publish_status(state)
        if state.phase is m.Phase.ONLINE and self._jobs.secrets.no_registration:
            self._remember_proven_name()
        if before.phase in _ATTEMPTS and state.phase in {m.Phase.WAITING, m.Phase.ONLINE}:
            self._early_retries.attempt_ended(self._peer if state.phase is m.Phase.ONLINE else self._looked_up())

    def _run(self, effect: m.Effect) -> None:
        match effect:
            case m.Announce(event=event, details=details):
                self._reporter.log_event(event, details, self._state)
            case m.Load():
                self._machine.start(self._jobs.load, lambda found: found, self._load_failed, crashed=self._fail)
            case m.Register():
                self._attempt_begins()
                self._start_early_dial()
                self._machine.start(self._jobs.register, lambda registered: registered, self._register_failed)
            case m.Save(credentials=credentials):
                save = partial(self._jobs.save, credentials)
                self._machine.start(save, lambda _: m.Saved(), lambda failure: m.SaveFailed(failure=failure))
            case m.Dial():
                self._attempt_begins()
                self._machine.start(self._dial_job(), self._keep_dialled, self._dial_failed)
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

    def _load_failed(self, failure: Failure) -> m.Input:
        return m.LoadFailed(failure=failure)

    def _register_failed(self, failure: Failure) -> m.Input:
        if self._early_dial is not None:
            self._early_dial.drop()
        return m.RegisterFailed(failure=failure, clock_trusted=self._early_retries.clock_trusted())

    def _dial_failed(self, failure: Failure) -> m.Input:
        return m.DialFailed(failure=failure, clock_trusted=self._early_retries.clock_trusted())

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
        self._early_retries.tick()

    def _attempt_begins(self) -> None:
        self._jobs.resolved.clear()
        self._early_retries.attempt_begins()

    def _looked_up(self) -> tuple[str, ...]:
        """Return the addresses of the last attempt; nothing if a name has no address."""
        # In one go: an early dial may note another host meanwhile.
        found = tuple(self._jobs.resolved.values())
        return () if not all(found) else tuple(address for of_host in found for address in of_host)
