"""Check the network: link, address and route, then name look-up, then the ports and the proxy. Pure."""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from ...net.rtnetlink import Key
from ..model import Finding, fail, ok, skipped, warn
from .configuration import is_vendors

RESOLVER = "see the resolver's state: resolvectl status, or cat /etc/resolv.conf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Hold a network interface: `up` means switched on, `running` that it has a signal."""

    name: str
    up: bool
    running: bool
    hardware: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFacts:
    """Hold interfaces (without loopback), addresses and routes.

    `near` has one address with a route for each host that the gateway connects to, so that it needs no default route;
    it is empty if a host has no such address.
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
    """Hold the result of a name look-up; `by_proxy`: the proxy looks the name up, the gateway does not."""

    host: str
    literal: bool = False
    by_proxy: bool = False
    addresses: tuple[str, ...] = ()
    unresolved: Unresolved | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverFacts:
    """Hold the name servers of resolv.conf; `local_service`: NSS asks systemd-resolved, without that file."""

    servers: tuple[str, ...] = ()
    local_service: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Hold the result of connecting to one address; `error` is empty if it answered."""

    address: str
    error: str
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachFacts:
    """Hold the result of connecting to a host: direct, or through `proxy` (host and port).

    `connection` is the socket, if there is one; the handshake uses it.
    """

    host: str
    port: int
    proxy: str = ""
    attempts: tuple[Attempt, ...] = ()
    proxy_failure: str = ""
    connection: object = None


def link(facts: NetworkFacts) -> Finding:
    """Check that a cable, radio or modem has a signal."""
    if _stays_here(facts):
        return skipped("Not needed: the gateway connects only to this machine itself.")
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
    """Check that the gateway has an address that is not only link-local."""
    if _stays_here(facts):
        return None
    usable = [found for found in facts.addresses if not found.is_link_local]
    if usable:
        return ok(f"Addresses: {', '.join(str(found) for found in usable[:4])}.")
    local = next((found for found in facts.addresses if found.version == 4), None)
    why = "all are link-local" if facts.addresses else "there is none"
    if local is not None:
        why = f"only {local}, which is link-local: no DHCP answer"
    return fail(f"No usable address: {why}.", "check the DHCP server, or the configured address: ip address")


def route(facts: NetworkFacts) -> Finding | None:
    """Check that there is a default route, or that none is needed."""
    if facts.gateways:
        return ok(f"Default route: {', '.join(facts.gateways)}.")
    if _stays_here(facts):
        return None
    if facts.near:
        return ok(f"There is no default route; {', '.join(facts.near)} can be reached without one.")
    fix = "check the DHCP server, or the configured router: ip route"
    return fail("There is no default route: the Internet cannot be reached.", fix)


def resolver(facts: ResolverFacts) -> Finding:
    """Check that a name server is configured."""
    if facts.servers:
        return ok(f"Name servers: {', '.join(facts.servers)}.")
    if facts.local_service:
        return ok("systemd-resolved looks names up.")
    why = facts.problem or "it names no server"
    fix = "get one by DHCP or NetworkManager, or by hand: echo nameserver 192.0.2.53 | sudo tee -a /etc/resolv.conf"
    return warn(f"/etc/resolv.conf has no name server: {why}.", fix)


def nonexistent_name(facts: NameFacts) -> Finding:
    """Check for false answers, which captive portals and some filters give (.invalid never exists: RFC 6761)."""
    if facts.addresses:
        sentence = f"The name server gives false answers: {facts.addresses[0]} for a name that does not exist."
        return warn(sentence, "it may be a captive portal or a filter: log in to that network, or use another one")
    if facts.unresolved is Unresolved.NO_ANSWER:
        return skipped("The name server did not answer for a name that does not exist.")
    return ok("The name server gives no address for a name that does not exist.")


def name(facts: NameFacts) -> Finding:
    """Check that a host of the platform has an address, and not a private one."""
    if facts.by_proxy:
        return skipped("Not needed: the proxy looks the names up.")
    if facts.literal:
        return skipped("Not needed: the configuration has an address, not a name.")
    if facts.unresolved is Unresolved.UNKNOWN:
        fix = "correct product_key, region and instance_id in the configuration; or use another name server"
        return fail(f"The name {facts.host} does not exist, says the name server.", fix)
    if facts.unresolved is not None:
        return fail(f"The name {facts.host} cannot be looked up: {facts.reason}.", RESOLVER)
    private = [address for address in facts.addresses if not ipaddress.ip_address(address).is_global]
    if private and is_vendors(facts.host):
        fix = "it may be a captive portal, a filter or /etc/hosts: log in to that network, or use another name server"
        return warn(f"{facts.host} resolves to {private[0]}, a private address, which is not the platform.", fix)
    return ok(f"{facts.host} resolves to {', '.join(facts.addresses[:4])}.")


def proxy(facts: ReachFacts | None) -> Finding:
    """Check that the proxy itself answers; `None` if none is configured."""
    if facts is None:
        return skipped("No proxy is configured.")
    return _answers(facts, "check that the proxy runs, and correct proxy in the configuration")


def port(facts: ReachFacts) -> Finding:
    """Check that a host of the platform answers at its port, direct or through the proxy."""
    where = f"{facts.host} port {facts.port}"
    if not facts.proxy:
        fix = f"ask the network operator to allow TCP port {facts.port} to {facts.host}"
        return _answers(facts, f"{fix}; if the network has a proxy, set proxy in the configuration")
    if not facts.proxy_failure:
        return ok(f"The proxy {facts.proxy} connects to {where}.")
    fix = f"ask the proxy's operator to allow CONNECT to {facts.host}:{facts.port}"
    if "407" in facts.proxy_failure:
        fix = "correct user name and password of proxy in the configuration"
    return fail(f"The proxy did not connect to {where}: {facts.proxy_failure}.", fix)


def gateways(keys: Iterable[Key], names: dict[int, str]) -> tuple[str, ...]:
    """Return the default routes of the kernel, as router and interface."""
    found: list[str] = []
    for key in keys:
        if key[0] != "route" or key[2] != 0:
            continue
        out, gateway = key[5], key[6]
        name = names.get(int.from_bytes(out, "little"), "?") if isinstance(out, bytes) and out else "several"
        # A route without an interface is no use: the kernel has an unreachable default for IPv6.
        if name in {"lo", "?"}:
            continue
        via = f"{ipaddress.ip_address(gateway)} on " if isinstance(gateway, bytes) and gateway else ""
        found.append(f"{via}{name}")
    return tuple(sorted(set(found)))


def addresses(keys: Iterable[Key]) -> tuple[ipaddress.IPv4Interface | ipaddress.IPv6Interface, ...]:
    """Return the addresses of the kernel, without tentative ones, which cannot be used yet."""
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
        return fail(f"{where} does not answer: {silent or 'it has no address'}.", fix)
    first = facts.attempts[0]
    if first.error == "timed out":
        sentence = f"{where} answers at {answering.address}, but {silent}: every connection tries that one first."
        protocol = "IPv6" if ":" in first.address else "IPv4"
        return warn(sentence, f"repair {protocol} of this network, or switch it off")
    return ok(f"{where} answers in {answering.duration_ms} ms.")
