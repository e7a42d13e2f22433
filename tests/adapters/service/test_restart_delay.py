"""A wait before the work begins, which a stop ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from iot_onboard.config.reader import parse
from iot_onboard.config.schema import Config
from iot_onboard.reporting.journal import open_journal
from iot_onboard.service.restart_delay import wait_before_start
from support.process.manager import ServiceManager
from support.process.recording import recording_journal


@pytest.fixture
def config() -> Config:
    config, _ = parse([], names_required=False)
    assert config is not None
    return config


def test_a_stop_ends_the_pause(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """Said first, with its length; then it is over at once, and nothing begins."""
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    began = time.monotonic()
    assert not wait_before_start(config, 11, open_journal({}, sys.stderr, "info"))
    assert time.monotonic() - began < 5.0
    assert "ended 11 times in a row within a minute of its start. It continues in 10 s." in capsys.readouterr().err


def test_a_pause_that_is_over_goes_on(config: Config, tmp_path: Path) -> None:
    """And systemd knows that READY takes longer than it allows."""
    with ServiceManager(tmp_path) as manager:
        # Ten short lives are free: the shortest wait is none.
        assert wait_before_start(config, 10, recording_journal(lambda _: None))
    status, extended = manager.heard
    assert status.startswith("STATUS=")
    assert extended == "EXTEND_TIMEOUT_USEC=90000000"
