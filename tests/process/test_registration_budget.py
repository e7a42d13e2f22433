"""The budget of registrations outlives the process, however that ends."""

from __future__ import annotations

import time

import pytest

from support.gateway.gateway import Gateway
from support.platform.sandbox import Sandbox, wait_for

BUDGET = 5


@pytest.mark.realtime
def test_a_row_of_kills_leaves_no_room_for_more(sandbox: Sandbox, gateway: Gateway) -> None:
    """SIGKILL as soon as each process has asked: the sixth does not ask within the minute, and says when it will."""
    gateway.configure(sandbox)
    sandbox.command("answer", "not-json")
    for life in range(BUDGET + 4):
        gateway.start()
        if life < BUDGET:
            wait_for(lambda: len(sandbox.seen("register")) > life, "the request")  # noqa: B023 - waited for at once
        else:
            gateway.wait_for_state("waiting")
            time.sleep(0.5)
        gateway.kill()
    assert len(sandbox.seen("register")) == BUDGET
    gateway.start()
    status = gateway.wait_for_state("waiting")
    assert status["goal"] == "register"
    assert status["next_try_monotonic_s"] > time.monotonic() + 20.0


def test_a_first_boot_writes_the_budget_once_and_is_not_held_up(sandbox: Sandbox, gateway: Gateway) -> None:
    """One registration, one write; while it is online there is none."""
    gateway.configure(sandbox)
    gateway.online().wait_for_line("tags reported")
    path = gateway.runtime_dir / "registrations.json"
    written = path.stat().st_mtime_ns
    assert gateway.stop() == 0
    gateway.online()
    assert path.stat().st_mtime_ns == written
