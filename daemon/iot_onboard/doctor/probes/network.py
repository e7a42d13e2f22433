"""Read the facts about the network: interfaces, addresses, routes, names as the daemon does, and the platform's ports.

A connection to a port is opened, direct or through the proxy, and nothing is sent over it.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import re
import secrets
import socket
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from ...config.schema import Config
from ...core.failures import OnboardError
from ...net.network_dump import snapshot
from ...net.proxy_tunnel import open_tunnel
from ..checks.configuration import mqtt_endpoint, registration_endpoint
from ..checks.network import (
    RESOLVER,
    Attempt,
    Link,
    NameFacts,
    NetworkFacts,
    ReachFacts,
    ResolverFacts,
    Unresolved,
    addresses,
    gateways,
)
from ..model import Facts, Probe
from .configuration import CONFIG

_SIOCGIFFLAGS, _IFF_UP, _IFF_RUNNING = 0x8913, 0x1, 0x40
_NAMESERVER = re.compile(r"^\s*nameserver\s+(\S+)", re.MULTILINE)
_HOSTS_LINE = re.compile(r"^\s*hosts:.*\bresolve\b", re.MULTILINE)
_TIMEOUT_S = 4.5
_MAX_ADDRESSES = 4
_REGISTRATION_HOST, _MQTT_HOST = "the registration host", "the MQTT host"
_Endpoint = Callable[[Config], tuple[str, int]]


def _network(facts: Facts) -> NetworkFacts:
    keys = snapshot()
    return NetworkFacts(
        links=tuple(_links(facts.root)), addresses=addresses(keys), gateways=gateways(keys, dict(socket.if_nameindex()))
    )


def _routes(facts: Facts) -> NetworkFacts:
    """Add an address with a route for each host that the gateway connects to."""
    network = facts.get(NETWORK)
    names = (facts.get_optional(REGISTRATION_NAME), facts.get_optional(MQTT_NAME), facts.get_optional(PROXY_NAME))
    ours = [name for name in names if name is not None and not name.by_proxy]
    near = [next((address for address in name.addresses if _has_route(address)), None) for name in ours]
    known = tuple(sorted({address for address in near if address is not None}))
    return replace(network, near=known) if known and None not in near else network


def _has_route(host: str) -> bool:
    """Ask the kernel for a route; connecting a datagram socket sends nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # A kernel without IPv6 has no such socket.
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.connect((host, 9))
        return True
    return False


