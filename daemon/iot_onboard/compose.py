"""The composition root of the daemon: it builds every adapter and hands them to the loop."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from . import __version__
from .cli import credentials_directory, identity_of
from .clock import Clock
from .config import Config
from .events import Context
from .hardware import read_board
from .jobs import Jobs
from .journal import open_journal
from .lifecycle import State
from .lifecycle.model import Policy
from .network import open_watch
from .notifier import Notifier
from .runtime_files import ConnectLog, ReportLog
from .settings import device_secret_path
from .status import StatusFile
from .store import Store
from .supervisor import Supervisor
from .teller import Teller


def supervise(config: Config, config_path: Path, *, register_only: bool) -> int:
    """Run the daemon, or just its registration, and return the exit code."""
    config = _with_systemd_directories(config)
    identity = identity_of(config)
    clock = Clock()
    store = Store(config.state_dir, identity)
    credentials_dir = credentials_directory()
    connect_log = ConnectLog(config.runtime_dir)
    policy = Policy(
        can_register=device_secret_path(config, credentials_dir) is None,
        register_only=register_only,
    )
    jobs = Jobs(
        config=config,
        config_path=config_path,
        identity=identity,
        store=store,
        credentials_dir=credentials_dir,
        utc_now=clock.utc_now,
    )
    notifier = Notifier()
    teller = Teller(
        context=Context(product_key=identity.product_key, device_name=identity.device_name, version=__version__),
        jobs=jobs,
        journal=open_journal(os.environ, sys.stderr, config.log_level),
        notifier=notifier,
        status_file=StatusFile(config.runtime_dir),
        clock=clock,
    )
    with store.lock():
        return Supervisor(
            state=State(policy=policy, connects=connect_log.read()),
            version=__version__,
            jobs=jobs,
            board=read_board(),
            teller=teller,
            notifier=notifier,
            clock=clock,
            network=open_watch(),
            connect_log=connect_log,
            report_log=ReportLog(config.runtime_dir),
        ).run()


def _with_systemd_directories(config: Config) -> Config:
    state_dir = os.environ.get("STATE_DIRECTORY")
    runtime_dir = os.environ.get("RUNTIME_DIRECTORY")
    # systemd gives several directories with colons in between; ours is the first.
    return replace(
        config,
        state_dir=Path(state_dir.split(":")[0]) if state_dir else config.state_dir,
        runtime_dir=Path(runtime_dir.split(":")[0]) if runtime_dir else config.runtime_dir,
    )
