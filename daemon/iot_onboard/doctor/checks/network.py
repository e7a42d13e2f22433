"""Judge the network: link, address and route, then name look-up, then the ports and the proxy. Pure."""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from ...net.rtnetlink import Key
from ..model import Finding, fail, ok, skipped, warn
from .configuration import is_vendors

RESOLVER = "see what the resolver says: resolvectl status, or cat /etc/resolv.conf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Hold a network interface: `up` says that it is switched on, `running` that it has a signal."""

    name: str
    up: bool
    running: bool
    hardware: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFacts:
    """Hold interfaces but loopback, addresses and routes.

    `near` has an address with a route for each host that the gateway speaks to, or nothing: then it needs no other.
    """

    links: tuple[Link, ...] = ()
    addresses: tuple[ipaddress.IPv4Interface | ipaddress.IPv6Interface, ...] = ()
    gateways: tuple[str, ...] = ()
    near: tuple[str, ...] = ()


class Unresolved(enum.Enum):
    """Say why a name has no address."""

    UNKNOWN = "unknown"
    NO_ANSWER = "no answer"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class NameFacts:
    """Hold what a host's name led to; `by_proxy`: the proxy looks it up, and we don't."""

    host: str
    literal: bool = False
    by_proxy: bool = False
    addresses: tuple[str, ...] = ()
    unresolved: Unresolved | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverFacts:
    """Hold the name servers of resolv.conf; `local_service`: NSS asks systemd-resolved, whatever stands there."""

    servers: tuple[str, ...] = ()
    local_service: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Hold what became of one address; `error` is empty where it answered."""

    address: str
    error: str
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachFacts:
    """Hold what became of the connection to a host: straight, or through `proxy` (host and port).

    `connection` is the socket, where there is one, for the handshake to go on with.
    """

    host: str
    port: int
    proxy: str = ""
    attempts: tuple[Attempt, ...] = ()
    proxy_failure: str = ""
    connection: object = None


def link(facts: NetworkFacts) -> Finding:
    """Judge whether any cable, radio or modem has a signal."""
    if _stays_here(facts):
        return skipped("Not needed: this machine itself is what the gateway speaks to.")
    good = [found for found in facts.links if found.up and found.running]
    if good:
        return ok(f"There is a link: {', '.join(found.name for found in good)}.")
    hardware = [found for found in facts.links if found.hardware] or list(facts.links)
    if not hardware:
        return fail("There is no network interface.", "check that the modem is plugged in: ip link")
    states = ", ".join(f"{found.name} {'has no signal' if found.up else 'is switched off'}" for found in hardware[:4])
    fix = "check cable, Wi-Fi or SIM card; switch on what is off: sudo ip link set DEVICE up"
    return fail(f"No network interface has a link: {states}.", fix)


def address(facts: NetworkFacts) -> Finding | None:
    """Judge whether the gateway has an address that leads beyond its own wire."""
    if _stays_here(facts):
        return None
    usable = [found for found in facts.addresses if not found.is_link_local]
    if usable:
        return ok(f"Addresses: {', '.join(str(found) for found in usable[:4])}.")
    local = next((found for found in facts.addresses if found.version == 4), None)
    why = "none but link-local ones" if facts.addresses else "there is none"
    if local is not None:
        why = f"only {local}, which is link-local: no DHCP answer"
    return fail(f"No usable address: {why}.", "check the DHCP server, or the address that is set: ip address")


def route(facts: NetworkFacts) -> Finding | None:
    """Judge whether there is a way out."""
    if facts.gateways:
        return ok(f"Default route: {', '.join(facts.gateways)}.")
    if _stays_here(facts):
        return None
    if facts.near:
        return ok(f"There is no default route, and {', '.join(facts.near)} is reached without one.")
    fix = "check the DHCP server, or the gateway that is set: ip route"
    return fail("There is no default route: nothing beyond this network can be reached.", fix)


def resolver(facts: ResolverFacts) -> Finding:
    """Judge whether names can be asked for at all."""
    if facts.servers:
        return ok(f"Name servers: {', '.join(facts.servers)}.")
    if facts.local_service:
        return ok("Names are looked up by systemd-resolved.")
    why = facts.problem or "it names no server"
    fix = "let DHCP or NetworkManager fill it, or by hand: echo nameserver 192.0.2.53 | sudo tee -a /etc/resolv.conf"
    return warn(f"/etc/resolv.conf gives no name server: {why}.", fix)


def honest(facts: NameFacts) -> Finding:
    """Judge whether the resolver makes up answers, as captive portals and some filters do (.invalid: RFC 6761)."""
    if facts.addresses:
        sentence = f"The resolver makes up answers: it gives {facts.addresses[0]} for a name that cannot exist."
        return warn(sentence, "a captive portal or a filter is in the way: log in to that network, or use another one")
    if facts.unresolved is Unresolved.NO_ANSWER:
        return skipped("The resolver says nothing of a name that cannot exist.")
    return ok("The resolver makes nothing up.")


def name(facts: NameFacts) -> Finding:
    """Judge whether one of our hosts has an address, and one that can be the platform's."""
    if facts.by_proxy:
        return skipped("Not needed: the proxy looks the names up.")
    if facts.literal:
        return skipped("Not needed: it is an address.")
    if facts.unresolved is Unresolved.UNKNOWN:
        fix = "correct product_key, region and instance_id in the configuration; or use another name server"
        return fail(f"There is no name {facts.host}, the name server says.", fix)
    if facts.unresolved is not None:
        return fail(f"The name {facts.host} cannot be looked up: {facts.reason}.", RESOLVER)
    private = [address for address in facts.addresses if not ipaddress.ip_address(address).is_global]
    if private and is_vendors(facts.host):
        fix = "a captive portal, a filter or /etc/hosts answers: log in to that network, or use another name server"
        return warn(f"{facts.host} resolves to {private[0]}, which cannot be the platform.", fix)
    return ok(f"{facts.host} resolves to {', '.join(facts.addresses[:4])}.")


