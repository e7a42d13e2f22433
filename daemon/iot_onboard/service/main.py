"""The start of the daemon: choose which program this process is, build what it needs, and run it.

Nothing else builds the daemon. Modules that only the loop needs are imported where it is built: a gateway that waits
for its setup does not need the libraries of the connection.
"""

from __future__ import annotations

import contextlib
import os
import sys
from functools import partial
from pathlib import Path

from .. import __version__
from ..config import endpoints
from ..config.environment import (
    Naming,
    naming_of,
    remember_name,
    secrets_directory,
    unloadable_secrets,
    unmade_directories,
    with_systemd_directories,
)
from ..config.files import load
from ..config.problems import ConfigError, MissingFact
from ..config.reader import parse
from ..config.schema import Config
from ..config.secrets import SecretFiles, secret_files
from ..config.watch import ConfigWatch
from ..core import tracebacks
from ..core.backoff import restart_delay_s
from ..core.exit_codes import ExitCode
from ..core.failures import is_temporary
from ..core.identity import Identity
from ..core.secret import KnownSecrets
from ..disk.files import only_root_can_change
from ..events.model import Context, Details, Event
from ..fast_start.fast_dataclasses import dataclass
from ..lifecycle.state import Policy, State
from ..reporting.journal import Journal, open_journal
from ..reporting.runtime_files import BudgetLog, KeepAliveLog, StartLog
from ..system.notify import Notifier
from ..system.terminal import exit_now

# What a registration may take besides its own time limit, which it has twice: to look names up, and on a slow machine.
REGISTER_SLACK_S = 210.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Register the gateway if necessary, and keep it online; its identity is known."""

    config: Config
    naming: Naming
    register_only: bool = False

    @property
    def identity(self) -> Identity:
        """Return which gateway this is."""
        return self.naming.identity


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitSetup:
    """Wait until a new process can run: `event` and `detail` say what is missing, `import_check` what still fails."""

    config: Config
    event: Event
    detail: str
    cure: str = ""
    import_check: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Exit at once: only a person can correct the configuration."""

    problems: tuple[str, ...]


Program = Run | AwaitSetup | Refuse


def start(config_path: Path) -> int:
    """Run the daemon, or wait for what it needs; return the exit code."""
    # Created before the configuration is read, so that no change is missed.
    watch = ConfigWatch(config_path)
    try:
        return run(choose(config_path), config_path, watch)
    except Exception as error:
        awaited = _await_repair(error, config_path)
        if awaited is None:
            raise
    return run(awaited, config_path, watch)


def _await_repair(error: Exception, config_path: Path) -> AwaitSetup | None:
    """Return what to do if a library cannot be loaded: after an exit the next start would fail in the same way."""
    tracebacks.on_damaged_code(error)
    from ..core.broken_code import OURS, broken_code

    broken = None if is_temporary(error) else broken_code(error)
    if broken is None or broken.module.partition(".")[0] == OURS:
        return None
    config, _ = parse([], names_required=False)
    # If it is the library that reads the configuration, this runs with the defaults.
    with contextlib.suppress(Exception):
        config = load(config_path, names_required=False)
    assert config is not None
    return AwaitSetup(
        config=config,
        event=Event.SOFTWARE_BROKEN,
        detail=broken.clause,
        cure=broken.cure,
        import_check=broken.import_check,
    )


def choose(config_path: Path) -> Program:
    """Return which program the configuration and the hardware allow now."""
    try:
        config = load(config_path, names_required=False)
    except ConfigError as error:
        if not error.unread:
            return Refuse(problems=tuple(str(problem) for problem in error.problems))
        # A disk error or a lack of descriptors may be temporary, and an exit with 78 would be final. The content of
        # those files is unknown, so this runs with the defaults.
        defaults, _ = parse([], names_required=False)
        assert defaults is not None
        unread = "; ".join(str(problem) for problem in error.problems if problem.unread)
        return AwaitSetup(config=defaults, event=Event.CONFIG_UNREADABLE, detail=unread)
    if missing := [name for name in ("product_key", "device_name") if not getattr(config, name)]:
        detail = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        return AwaitSetup(config=config, event=Event.NOT_PROVISIONED, detail=detail)
    try:
        return Run(config=config, naming=naming_of(config))
    except MissingFact as fact:
        return AwaitSetup(config=config, event=Event.DEVICE_NAME_UNKNOWN, detail=str(fact))


