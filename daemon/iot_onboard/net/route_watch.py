"""Notice when the route to the platform changes or comes back, by the kernel's own word.

The kernel tells of every link, address and route; what counts is by which route it would reach the platform, before and
after. A container that comes and goes changes much, and nothing of that.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable

from ..fast_start.fast_dataclasses import dataclass, replace
from . import rtnetlink as netlink

# What one call reads, more than the kernel keeps: routes that come and go without end must not keep the loop.
_MAX_READS = 512
# Of how many addresses the routes are compared: each is a question to the kernel.
MAX_DESTINATIONS = 12
# So few looks in so long come soon after the one before.
_MAX_SOON, _SOON_WINDOW_S, _SOON_REST_S = 3, 900.0, 1.0
_UNROUTED_REST_S = 0.5
# Nobody is meant, and nothing is sent: whoever has a default route reaches them by it.
_ANYWHERE = ("128.0.0.1", "2000::1")
_RESOLVER_FILES = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Say whether the kernel had told anything, whether there is a route to the platform, and whether that changed.

    One that came back has changed as well.
    """

    heard: bool
    changed: bool
    routed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Say how long the descriptor is left alone after a look: not at all for 0, then it may wake the process.

    `woken_at` is when it last did, `soon_at` when the next look was to come soon.
    """

    rest_s: float = 0.0
    looked_at: float = float("-inf")
    woken_at: float = float("-inf")
    soon_at: tuple[float, ...] = ()


def rest_after(rest: Rest, found: Look, pace_s: float, now_s: float) -> Rest:
    """Choose when to look again: at a pace, as long as the kernel tells of anything.

    A change mostly comes in several messages: a few looks come soon after the one before, and all of them do while
    there is no route.
    """
    soon_at = tuple(at for at in rest.soon_at if now_s - at < _SOON_WINDOW_S)
    has_soon = len(soon_at) < _MAX_SOON
    rest_s = pace_s
    if not found.routed:
        rest_s = min(_UNROUTED_REST_S, pace_s) if found.heard else 0.0
    elif found.heard and has_soon and pace_s > _SOON_REST_S:
        rest_s, soon_at = _SOON_REST_S, (*soon_at, now_s)
    elif not found.heard and (has_soon or now_s >= rest.woken_at + pace_s):
        # It is quiet again. Messages that are a little further apart than our looks wake us no more often than those.
        rest_s = 0.0
    return replace(rest, rest_s=rest_s, looked_at=now_s, soon_at=soon_at)


class RouteWatch:
    """Listen to rtnetlink, and remember by which routes the platform was reached."""

    def __init__(self) -> None:
        self._socket = _open()
        self._socket.bind((0, netlink.GROUPS))
        self._destinations = _packed(_ANYWHERE)
        self._routes: dict[bytes, netlink.Route] = {}
        # The values of `_routes`, without those that were gone since.
        self._known: set[netlink.Route] = set()
        # No descriptor was left to ask with: the next look does.
        self._unasked = False

    def fileno(self) -> int:
        """Return the descriptor that is readable when the kernel has news."""
        return self._socket.fileno()

    def settle(self) -> None:
        """Take the routes of now for known, and forget what the kernel told: an attempt that starts now sees it."""
        self._read()
        self._ask()

    def head_for(self, addresses: Iterable[str]) -> None:
        """Compare the routes to these addresses from now on; without any, the default routes and the name servers'."""
        self._destinations = _packed(addresses) or _packed((*_ANYWHERE, *name_servers()))
        self._ask()

    def look(self) -> Look:
        """Read what the kernel told, within a bound, and compare the routes where it told anything.

        Where the bound is reached the descriptor stays readable.
        """
        if not self._read() and not self._unasked:
            return Look(heard=False, changed=False, routed=bool(self._routes))
        changed = self._ask()
        return Look(heard=True, changed=changed, routed=bool(self._routes))

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def _read(self) -> bool:
        """Say whether there was anything, and forget the routes that were gone meanwhile, be they back or not."""
        heard = False
        for _ in range(_MAX_READS):
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    break
                # The kernel dropped news: the question that follows tells what is left of them.
                data = b""
            heard = True
            self._known -= netlink.interrupted(data, self._routes)
        return heard

    def _ask(self) -> bool:
        """Ask for the routes of now, and say whether one of them was not known."""
        try:
            with _open() as asking:
                self._routes = _routes_to(self._destinations, asking)
        except OSError:
            self._unasked = True
            return False
        self._unasked = False
        before, self._known = self._known, set(self._routes.values())
        return bool(self._known - before)


