"""Judge link, address and route: what has to be there before any name is looked up. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from ...net.rtnetlink import Key
from ..model import Finding, fail, ok, skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Hold a network interface: `up` says that it is switched on, `running` that it has a signal."""

    name: str
    index: int
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
