"""A route that appears ends the wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from iot_sandbox.authority import make_certificates
from support.gateway.gateway import Gateway
from support.gateway.stored import point
from support.machine import namespace
from support.machine.churn import churning
from support.platform.sandbox import wait_for


@pytest.mark.skipif(namespace.why_no_namespace() is not None, reason=str(namespace.why_no_namespace()))
@pytest.mark.parametrize("amid", [nullcontext, churning], ids=["in silence", "amid a container that crash-loops"])
def test_a_route_that_appears_leads_to_a_try_within_a_second(
    gateway: Gateway, tmp_path: Path, amid: Callable[[int], AbstractContextManager[None]]
) -> None:
    """Whatever back-off had in mind, and whatever else the kernel tells."""
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    ca_file, _ = make_certificates(certificates, ("10.9.9.2",))
    point(gateway, 8883, ca_file, host="10.9.9.2")
    gateway.config.write_text(gateway.config.read_text() + "log_level: debug\n")
    gateway.start(*namespace.UNSHARE)
    gateway.wait_for_state("waiting")
    namespace.shell(
        gateway.pid,
        # The kernel's own IPv6 addresses would be news at moments of their own.
        "ip link add v0 type veth peer name v1;"
        "for end in v0 v1; do ip link set $end addrgenmode none; ip link set $end up; done",
    )
    # The back-off grows until chance has no part in what follows.
    wait_for(lambda: seconds_to_next_try(gateway) > 5.0, "a long wait", 90)
    with amid(gateway.pid):
        time.sleep(1.5)
        before = gateway.lines().count("Connecting to")
        namespace.shell(gateway.pid, "ip addr add 10.9.9.1/24 dev v0")
        began = time.monotonic()
        wait_for(lambda: gateway.lines().count("Connecting to") > before, "a try", 5.0)
        assert time.monotonic() - began <= 1.0


def seconds_to_next_try(gateway: Gateway) -> float:
    at = gateway.status().get("next_try_at")
    return (datetime.fromisoformat(at) - datetime.now(UTC)).total_seconds() if at else 0.0
