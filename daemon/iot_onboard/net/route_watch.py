"""Notice when the route to the platform changes or comes back, from messages of the kernel.

The kernel reports every change of a link, address or route. Only the route to the platform counts, so the routes before
and after are compared: a container that starts or stops changes many things, but not that route.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable

from ..fast_start.fast_dataclasses import dataclass, replace
from . import rtnetlink as netlink

# How much one call reads, more than the kernel's buffer holds: endless changes of routes must not block the loop.
_MAX_READS = 512
# For how many addresses the routes are compared: each is one request to the kernel.
MAX_DESTINATIONS = 12
# At most so many checks in this window come soon after the one before.
_MAX_SOON, _SOON_WINDOW_S, _SOON_PAUSE_S = 3, 900.0, 1.0
_NO_ROUTE_PAUSE_S = 0.5
# Used to find the default routes; nothing is sent to these addresses.
_ANYWHERE = ("128.0.0.1", "2000::1")
_RESOLVER_FILES = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteCheck:
    """Hold the result of a check: whether the kernel sent messages, and whether the route changed and exists.

    A route that came back counts as changed.
    """

    has_messages: bool
    changed: bool
    has_route: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Hold how long the descriptor is ignored after a check; with 0 it may wake the process at any time.

    `woken_at` is when it last did; `soon_at` are the times of checks after which the next one came soon.
    """

    length_s: float = 0.0
    checked_at: float = float("-inf")
    woken_at: float = float("-inf")
    soon_at: tuple[float, ...] = ()


def pause_after(pause: Pause, found: RouteCheck, pace_s: float, now_s: float) -> Pause:
    """Choose when to check again: every `pace_s`, while the kernel sends messages.

    A change mostly comes in several messages: a few checks come soon after the one before, and all do while there is no
    route.
    """
    soon_at = tuple(at for at in pause.soon_at if now_s - at < _SOON_WINDOW_S)
    has_soon = len(soon_at) < _MAX_SOON
    length_s = pace_s
    if not found.has_route:
        length_s = min(_NO_ROUTE_PAUSE_S, pace_s) if found.has_messages else 0.0
    elif found.has_messages and has_soon and pace_s > _SOON_PAUSE_S:
        length_s, soon_at = _SOON_PAUSE_S, (*soon_at, now_s)
    elif not found.has_messages and (has_soon or now_s >= pause.woken_at + pace_s):
        # No more messages. If later ones are a little further apart than our checks, they wake us no more often than
        # `pace_s`.
        length_s = 0.0
    return replace(pause, length_s=length_s, checked_at=now_s, soon_at=soon_at)


class RouteWatch:
    """Listen to rtnetlink, and remember the routes to the platform."""

    def __init__(self) -> None:
        self._socket = _open()
        self._socket.bind((0, netlink.GROUPS))
        self._destinations = _packed(_ANYWHERE)
        self._routes: dict[bytes, netlink.Route] = {}
        # The values of `_routes`, without routes that were removed since.
        self._known: set[netlink.Route] = set()
        # No descriptor was left for the request: the next check repeats it.
        self._request_failed = False

    def fileno(self) -> int:
        """Return the descriptor that is readable when the kernel has sent messages."""
        return self._socket.fileno()

    def accept_present_routes(self) -> None:
        """Take the present routes as known and drop waiting messages: an attempt that starts now uses these routes."""
        self._read()
        self._ask()

    def watch_routes_to(self, addresses: Iterable[str]) -> None:
        """Watch the routes to these addresses from now on; without any, default routes and those to name servers."""
        self._destinations = _packed(addresses) or _packed((*_ANYWHERE, *name_servers()))
        self._ask()

    def look(self) -> RouteCheck:
        """Read the kernel's messages, within a bound, and if there are any, compare the routes.

        If the bound is reached, the descriptor stays readable.
        """
        if not self._read() and not self._request_failed:
            return RouteCheck(has_messages=False, changed=False, has_route=bool(self._routes))
        changed = self._ask()
        return RouteCheck(has_messages=True, changed=changed, has_route=bool(self._routes))

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def _read(self) -> bool:
        """Return whether there were messages, and forget routes that were removed meanwhile, even if they are back."""
        has_messages = False
        for _ in range(_MAX_READS):
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    break
                # The kernel dropped messages: the request that follows shows the present state.
                data = b""
            has_messages = True
            self._known -= netlink.removed_routes(data, self._routes)
        return has_messages

    def _ask(self) -> bool:
        """Ask for the present routes; return whether one of them is new."""
        try:
            with _open() as asking:
                self._routes = _routes_to(self._destinations, asking)
        except OSError:
            self._request_failed = True
            return False
        self._request_failed = False
        before, self._known = self._known, set(self._routes.values())
        return bool(self._known - before)


