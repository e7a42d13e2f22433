"""Ask one probe, with what it needs, and nothing of the doctor's else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from iot_onboard.doctor.model import Probe, Seen

T = TypeVar("T")


def bring(probe: Probe[T], config_path: Path, root: Path = Path("/")) -> T:
    """Return what a probe brings; what it merely wants may fail."""
    values: dict[Probe[Any], object] = {}
    seen = Seen(config_path, root, values)

    def look(asked: Probe[Any]) -> None:
        for need in asked.needs:
            look(need)
        for want in asked.wants:
            try:
                look(want)
            except (OSError, ValueError, KeyError):
                continue
        values[asked] = asked.look(seen)

    look(probe)
    return seen.of(probe)


def program(directory: Path, name: str, script: str) -> Path:
    """Write a shell script that stands in for a program of the system."""
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path