def run(program: Program, config_path: Path, watch: ConfigWatch) -> int:
    """Run what was chosen; return its exit code, or exit with it at once if a job may still run."""
    if isinstance(program, Refuse):
        from ..reporting.announce import announce

        journal = open_journal(os.environ, sys.stderr, "info")
        for problem in program.problems:
            announce(Event.CONFIG_INVALID, Details(detail=problem), state="stopped", journal=journal)
        journal.close()
        return ExitCode.CONFIGURATION
    identity = program.identity if isinstance(program, Run) else None
    watch.runs_with(program.config, identity)
    config = with_systemd_directories(program.config)
    secrets = secret_files(config, config_path, secrets_directory(config_path), unloadable_secrets())
    if os.geteuid() == 0 and not (only_root_can_change(config.state_dir) and only_root_can_change(config.runtime_dir)):
        from ..system.privileges import become, prepare_directories

        owner = prepare_directories(config.state_dir, config.runtime_dir, usual=unmade_directories(config))
        if owner is not None:
            # Files that only root may read.
            secrets = secrets.read_now()
            become(owner)
            # Files that this user may not see count as unchanged.
            watch = ConfigWatch(config_path)
            watch.runs_with(program.config, identity)
    journal = open_journal(os.environ, sys.stderr, config.log_level)
    if isinstance(program, AwaitSetup):
        from .awaiting_setup import AwaitingSetup

        waiting = AwaitingSetup(program.event, program.detail, config, config_path, watch, journal)
        if program.import_check:
            waiting.wait_for_module(program.import_check, program.cure)
            return exit_now(waiting.run())
        return waiting.run()
    if program.register_only:
        return exit_now(_supervise(program, config, secrets, watch, journal))
    starts = StartLog(config.runtime_dir)
    goes_on = True
    if restart_delay_s(short_runs := starts.begin()):
        from .restart_delay import wait_before_start

        goes_on = wait_before_start(config, short_runs, journal)
    code = _supervise(program, config, secrets, watch, journal) if goes_on else ExitCode.DONE
    if code == ExitCode.DONE:
        starts.end()
    return exit_now(code)


def _supervise(program: Run, config: Config, secrets: SecretFiles, watch: ConfigWatch, journal: Journal) -> int:
    from ..disk.credentials import Store
    from ..mqtt.paho_client import PAHO_VERSION
    from ..net.route_watch import open_watch
    from ..reporting.reporter import Reporter
    from ..system.clock import Clock
    from .jobs import Jobs
    from .supervisor import Supervisor

    identity, clock = program.identity, Clock()
    store = Store(config.state_dir, identity)
    budget_log = BudgetLog(config.runtime_dir)
    known = KnownSecrets(config.proxy.password if config.proxy is not None else None)
    policy = Policy(
        can_register=not secrets.no_registration,
        allow_volatile=config.allow_volatile,
        fleet_size=config.fleet_size,
        register_only=program.register_only,
        register_deadline_s=REGISTER_SLACK_S + 2 * config.registration_timeout_s,
        keepalive_s=config.mqtt_keepalive_s,
    )
    jobs = Jobs(
        config=config,
        identity=identity,
        store=store,
        secrets=secrets,
        utc_now=clock.utc_now,
        known=known,
        resolved={},
        remember_name=partial(remember_name, config, program.naming),
    )
    notifier = Notifier()
    reporter = Reporter(
        context=Context(product_key=identity.product_key, device_name=identity.device_name, version=__version__),
        paho_version=PAHO_VERSION,
        registration_url=endpoints.registration_url(config),
        mqtt_endpoint=f"{endpoints.mqtt_host(config)}:{config.mqtt_port}",
        runtime_dir=config.runtime_dir,
        journal=journal,
        notifier=notifier,
        clock=clock,
        known=known,
    )
    with store.lock():
        return Supervisor(
            state=State(
                policy=policy,
                budget=budget_log.read(),
                keepalive_s=KeepAliveLog(config.runtime_dir).read(config.mqtt_keepalive_s),
            ),
            jobs=jobs,
            reporter=reporter,
            notifier=notifier,
            clock=clock,
            network=open_watch(),
            budget_log=budget_log,
            watch=watch,
            notices=[(Event.DEVICE_NAME_KEPT, Details(detail=program.naming.mismatch))]
            if program.naming.mismatch
            else [],
        ).run()
