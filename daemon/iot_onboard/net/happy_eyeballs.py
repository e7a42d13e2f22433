"""Connect to the first of several addresses that answers: a dead address does not delay the others (RFC 8305)."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
import time
from collections.abc import Sequence
from itertools import chain, zip_longest

from ..fast_start.cheap_calls import host_bytes
from ..fast_start.fast_dataclasses import dataclass
from ..fast_start.typing_names import Any

# A name server may return thousands; this many are tried, of both families.
MAX_ADDRESSES = 8
# Longer than the resolver needs for three dead name servers, each asked twice.
LOOKUP_LIMIT_S = 60.0
# How long to wait for an address before the next one is tried too.
ATTEMPT_DELAY_S = 0.25

# As `socket.getaddrinfo` gives them: family, type, protocol, canonical name, address.
Place = tuple[Any, Any, int, str, tuple[Any, ...]]
# By host, the addresses of the last look-up that are tried; none if it failed.
Resolved = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Hold an attempt that runs, and when it is given up."""

    number: int
    deadline: float


class NoAddressAnswered(Exception):
    """Hold the error of each address, in the order of the attempts."""

    def __init__(self, tried: Sequence[tuple[str, OSError]]) -> None:
        super().__init__()
        self.tried = tuple(tried)


def resolve(host: str, port: int, limit_s: float = LOOKUP_LIMIT_S, resolved: Resolved | None = None) -> list[Place]:
    """Return the addresses of a host and record them in `resolved`; raise `OSError`, or `ValueError` for a bad name.

    The resolver has time limits, except for a name server that it asks over TCP: it would wait for ever for one that
    does not answer. So the look-up runs on a thread, and its connections are ended at the time limit.
    """
    ended: list[list[Place] | BaseException] = []
    if resolved is not None:
        resolved[host] = ()

    def look_up() -> None:
        try:
            ended.append(socket.getaddrinfo(host_bytes(host), port, type=socket.SOCK_STREAM))
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=look_up, name="name-lookup", daemon=True)
    try:
        thread.start()
        thread.join(limit_s)
    except RuntimeError:
        # No thread could be started: look up without a time limit.
        look_up()
    if not ended:
        # Imported here: a name server that answers needs none of it.
        from .stuck_lookup import end

        end(thread)
        raise TimeoutError(errno.ETIMEDOUT, f"no name server answered within {limit_s:.0f} s")
    if isinstance(ended[0], BaseException):
        raise ended[0]
    if resolved is not None:
        resolved[host] = tuple(str(place[4][0]) for place in interleave_families(ended[0])[:MAX_ADDRESSES])
    return ended[0]


class ConnectAttempts:
    """Try addresses one after the other; an attempt goes on while the next ones start.

    Each has `timeout_s`, and they are few, so all ends soon after. Raises `OSError` if this process has no descriptor
    left.
    """

    def __init__(self, found: Sequence[Place], timeout_s: float) -> None:
        self._places = interleave_families(found)[:MAX_ADDRESSES]
        self._timeout_s = timeout_s
        self._ended: dict[int, OSError] = {}
        self._running: dict[socket.socket, Attempt] = {}
        self._selector = selectors.DefaultSelector()

    def run(self) -> socket.socket:
        """Return the first connection, with the time limit set, or raise `NoAddressAnswered`."""
        try:
            winner = self._run()
            del self._running[winner]
            winner.settimeout(self._timeout_s)
            return winner
        finally:
            self._selector.close()
            for raw in self._running:
                raw.close()

    def _run(self) -> socket.socket:
        started, next_at = 0, time.monotonic()
        while started < len(self._places) or self._running:
            now = time.monotonic()
            if started < len(self._places) and (now >= next_at or not self._running):
                winner = self._start(started, now)
                started, next_at = started + 1, now + ATTEMPT_DELAY_S
            else:
                deadlines = [attempt.deadline for attempt in self._running.values()]
                winner = self._wait(min(deadlines if started == len(self._places) else [*deadlines, next_at]) - now)
            if winner is not None:
                return winner
        texts = [place[4][0] for place in self._places]
        raise NoAddressAnswered([(texts[number], self._ended[number]) for number in sorted(self._ended)])

    def _start(self, number: int, now: float) -> socket.socket | None:
        family, kind, protocol, _, address = self._places[number]
        try:
            raw = socket.socket(family, kind, protocol)
        except OSError as error:
            self._ended[number] = error
            return None
        raw.setblocking(False)
        self._running[raw] = Attempt(number=number, deadline=now + self._timeout_s)
        try:
            raw.connect(address)
        except BlockingIOError:
            self._selector.register(raw, selectors.EVENT_WRITE)
            return None
        except OSError as error:
            self._end(raw, error)
            return None
        return raw

    def _wait(self, seconds: float) -> socket.socket | None:
        for key, _ in self._selector.select(max(0.0, seconds)):
            raw = key.fileobj
            assert isinstance(raw, socket.socket)
            self._selector.unregister(raw)
            code = raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not code:
                return raw
            self._end(raw, OSError(code, os.strerror(code)))
        now = time.monotonic()
        for raw in [raw for raw, attempt in self._running.items() if now >= attempt.deadline]:
            self._selector.unregister(raw)
            self._end(raw, TimeoutError("timed out"))
        return None

    def _end(self, raw: socket.socket, error: OSError) -> None:
        self._ended[self._running.pop(raw).number] = error
        raw.close()


def interleave_families(found: Sequence[Place]) -> list[Place]:
    """Alternate the address families, beginning with the resolver's first: one family may not work at all."""
    mine = [place for place in found if place[0] == found[0][0]]
    others = [place for place in found if place[0] != found[0][0]]
    return [place for place in chain.from_iterable(zip_longest(mine, others)) if place is not None]
