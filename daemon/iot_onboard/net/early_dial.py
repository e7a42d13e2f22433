"""A dial that runs ahead of its need, on a thread of its own: silent where it fails, closed where nobody takes it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable

from ..core.failures import Cause, OnboardError, Transient
from ..core.timings import Timings

# What stands unused for longer is closed: a server gives a client without CONNECT only seconds.
FRESH_S = 5.0

Found = tuple[ssl.SSLSocket, Timings]


class EarlyDial:
    """Dial once, from now on. `dial` has limits of its own; its failure is kept to itself, for the real dial speaks."""

    def __init__(self, dial: Callable[[], Found], fresh_s: float = FRESH_S) -> None:
        self._dial = dial
        self._fresh_s = fresh_s
        self._changed = threading.Condition()
        self._found: Found | None = None
        self._over = False
        self._wanted = True
        self._name_unresolved = False
        try:
            threading.Thread(target=self._work, name="early-dial", daemon=True).start()
        except (RuntimeError, MemoryError):
            # No thread is to be had: then the real dial is the first.
            self._over = True

    def take(self) -> Found | None:
        """Return what was dialled, once; waits while the dial is under way. `None` if it failed, grew old or died."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or not self._wanted)
            found = self._give_up()
        if found is None or _alive(found[0]):
            return found
        found[0].close()
        return None

    def drop(self) -> None:
        """Close what was dialled, now or when it stands; waits for nothing."""
        with self._changed:
            found = self._give_up()
        if found is not None:
            found[0].close()

    def name_unresolved(self) -> bool:
        """Say whether it ended before anyone was spoken to: the name had no address."""
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
            # A defect. The real dial meets it too, and the worker says where; here it would print what it quotes.
            self._name_unresolved = False
        with self._changed:
            self._found, self._over = found, True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._wanted, self._fresh_s)
            left = self._give_up()
        if left is not None:
            left[0].close()


def _alive(sock: ssl.SSLSocket) -> bool:
    """Say whether a server that has nothing to say yet still listens; session tickets are read on the way."""
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
