"""The composition root of the daemon: it builds every adapter and hands them to the loop."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from . import __version__
from .clock import Clock
from .config import DEVICE_SECRET, Config
from .connection import PAHO_VERSION
from .console import leave
from .events import Context
from .exit_codes import ExitCode
from .hardware import read_board
from .jobs import Jobs
from .journal import open_journal
from .lifecycle import State
from .lifecycle.model import Policy
from .network import open_watch
from .notifier import Notifier
from .runtime_files import ConnectLog, HistoryLog, LifeLog, ReportLog
from .settings import device_secret_path
from .settings_watch import SettingsWatch
from .status import StatusFile
from .store import Store
from .supervisor import Supervisor
from .surroundings import identity_of, secrets_directory, with_systemd_directories, withheld_secrets
from .teller import Teller
from .typed import NoReturn


def supervise(config: Config, config_path: Path, settings: SettingsWatch, *, register_only: bool) -> NoReturn:
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
    teller = Teller(
        context=Context(product_key=identity.product_key, device_name=identity.device_name, version=__version__),
        paho_version=PAHO_VERSION,
        jobs=jobs,
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
            teller=teller,
            notifier=notifier,
            clock=clock,
            network=open_watch(),
            connect_log=connect_log,
            report_log=ReportLog(config.runtime_dir),
            settings=settings,
        ).run()
    if code == ExitCode.DONE and not register_only:
        LifeLog(config.runtime_dir).end()
    leave(code)
