"""Judge name look-up: is there a resolver, is it honest, do the names lead to the platform. Pure."""

from __future__ import annotations

import enum
import ipaddress
from dataclasses import dataclass

from ..model import Finding, fail, ok, skipped, warn
from .identity import is_vendors

RESOLVER = "see what the resolver says: resolvectl status, or cat /etc/resolv.conf"


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


def host(facts: NameFacts) -> Finding:
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
