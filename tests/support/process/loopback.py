"""Keep what this process says on this machine: a socket that is led beyond loopback is refused, and remembered."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import os
import socket
import sys

_ADDRESSED = {"socket.connect", "socket.sendto", "socket.sendmsg"}
# Nobody can be connected to it: the kernel itself refuses, which a test may want to see.
_BROADCAST = "255.255.255.255"
# linux/sockios.h: a descriptor of the namespace that a socket is in.
_SIOCGSKNS = 0x894C
_LOOKED_UP = {"socket.getaddrinfo", "socket.gethostbyname"}


class BeyondLoopback(AssertionError):
    """Something in this process was about to speak to another machine."""


class Guard:
    """Refuse by an audit hook (PEP 578), which sees every socket of this process, whoever opens it.

    Refused is to connect, or to send, to an address that is not loopback's, and to look up a name other than
    localhost, which would ask a name server. AF_UNIX and netlink pass, and so do a socket that was made in another
    network namespace and a thread that has entered one: nothing leads out of those that the tests make. Code under
    test may swallow the exception, so each refusal is kept until `take`. Not covered: child processes, which are told
    no proxy and no more.
    """

    def __init__(self) -> None:
        self._refused: list[str] = []
        self._network = _network()

    def install(self) -> None:
        """Begin; a hook cannot be taken away again."""
        sys.addaudithook(self._look)

    def take(self) -> list[str]:
        """Return what was refused since the last call."""
        refused, self._refused = self._refused, []
        return refused

    def _look(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in _ADDRESSED:
            address = arguments[1]
            # A path is AF_UNIX, and netlink has no words.
            host = address[0] if isinstance(address, tuple) else None
            if event == "socket.connect" and host == _BROADCAST:
                return
        elif event in _LOOKED_UP:
            host = arguments[0]
        else:
            return
        host = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if isinstance(host, str) and not stays(host) and _network_of(arguments[0]) == self._network:
            self._refused.append(f"{event} {host}")
            raise BeyondLoopback(f"{event} to {host}: a test speaks to loopback alone")


def stays(host: str) -> bool:
    """Say whether a host is this machine, without asking anybody."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def forget_proxies() -> None:
    """Take the proxies out of the environment, so that no child process asks one for loopback."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        os.environ.pop(name, None)
        os.environ.pop(name.upper(), None)


def _network_of(speaker: object) -> tuple[int, int]:
    """Return the network namespace that a socket was made in; of anything else, that of this thread."""
    if isinstance(speaker, socket.socket):
        # Only root may ask, and only root makes namespaces.
        with contextlib.suppress(OSError):
            descriptor = fcntl.ioctl(speaker, _SIOCGSKNS)
            try:
                found = os.fstat(descriptor)
            finally:
                os.close(descriptor)
            return found.st_dev, found.st_ino
    return _network()


def _network() -> tuple[int, int]:
    found = os.stat("/proc/thread-self/ns/net")  # noqa: PTH116 - less to import where each socket is looked at
    return found.st_dev, found.st_ino
