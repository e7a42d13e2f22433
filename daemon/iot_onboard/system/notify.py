"""Send our state to the service manager with sd_notify(3), without ever waiting for it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from .sinks import DatagramSink

# As TimeoutStartSec= of the unit.
_START_S = 90.0
# How soon an unsent message is tried again.
RETRY_S = 1.0
# systemd ignores a message of more than 4096 bytes.
_MAX_STATUS_BYTES = 2048


class Notifier:
    """Send READY, STATUS, WATCHDOG and STOPPING; do nothing if there is no service manager.

    If a busy service manager does not take a message, the latest value of each variable waits; WATCHDOG never waits.
    """

    def __init__(
        self, environ: Mapping[str, str] = os.environ, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._sink = DatagramSink(address) if address.startswith(("/", "@")) else None
        self._monotonic_s = monotonic_s
        self._status = ""
        self._pending: dict[str, str] = {}
        self._retry_at: float | None = None
        self.watchdog_interval_s = _watchdog_interval_s(environ)

    def ready(self) -> None:
        """Report that the loop runs."""
        self._set("READY", "1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""
        if text != self._status:
            self._status = text
            shown = text.replace("\n", " ").encode("utf-8", "backslashreplace")[:_MAX_STATUS_BYTES]
            self._set("STATUS", shown.decode("utf-8", "ignore"))

    def extend_start_timeout(self, seconds: float) -> None:
        """Ask systemd to wait this much longer for READY than TimeoutStartSec=."""
        self._set("EXTEND_TIMEOUT_USEC", str(round((seconds + _START_S) * 1_000_000)))

    def watchdog(self) -> None:
        """Report that the loop still runs."""
        if self._sink is not None:
            self._send("WATCHDOG=1")
            self.flush()

    def stopping(self) -> None:
        """Report that the process is about to exit."""
        self._set("STOPPING", "1")

    def retry_at(self) -> float | None:
        """Return when `flush` has something to do, in monotonic seconds, or `None`."""
        return self._retry_at

    def flush(self) -> None:
        """Send the waiting messages."""
        if self._pending and self._send("\n".join(f"{name}={value}" for name, value in self._pending.items())):
            self._pending.clear()
        self._retry_at = self._monotonic_s() + RETRY_S if self._pending else None

    def _set(self, name: str, value: str) -> None:
        if self._sink is not None:
            self._pending[name] = value
            self.flush()

    def _send(self, message: str) -> bool:
        assert self._sink is not None
        try:
            return self._sink.send(message.encode()) > 0
        except OSError:
            # Too long for the socket: it can never be sent.
            return True


def _watchdog_interval_s(environ: Mapping[str, str]) -> float | None:
    """Return half of WatchdogSec= if it is meant for this process (sd_watchdog_enabled(3))."""
    try:
        usec = int(environ.get("WATCHDOG_USEC", "0"))
        pid = int(environ.get("WATCHDOG_PID", str(os.getpid())))
    except ValueError:
        return None
    return usec / 2_000_000 if usec > 0 and pid == os.getpid() else None