class PacedWatch:
    """Check a `RouteWatch` at most every `pace_s`: many messages of the kernel wake the process seldom.

    `pace_s` returns `None` while routes do not matter. The kernel keeps its messages meanwhile; the routes are later
    compared with those that `begin` or `resume` found. `changed` is called if the route is another one, or came back.
    """

    def __init__(
        self,
        watch: RouteWatch,
        monotonic_s: Callable[[], float],
        pace_s: Callable[[], float | None],
        changed: Callable[[], None],
    ) -> None:
        self._watch = watch
        self._monotonic_s = monotonic_s
        self._pace_s = pace_s
        self._changed = changed
        self._pause = Pause()

    def begin(self) -> None:
        """Drop waiting messages: an attempt begins, and uses the present routes."""
        self._watch.accept_present_routes()
        self._pause = replace(self._pause, length_s=0.0)

    def resume(self, addresses: Iterable[str]) -> None:
        """Go on after an attempt, with the addresses that it tried; report a change in the meantime."""
        changed = self._watch.look().changed
        self._watch.watch_routes_to(addresses)
        self._pause = replace(self._pause, length_s=0.0)
        if changed:
            self._changed()

    def fileno(self) -> int:
        """Return the descriptor to wait for, or -1 while it is ignored."""
        return -1 if self._pause.length_s or self._pace_s() is None else self._watch.fileno()

    def due_at(self) -> float | None:
        """Return when to check next, while the descriptor is ignored."""
        length_s, pace_s = self._pause.length_s, self._pace_s()
        # The pace may have become shorter.
        return self._pause.checked_at + min(length_s, pace_s) if length_s and pace_s is not None else None

    def on_ready(self) -> None:
        """Check: the kernel has woken the process."""
        self._pause = replace(self._pause, woken_at=self._monotonic_s())
        self.look()

    def tick(self) -> None:
        """Check now if a check is planned: the process is awake anyway."""
        if self.due_at() is not None:
            self.look()

    def look(self) -> None:
        """Check now."""
        found, pace_s = self._watch.look(), self._pace_s()
        if pace_s is not None:
            self._pause = pause_after(self._pause, found, pace_s, self._monotonic_s())
        if found.changed:
            self._changed()


def open_watch() -> RouteWatch | None:
    """Return a watch, or `None` if netlink is not available: then only back-off decides about retries."""
    try:
        return RouteWatch()
    except OSError:
        return None


def _routes_to(destinations: Iterable[bytes], asking: socket.socket) -> dict[bytes, netlink.Route]:
    """Return the kernel's present route to each address; routes over an interface without link are left out."""
    found: dict[bytes, netlink.Route] = {}
    for number, destination in enumerate(destinations):
        route = netlink.route_of(_answer(asking, netlink.route_request(destination, number)))
        if route is not None:
            found[destination] = route
    interfaces = {route.interface for route in found.values()} - {netlink.LOOPBACK_INDEX}
    down = {index for index in interfaces if netlink.is_down(_answer(asking, netlink.link_request(index, index)))}
    return {destination: route for destination, route in found.items() if route.interface not in down}


def _answer(asking: socket.socket, request: bytes) -> bytes:
    """Return the kernel's answer; it is there as soon as the request is sent, so this never waits."""
    try:
        asking.send(request)
        return asking.recv(65536)
    except OSError:
        return b""


def _open() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)


def name_servers(files: Iterable[str] = _RESOLVER_FILES) -> list[str]:
    """Return the name servers of this gateway: after a failed look-up the routes to them count."""
    found: list[str] = []
    for path in files:
        try:
            with open(path, encoding="ascii", errors="ignore") as file:
                words = [line.split() for line in file.read(65536).splitlines()]
        except OSError:
            continue
        found += [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]
    return found


def _packed(addresses: Iterable[str]) -> tuple[bytes, ...]:
    """Return addresses as bytes, each once; skip text that is not an address, and cut off a zone."""
    found: dict[bytes, None] = {}
    for text in addresses:
        family = socket.AF_INET6 if ":" in text else socket.AF_INET
        try:
            found[socket.inet_pton(family, text.partition("%")[0])] = None
        except OSError:
            continue
    return tuple(found)[:MAX_DESTINATIONS]
