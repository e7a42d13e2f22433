"""Whether the clock can be believed."""

from __future__ import annotations

from pathlib import Path

from iot_onboard.system.clock import BUILT_AT, Clock

NOW = BUILT_AT.timestamp() + 86_400.0


class Hands:
    """A wall clock and a monotonic one, to be moved."""

    wall = NOW
    monotonic = 100.0


def clock(root: Path, hands: Hands) -> Clock:
    return Clock(root, wall_s=lambda: hands.wall, monotonic_s=lambda: hands.monotonic)


def flag(root: Path) -> None:
    path = root / "run/systemd/timesync/synchronized"
    path.parent.mkdir(parents=True)
    path.touch()


def test_timesyncd_tells(tmp_path: Path) -> None:
    """Its flag file makes the clock trusted, and its appearance is news, once."""
    watched = clock(tmp_path, Hands())
    assert (watched.trusted(), watched.was_set()) == (False, False)
    flag(tmp_path)
    assert (watched.trusted(), watched.was_set(), watched.was_set()) == (True, True, False)


def test_a_step_tells(tmp_path: Path) -> None:
    """Time passing is no news; a step of over a minute is, and makes a plausible clock trusted."""
    hands = Hands()
    watched = clock(tmp_path, hands)
    hands.wall, hands.monotonic = hands.wall + 500, hands.monotonic + 500
    assert (watched.was_set(), watched.trusted()) == (False, False)
    hands.wall += 3600
    assert (watched.was_set(), watched.was_set(), watched.trusted()) == (True, False, True)


def test_a_clock_before_our_time_is_never_trusted(tmp_path: Path) -> None:
    """1970 is wrong whatever the flag says."""
    hands = Hands()
    hands.wall = 0.0
    flag(tmp_path)
    assert not clock(tmp_path, hands).trusted()
