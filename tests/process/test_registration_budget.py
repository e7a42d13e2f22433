"""The budget of registrations outlives the process, however that ends."""

from __future__ import annotations

import json
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


def test_a_first_boot_is_not_held_up(sandbox: Sandbox, gateway: Gateway) -> None:
    """One registration, and it delays no login; the next start goes on with both counts."""
    gateway.configure(sandbox)
    gateway.online().wait_for_line("tags reported")
    before = json.loads((gateway.runtime_dir / "connects.json").read_text())
    assert (len(before["registrations"]), len(before["connects"])) == (1, 1)
    assert gateway.stop() == 0
    gateway.online()
    after = json.loads((gateway.runtime_dir / "connects.json").read_text())
    assert (after["registrations"], len(after["connects"])) == (before["registrations"], 2)
