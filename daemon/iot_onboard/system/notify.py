"""Tell the service manager how we are, by sd_notify."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

# As TimeoutStartSec= of the unit.
_START_S = 90.0


class Notifier:
    """Send READY, STATUS, WATCHDOG and STOPPING; do nothing where no service manager listens."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._send: Callable[[str], object] | None = None
        self._status = ""
        self.watchdog_interval_s = _watchdog_interval_s(environ)
        if environ.get("NOTIFY_SOCKET"):
            from systemd.daemon import notify

            self._send = notify

    def ready(self) -> None:
        """Say that the loop runs."""
        self._tell("READY=1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""
        if text != self._status:
            self._status = text
            self._tell("STATUS=" + text.replace("\n", " "))

    def starts_later(self, seconds: float) -> None:
        """Say that READY takes so much longer than TimeoutStartSec= allows."""
        self._tell(f"EXTEND_TIMEOUT_USEC={round((seconds + _START_S) * 1_000_000)}")

    def watchdog(self) -> None:
        """Say that the loop turns."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that we end on purpose."""
        self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        if self._send is not None:
            try:
                self._send(message)
            except OSError:
                # A service manager that restarts is no reason to fall over; the next message goes through.
                return


def _watchdog_interval_s(environ: Mapping[str, str]) -> float | None:
    """Return half of WatchdogSec=, where it is meant for this process (sd_watchdog_enabled(3))."""
    try:
        usec = int(environ.get("WATCHDOG_USEC", "0"))
        pid = int(environ.get("WATCHDOG_PID", str(os.getpid())))
    except ValueError:
        return None
    return usec / 2_000_000 if usec > 0 and pid == os.getpid() else None
