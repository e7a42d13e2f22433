"""The time, and whether the wall clock can be trusted."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

# A wall clock before this date is wrong: this code did not exist yet.
BUILT_AT = datetime(2026, 11, 1, tzinfo=UTC)
STEP_S = 60.0
TIMESYNCD_FLAG = "run/systemd/timesync/synchronized"


class Clock:
    """Read the clocks, and notice when the wall clock is set.

    systemd-timesyncd creates a flag file when it has synchronised. The kernel's own state (adjtimex) cannot be read:
    systemd's ProtectClock= filters the call. With another time daemon, a step of more than a minute shows it.
    """

    def __init__(
        self,
        root: Path = Path("/"),
        *,
        wall_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._flag = root / TIMESYNCD_FLAG
        self._wall_s = wall_s
        self._monotonic_s = monotonic_s
        self._stepped = False
        self._flag_seen = self._flag.exists()
        self._offset_s = wall_s() - monotonic_s()

    def monotonic_s(self) -> float:
        """Return the seconds of the monotonic clock, which continues across restarts of the service."""
        return self._monotonic_s()

    def utc_now(self) -> datetime:
        """Return the wall clock's time."""
        return datetime.fromtimestamp(self._wall_s(), UTC)

    def trusted(self) -> bool:
        """Say whether the wall clock is known to be set."""
        return self.utc_now() >= BUILT_AT and (self._stepped or self._flag.exists())

    def was_set(self) -> bool:
        """Say whether the wall clock was set since the last call."""
        flag = self._flag.exists()
        offset_s = self._wall_s() - self._monotonic_s()
        stepped = abs(offset_s - self._offset_s) > STEP_S
        appeared = flag and not self._flag_seen
        self._flag_seen, self._offset_s = flag, offset_s
        self._stepped = self._stepped or stepped
        return stepped or appeared