def proxy(facts: ReachFacts | None) -> Finding:
    """Judge whether the proxy itself answers; `None` where there is none."""
    if facts is None:
        return skipped("No proxy is configured.")
    return _answers(facts, "check that the proxy runs, and correct proxy in the configuration")


def port(facts: ReachFacts) -> Finding:
    """Judge whether a host of the platform answers at its port, or the proxy leads on to it."""
    where = f"{facts.host} port {facts.port}"
    if not facts.proxy:
        fix = f"ask the network's owner to let out TCP port {facts.port} to {facts.host}"
        return _answers(facts, f"{fix}; where there is a proxy, set proxy in the configuration")
    if not facts.proxy_failure:
        return ok(f"The proxy {facts.proxy} leads on to {where}.")
    fix = f"ask the proxy's owner to allow CONNECT to {facts.host}:{facts.port}"
    if "407" in facts.proxy_failure:
        fix = "correct user name and password of proxy in the configuration"
    return fail(f"The way to {where} ends at the proxy: {facts.proxy_failure}.", fix)


def gateways(keys: Iterable[Key], names: dict[int, str]) -> tuple[str, ...]:
    """Return the default routes among what the kernel has: gateway and interface."""
    found: list[str] = []
    for key in keys:
        if key[0] != "route" or key[2] != 0:
            continue
        out, gateway = key[5], key[6]
        name = names.get(int.from_bytes(out, "little"), "?") if isinstance(out, bytes) and out else "several"
        # A route without an interface leads nowhere: the kernel keeps an unreachable default for IPv6.
        if name in {"lo", "?"}:
            continue
        via = f"{ipaddress.ip_address(gateway)} on " if isinstance(gateway, bytes) and gateway else ""
        found.append(f"{via}{name}")
    return tuple(sorted(set(found)))


def addresses(keys: Iterable[Key]) -> tuple[ipaddress.IPv4Interface | ipaddress.IPv6Interface, ...]:
    """Return the addresses among what the kernel has; tentative ones are of no use yet."""
    found = [
        ipaddress.ip_interface((key[4], key[2]))
        for key in keys
        if key[0] == "address" and isinstance(key[4], bytes) and isinstance(key[2], int) and key[4] and not key[5]
    ]
    return tuple(sorted(found, key=lambda interface: (interface.version, int(interface))))


def _stays_here(facts: NetworkFacts) -> bool:
    return bool(facts.near) and all(ipaddress.ip_address(text).is_loopback for text in facts.near)


def _answers(facts: ReachFacts, fix: str) -> Finding:
    where = f"{facts.host} port {facts.port}"
    answering = next((attempt for attempt in facts.attempts if not attempt.error), None)
    silent = ", ".join(f"{attempt.address} {attempt.error}" for attempt in facts.attempts if attempt.error)
    if answering is None:
        return fail(f"Nobody answers at {where}: {silent or 'it has no address'}.", fix)
    first = facts.attempts[0]
    if first.error == "timed out":
        sentence = f"{where} answers at {answering.address}, but {silent}: each connect waits for that first."
        protocol = "IPv6" if ":" in first.address else "IPv4"
        return warn(sentence, f"mend {protocol} of this network, or switch it off")
    return ok(f"{where} answers in {answering.duration_ms} ms.")
