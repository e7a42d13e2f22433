"""A route that appears ends the wait."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from iot_sandbox.authority import make_certificates
from support.gateway import Gateway
from support.sandbox import wait_for
from support.stored import point


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network namespace")
def test_a_route_that_appears_leads_to_a_try_within_a_second(gateway: Gateway, tmp_path: Path) -> None:
    """Whatever back-off had in mind."""
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    ca_file, _ = make_certificates(certificates, ("10.9.9.2",))
    point(gateway, 8883, ca_file)
    gateway.config.write_text(gateway.config.read_text().replace("host: 127.0.0.1", "host: 10.9.9.2"))
    gateway.start("unshare", "-n")
    # By now the wait is longer than the second in which the route has to be noticed.
    wait_for(lambda: gateway.lines().count("Cannot connect") >= 3, "three failures", 40)
    gateway.wait_for_state("waiting")
    before = gateway.lines().count("Connecting to")
    for words in (
        "link add v0 type veth peer name v1",
        "link set v1 up",
        "link set v0 up",
        "addr add 10.9.9.1/24 dev v0",
    ):
        subprocess.run(["nsenter", "-t", str(gateway.pid), "-n", "ip", *words.split()], check=True)
    began = time.monotonic()
    wait_for(lambda: gateway.lines().count("Connecting to") > before, "a try", 1.0)
    assert time.monotonic() - began <= 1.0
