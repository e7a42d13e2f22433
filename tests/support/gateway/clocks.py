"""Clocks that run faster, so that the waits of the design pass sooner."""

from __future__ import annotations

import platform


def quick_clock(times: float) -> dict[str, str]:
    """Return the environment in which a program's clocks and waits run so much faster; libfaketime is Debian's."""
    return _faked(f"+0 x{times:g}")


def wrong_clock(starts_at: str) -> dict[str, str]:
    """Return the environment in which a program's wall clock starts at a time of one's own, in ISO 8601."""
    return _faked(f"@{starts_at}")


def run_with(environment: dict[str, str]) -> tuple[str, ...]:
    """Return what a command begins with to run in that environment."""
    return ("env", *(f"{name}={value}" for name, value in environment.items()))


def _faked(rule: str) -> dict[str, str]:
    # Not by the command `faketime`: it fails where one of its process number was killed and left a semaphore.
    return {"LD_PRELOAD": f"/usr/lib/{platform.machine()}-linux-gnu/faketime/libfaketime.so.1", "FAKETIME": rule}
