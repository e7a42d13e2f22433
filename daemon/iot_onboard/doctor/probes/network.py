"""Look at interfaces, addresses and routes; nothing is sent."""

from __future__ import annotations

import fcntl
import socket
import struct
from dataclasses import replace
from pathlib import Path

from ...net.route_watch import snapshot
from ..checks.network import Link, NetworkFacts, addresses, gateways
from ..model import Facts, Probe
from .dns import MQTT_NAME, PROXY_NAME, REGISTRATION_NAME

_SIOCGIFFLAGS, _IFF_UP, _IFF_RUNNING = 0x8913, 0x1, 0x40


def _network(facts: Facts) -> NetworkFacts:
    keys = snapshot()
    links = _links(facts.root)
    return NetworkFacts(
        links=tuple(found for found in links if found.name != "lo"),
        addresses=addresses(keys),
        gateways=gateways(keys, {found.index: found.name for found in links}),
    )


def _routes(facts: Facts) -> NetworkFacts:
    """Add where each host that the gateway speaks to has an address with a route."""
    network = facts.get(NETWORK)
    names = (facts.get_optional(REGISTRATION_NAME), facts.get_optional(MQTT_NAME), facts.get_optional(PROXY_NAME))
    ours = [name for name in names if name is not None and not name.by_proxy]
    near = [next((address for address in name.addresses if _has_route(address)), None) for name in ours]
    known = tuple(sorted({address for address in near if address is not None}))
    return replace(network, near=known) if known and None not in near else network


def _has_route(host: str) -> bool:
    """Ask the kernel for a route: connecting a datagram socket sends nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # A kernel without IPv6 has no such socket.
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((host, 9))
    except OSError:
        return False
    return True


def _links(root: Path) -> list[Link]:
    """Ask for each interface's flags (netdevice(7)): they are this name space's, which sysfs need not be."""
    found: list[Link] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for index, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(asking, _SIOCGIFFLAGS, struct.pack("16sH14x", name.encode(), 0))
            except OSError:
                # It went away in between.
                continue
            flags: int = struct.unpack("16xH14x", answer)[0]
            hardware = (root / "sys/class/net" / name / "device").exists()
            up, running = bool(flags & _IFF_UP), bool(flags & _IFF_RUNNING)
            found.append(Link(name=name, index=index, up=up, running=running, hardware=hardware))
    return found


NETWORK = Probe(name="asking the kernel for the network", look=_network)
ROUTES = Probe(
    name="asking the kernel for routes",
    look=_routes,
    needs=(NETWORK,),
    wants=(REGISTRATION_NAME, MQTT_NAME, PROXY_NAME),
)
