"""What brings the parts runs side by side, and what hangs is left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from iot_onboard.bundle.gather import PartOmitted, gather


def test_parts_come_side_by_side() -> None:
    """Each waits for all others; the order of the jobs is kept."""
    together = threading.Barrier(6)
    jobs: dict[str, Callable[[], int]] = {str(number): lambda: together.wait(20) for number in range(6)}
    collected = gather(jobs, limit_s=30)
    assert list(collected) == list(jobs)
    assert {part.value for part in collected.values()} == set(range(6))


@pytest.mark.realtime
def test_the_limit_is_one_for_all() -> None:
    """Each part that comes late would make it longer otherwise."""

    def late(seconds: float) -> bool:
        time.sleep(seconds)
        return True

    seconds = (0.3, 0.6, 0.9, 1.2, 1.5, 1.8)
    began = time.monotonic()
    brought = gather({str(number): partial(late, number) for number in seconds}, limit_s=0.5)
    assert time.monotonic() - began < 1.2
    assert brought["1.8"].why_not == "did not end within 0 s"


def test_what_hangs_or_breaks_is_left_out() -> None:
    """The others are there, and the reason is said, without a word of what an exception quotes."""
    release = threading.Event()

    def leaves_out() -> bool:
        raise PartOmitted("there is none")

    def broken() -> bool:
        raise ValueError("hunter2")

    def missing() -> bool:
        return bool(Path("/nowhere").read_bytes())

    began = time.monotonic()
    jobs = {"hangs": lambda: release.wait(60), "none": leaves_out, "broken": broken, "missing": missing}
    collected = gather({**jobs, "good": lambda: True}, limit_s=0.5)
    release.set()
    assert time.monotonic() - began < 20
    assert collected["good"].value
    assert collected["hangs"].why_not == "did not end within 0 s"
    assert collected["none"].why_not == "there is none"
    assert collected["broken"].why_not.startswith("internal error: ValueError at ")
    assert collected["missing"].why_not == "cannot be read: No such file or directory"
    assert "hunter2" not in str(collected)
