"""Dial before the connection is needed, on a separate thread; report no failure, and close an unused connection."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable

from ..core.failures import Cause, OnboardError, Transient
from ..core.timings import Timings

# An unused connection is closed after this time: a server waits only seconds for the CONNECT.
FRESH_S = 5.0

Found = tuple[ssl.SSLSocket, Timings]


class EarlyDial:
    """Start one dial now. `dial` has its own time limits; its failure is not reported: the real dial reports it."""

    def __init__(self, dial: Callable[[], Found], fresh_s: float = FRESH_S) -> None:
        self._dial = dial
        self._fresh_s = fresh_s
        self._changed = threading.Condition()
        self._found: Found | None = None
        self._is_done = False
        self._wanted = True
        self._name_unresolved = False
        try:
            threading.Thread(target=self._work, name="early-dial", daemon=True).start()
        except (RuntimeError, MemoryError):
            # No thread could be started: the real dial does it all.
            self._is_done = True

    def take(self) -> Found | None:
        """Return the connection, once; wait while the dial runs. `None` if it failed, is too old or was closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_done or not self._wanted)
            found = self._give_up()
        if found is None or _is_open(found[0]):
            return found
        found[0].close()
        return None

    def drop(self) -> None:
        """Close the connection, now or as soon as it is there; do not wait."""
        with self._changed:
            found = self._give_up()
        if found is not None:
            found[0].close()

    def name_unresolved(self) -> bool:
        """Say whether the dial failed because the name had no address, so no server saw it."""
        return self._name_unresolved

    def _give_up(self) -> Found | None:
        found, self._found, self._wanted = self._found, None, False
        self._changed.notify_all()
        return found

    def _work(self) -> None:
        found: Found | None = None
        try:
            found = self._dial()
        except OnboardError as error:
            self._name_unresolved = isinstance(error.failure, Transient) and error.failure.cause is Cause.NAME_LOOKUP
        except Exception:
            # A defect. The real dial fails too, and the worker reports where; here Python would print the message,
            # which may hold a secret.
            self._name_unresolved = False
        with self._changed:
            self._found, self._is_done = found, True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._wanted, self._fresh_s)
            left = self._give_up()
        if left is not None:
            left[0].close()


def _is_open(sock: ssl.SSLSocket) -> bool:
    """Say whether the server has kept the connection open; reads its session tickets."""
    limit_s = sock.gettimeout()
    sock.settimeout(0)
    try:
        sock.recv(1)
    except ssl.SSLWantReadError:
        sock.settimeout(limit_s)
        return True
    except OSError:
        pass
    return False