class PacedWatch:
    """Look at a watch at a pace: a kernel that tells of much wakes the process seldom.

    `pace_s` is `None` while nobody wants to know. What the kernel tells meanwhile is kept by it, and compared with the
    routes that `begin` or `resume` found. `changed` is called where the route is another one, or came back.
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
        self._rest = Rest()

    def begin(self) -> None:
        """Forget what was told: an attempt begins, and sees it."""
        self._watch.settle()
        self._rest = replace(self._rest, rest_s=0.0)

    def resume(self, addresses: Iterable[str]) -> None:
        """Go on after an attempt, with the addresses that it was for; hand on what changed meanwhile."""
        changed = self._watch.look().changed
        self._watch.head_for(addresses)
        self._rest = replace(self._rest, rest_s=0.0)
        if changed:
            self._changed()

    def fileno(self) -> int:
        """Return the descriptor to wait for, or -1 for now."""
        return -1 if self._rest.rest_s or self._pace_s() is None else self._watch.fileno()

    def due_at(self) -> float | None:
        """Return when to look, where the descriptor is left alone."""
        rest_s, pace_s = self._rest.rest_s, self._pace_s()
        # The pace may be a faster one by now.
        return self._rest.looked_at + min(rest_s, pace_s) if rest_s and pace_s is not None else None

    def on_ready(self) -> None:
        """Look: the kernel has woken the process."""
        self._rest = replace(self._rest, woken_at=self._monotonic_s())
        self.look()

    def tick(self) -> None:
        """Look now rather than at a moment of our own: the process is awake for something else."""
        if self.due_at() is not None:
            self.look()

    def look(self) -> None:
        """Look now."""
        found, pace_s = self._watch.look(), self._pace_s()
        if pace_s is not None:
            self._rest = rest_after(self._rest, found, pace_s, self._monotonic_s())
        if found.changed:
            self._changed()


def open_watch() -> RouteWatch | None:
    """Return a watch, or `None` where the kernel or a sandbox has no netlink: back-off alone retries then."""
    try:
        return RouteWatch()
    except OSError:
        return None


def _routes_to(destinations: Iterable[bytes], asking: socket.socket) -> dict[bytes, netlink.Route]:
    """Return by which route the kernel reaches each address now; one by an interface without a signal is none."""
    found: dict[bytes, netlink.Route] = {}
    for number, destination in enumerate(destinations):
        route = netlink.route_of(_answer(asking, netlink.route_request(destination, number)))
        if route is not None:
            found[destination] = route
    interfaces = {route.interface for route in found.values()} - {netlink.LOOPBACK_INDEX}
    down = {index for index in interfaces if netlink.is_down(_answer(asking, netlink.link_request(index, index)))}
    return {destination: route for destination, route in found.items() if route.interface not in down}


def _answer(asking: socket.socket, request: bytes) -> bytes:
    """Return what the kernel answers, which it does while it is asked: nothing waits here."""
    try:
        asking.send(request)
        return asking.recv(65536)
    except OSError:
        return b""


def _open() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)


def name_servers(files: Iterable[str] = _RESOLVER_FILES) -> list[str]:
    """Return the name servers of this gateway: where a look-up failed, the way to them counts."""
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
    """Return addresses as the kernel has them, each once; what is none is passed over, as is a zone."""
    found: dict[bytes, None] = {}
    for text in addresses:
        family = socket.AF_INET6 if ":" in text else socket.AF_INET
        try:
            found[socket.inet_pton(family, text.partition("%")[0])] = None
        except OSError:
            continue
    return tuple(found)[:MAX_DESTINATIONS]