def _links(root: Path) -> Iterator[Link]:
    """Yield each interface with its flags (netdevice(7)), which are of this name space; sysfs may be of another one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for name in (name for _, name in socket.if_nameindex() if name != "lo"):
            try:
                answer = fcntl.ioctl(asking, _SIOCGIFFLAGS, struct.pack("16sH14x", name.encode(), 0))
            except OSError:
                # It was removed in the meantime.
                continue
            flags: int = struct.unpack("16xH14x", answer)[0]
            hardware = (root / "sys/class/net" / name / "device").exists()
            up, running = bool(flags & _IFF_UP), bool(flags & _IFF_RUNNING)
            yield Link(name=name, up=up, running=running, hardware=hardware)


def _resolver(facts: Facts) -> ResolverFacts:
    text = switch = problem = ""
    try:
        text = (facts.root / "etc/resolv.conf").read_text(errors="replace")
    except OSError as error:
        problem = f"it cannot be read ({error.strerror})"
    with contextlib.suppress(OSError):
        switch = (facts.root / "etc/nsswitch.conf").read_text(errors="replace")
    servers, local_service = tuple(_NAMESERVER.findall(text)), _HOSTS_LINE.search(switch) is not None
    return ResolverFacts(servers=servers, local_service=local_service, problem=problem)


def _proxy_name(facts: Facts) -> NameFacts | None:
    proxy = facts.get(CONFIG).proxy
    return None if proxy is None else _look_up(proxy.host)


def _name(what: str, endpoint: _Endpoint) -> Probe[NameFacts]:
    def collect(facts: Facts) -> NameFacts:
        config = facts.get(CONFIG)
        host, _ = endpoint(config)
        return NameFacts(host=host, by_proxy=True) if config.proxy is not None else _look_up(host)

    return Probe(name=f"the look-up of {what}", collect=collect, needs=(CONFIG,), stuck=RESOLVER)


def _look_up(host: str) -> NameFacts:
    literal = _is_literal(host)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        kinds = {socket.EAI_NONAME: Unresolved.UNKNOWN, socket.EAI_AGAIN: Unresolved.NO_ANSWER}
        kind = kinds.get(error.errno or 0, Unresolved.OTHER)
        return NameFacts(host=host, literal=literal, unresolved=kind, reason=error.strerror or "no reason given")
    except UnicodeError:
        return NameFacts(host=host, unresolved=Unresolved.OTHER, reason="not a host name")
    known = dict.fromkeys(str(address[0]).partition("%")[0] for _, _, _, _, address in found)
    return NameFacts(host=host, literal=literal, addresses=tuple(known))


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _connect_to_proxy(facts: Facts) -> ReachFacts | None:
    proxy, name = facts.get(CONFIG).proxy, facts.get(PROXY_NAME)
    if proxy is None or name is None:
        return None
    attempts, connection = _connect(name.addresses, proxy.port)
    if connection is not None:
        connection.close()
    return ReachFacts(host=proxy.host, port=proxy.port, attempts=attempts)


def _connection(what: str, endpoint: _Endpoint, name: Probe[NameFacts]) -> Probe[ReachFacts]:
    def collect(facts: Facts) -> ReachFacts:
        (host, port), proxy = endpoint(facts.get(CONFIG)), facts.get(CONFIG).proxy
        if proxy is None:
            attempts, connection = _connect(facts.get(name).addresses, port)
            return ReachFacts(host=host, port=port, attempts=attempts, connection=connection)
        at = f"{proxy.host} port {proxy.port}"
        try:
            connection = open_tunnel(host, port, proxy, _TIMEOUT_S)
        except OnboardError as error:
            return ReachFacts(host=host, port=port, proxy=at, proxy_failure=error.failure.detail)
        return ReachFacts(host=host, port=port, proxy=at, connection=connection)

    return Probe(name=f"the connection to {what}", collect=collect, needs=(CONFIG, name))


def _connect(addresses: tuple[str, ...], port: int) -> tuple[tuple[Attempt, ...], socket.socket | None]:
    """Try the addresses in parallel, and keep the connection that the daemon would use: the first in their order."""
    some = addresses[:_MAX_ADDRESSES]
    with ThreadPoolExecutor(max_workers=_MAX_ADDRESSES) as pool:
        outcomes = list(pool.map(lambda address: _try(address, port), some))
    connections = [raw for _, raw in outcomes if raw is not None]
    for unused in connections[1:]:
        unused.close()
    return tuple(attempt for attempt, _ in outcomes), connections[0] if connections else None


def _try(address: str, port: int) -> tuple[Attempt, socket.socket | None]:
    began = time.monotonic()
    raw, error = None, ""
    try:
        raw = socket.create_connection((address, port), timeout=_TIMEOUT_S)
    except TimeoutError:
        error = "timed out"
    except OSError as failure:
        error = (failure.strerror or "failed").lower()
    duration_ms = round((time.monotonic() - began) * 1000)
    return Attempt(address=address, error=error, duration_ms=duration_ms), raw


RESOLVER_FILES = Probe(name="the read of the resolver's configuration", collect=_resolver)
NONEXISTENT_NAME = Probe(
    name="the look-up of a name that does not exist",
    # Each time another name, so that no cache answers.
    collect=lambda _: _look_up(f"iot-onboard-{secrets.token_hex(4)}.invalid"),
    stuck=RESOLVER,
)
REGISTRATION_NAME = _name(_REGISTRATION_HOST, registration_endpoint)
MQTT_NAME = _name(_MQTT_HOST, mqtt_endpoint)
PROXY_NAME = Probe(name="the look-up of the proxy", collect=_proxy_name, needs=(CONFIG,), stuck=RESOLVER)
NETWORK = Probe(name="the query to the kernel for the network", collect=_network)
ROUTES = Probe(
    name="the query to the kernel for routes",
    collect=_routes,
    needs=(NETWORK,),
    wants=(REGISTRATION_NAME, MQTT_NAME, PROXY_NAME),
)
PROXY_CONNECTION = Probe(name="the connection to the proxy", collect=_connect_to_proxy, needs=(CONFIG, PROXY_NAME))
REGISTRATION_CONNECTION = _connection(_REGISTRATION_HOST, registration_endpoint, REGISTRATION_NAME)
MQTT_CONNECTION = _connection(_MQTT_HOST, mqtt_endpoint, MQTT_NAME)
