"""The composition root of the daemon: it builds every adapter and hands them to the loop."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .. import __version__
from ..config.environment import identity_of, secrets_directory, with_systemd_directories, withheld_secrets
from ..config.hardware import read_board
from ..config.schema import DEVICE_SECRET, Config
from ..config.secrets import device_secret_path
from ..config.watch import ConfigWatch
from ..core.exit_codes import ExitCode
from ..disk.credentials import Store
from ..events.model import Context
from ..fast_start.typing_names import NoReturn
from ..lifecycle import State
from ..lifecycle.model import Policy
from ..mqtt.client import PAHO_VERSION
from ..net.route_watch import open_watch
from ..reporting.journal import open_journal
from ..reporting.reporter import Reporter
from ..reporting.runtime_files import ConnectLog, HistoryLog, ReportLog, StartLog
from ..reporting.status_file import StatusFile
from ..system.clock import Clock
from ..system.notify import Notifier
from ..system.terminal import leave
from .jobs import Jobs
from .supervisor import Supervisor


def supervise(config: Config, config_path: Path, settings: ConfigWatch, *, register_only: bool) -> NoReturn:
    """Run the daemon, or just its registration, and end the process with its exit code."""
    settings.runs_with(config)
    config = with_systemd_directories(config)
    identity = identity_of(config)
    clock = Clock()
    store = Store(config.state_dir, identity)
    credentials_dir = secrets_directory(config_path)
    withheld = withheld_secrets()
    connect_log = ConnectLog(config.runtime_dir)
    policy = Policy(
        can_register=device_secret_path(config, config_path, credentials_dir) is None and DEVICE_SECRET not in withheld,
        register_only=register_only,
    )
    jobs = Jobs(
        config=config,
        config_path=config_path,
        identity=identity,
        store=store,
        credentials_dir=credentials_dir,
        withheld=withheld,
        utc_now=clock.utc_now,
    )
    notifier = Notifier()
    reporter = Reporter(
        context=Context(product_key=identity.product_key, device_name=identity.device_name, version=__version__),
        paho_version=PAHO_VERSION,
        registration_url=jobs.registration_url,
        mqtt_endpoint=f"{jobs.mqtt_host}:{config.mqtt_port}",
        runtime_dir=config.runtime_dir,
        journal=open_journal(os.environ, sys.stderr, config.log_level),
        notifier=notifier,
        status_file=StatusFile(config.runtime_dir),
        history_log=HistoryLog(config.runtime_dir),
        clock=clock,
    )
    with store.lock():
        code = Supervisor(
            state=State(policy=policy, connects=connect_log.read()),
            version=__version__,
            jobs=jobs,
            read_board=read_board,
            reporter=reporter,
            notifier=notifier,
            clock=clock,
            network=open_watch(),
            connect_log=connect_log,
            report_log=ReportLog(config.runtime_dir),
            settings=settings,
        ).run()
    if code == ExitCode.DONE and not register_only:
        StartLog(config.runtime_dir).end()
    leave(code)
