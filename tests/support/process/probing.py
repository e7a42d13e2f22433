"""Ask one probe, with what it needs, and nothing of the doctor's else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, TypeVar

from iot_onboard.doctor.model import Facts, Probe
from support.machine.namespace import network as own_network
from support.tree import DAEMON, TESTS

T = TypeVar("T")


def bring(probe: Probe[T], config_path: Path, root: Path = Path("/")) -> T:
    """Return what a probe brings; what it merely wants may fail."""
    values: dict[Probe[Any], object] = {}
    seen = Facts(config_path, root, values)

    def look(asked: Probe[Any]) -> None:
        for need in asked.needs:
            look(need)
        for want in asked.wants:
            try:
                look(want)
            except (OSError, ValueError, KeyError):
                continue
        values[asked] = asked.collect(seen)

    look(probe)
    return seen.get(probe)


def program(directory: Path, name: str, script: str) -> Path:
    """Write a shell script that stands in for a program of the system."""
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def in_own_network(directory: Path, config: Path, code: str, *, nameserver: bool = False) -> list[str]:
    """Run code that asks probes in a network name space with nothing in it, and return what it printed."""
    imports = (
        "from support.process.probing import bring; from pathlib import Path;"
        "from iot_onboard.doctor.checks import network;"
        "from iot_onboard.doctor.probes.network import *;"
        f"config = Path({str(config)!r});"
    )
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": f"{DAEMON}:{TESTS}"}
    command = [*own_network(directory, nameserver=nameserver), sys.executable, "-c", imports + code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
