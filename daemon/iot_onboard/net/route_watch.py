"""Notice when the route to the platform changes or comes back, by the kernel's own word.

The kernel tells of every link, address and route; what counts is by which route it would reach the platform, before and
after. A container that comes and goes changes much, and nothing of that.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable

from ..fast_start.fast_dataclasses import dataclass
from . import rtnetlink as netlink

# What one call reads, more than the kernel keeps: routes that come and go without end must not keep the loop.
_MAX_READS = 512
# Of how many addresses the routes are compared: each is a question to the kernel.
MAX_DESTINATIONS = 12
# Nobody is meant, and nothing is sent: whoever has a default route reaches them by it.
_ANYWHERE = ("128.0.0.1", "2000::1")
_RESOLVER_FILES = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Say whether the kernel had told anything, and whether the route to the platform changed or came back."""

    heard: bool
    changed: bool


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
            return Look(heard=False, changed=False)
        return Look(heard=True, changed=self._ask())

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

    After a look that found anything told the descriptor is left alone for `pace_s`, and all of the time while that is
    `None`. What the kernel tells meanwhile is kept by it, and compared with the routes that `begin` or `resume` found.
    `changed` is called where the route to the platform is another one, or came back.
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
        self._rests = False
        self._looked_at = 0.0

    def begin(self) -> None:
        """Forget what was told: an attempt begins, and sees it."""
        self._watch.settle()
        self._rests = False

    def resume(self, addresses: Iterable[str], *, failed: bool) -> None:
        """Go on after an attempt, with the addresses that it was for; hand on what changed while one failed."""
        changed = self._watch.look().changed
        self._watch.head_for(addresses)
        self._rests = False
        if changed and failed:
            self._changed()

    def fileno(self) -> int:
        """Return the descriptor to wait for, or -1 for now."""
        return -1 if self._rests or self._pace_s() is None else self._watch.fileno()

    def due_at(self) -> float | None:
        """Return when to look, where the descriptor is left alone."""
        pace_s = self._pace_s()
        return self._looked_at + pace_s if self._rests and pace_s is not None else None

    def tick(self) -> None:
        """Look now rather than at a moment of our own: the process is awake for something else."""
        if self.due_at() is not None:
            self.look()

    def look(self) -> None:
        """Look now."""
        found = self._watch.look()
        # Where nothing was told the kernel is quiet again: then it may wake us at any time.
        self._rests, self._looked_at = found.heard, self._monotonic_s()
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
